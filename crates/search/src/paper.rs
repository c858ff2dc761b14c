//! What the paper published: its table 1 and its table 2.

use modiste_train::Config;
use serde::Serialize;

/// A row of the paper's table 1 (12 epochs).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Published {
    /// L.
    pub length: usize,
    /// W.
    pub width: usize,
    /// D.
    pub dropout: f64,
    /// Training accuracy.
    pub train_accuracy: f64,
    /// Validation accuracy.
    pub validation_accuracy: f64,
    /// Trainable parameters, to three digits.
    pub parameters: usize,
}

/// The paper's table 2: the best model after 40 epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PublishedBest {
    /// Training accuracy.
    pub train_accuracy: f64,
    /// Training loss.
    pub train_loss: f64,
    /// Validation accuracy.
    pub validation_accuracy: f64,
    /// Mean one-vs-rest AUROC.
    pub auroc: f64,
    /// The epoch with the highest validation accuracy.
    pub best_epoch: usize,
}

/// The paper's table 2.
pub const PUBLISHED_BEST: PublishedBest = PublishedBest {
    train_accuracy: 0.992,
    train_loss: 0.0563,
    validation_accuracy: 0.940,
    auroc: 0.997,
    best_epoch: 18,
};

/// The paper's table 1, in its order.
pub const PUBLISHED: [Published; 8] = [
    row(3, 4, 0.5, 0.911, 0.912, 453_000),
    row(4, 4, 0.5, 0.905, 0.908, 564_000),
    row(3, 5, 0.5, 0.906, 0.914, 861_000),
    row(4, 5, 0.5, 0.908, 0.912, 1_100_000),
    row(3, 4, 0.3, 0.925, 0.924, 453_000),
    row(4, 4, 0.3, 0.928, 0.930, 564_000),
    row(3, 5, 0.3, 0.931, 0.932, 861_000),
    row(4, 5, 0.3, 0.935, 0.934, 1_100_000),
];

const fn row(
    length: usize,
    width: usize,
    dropout: f64,
    train_accuracy: f64,
    validation_accuracy: f64,
    parameters: usize,
) -> Published {
    Published { length, width, dropout, train_accuracy, validation_accuracy, parameters }
}

/// The row of table 1 that has this configuration's length, width and dropout, where it is trained
/// for the table's 12 epochs.
pub fn published(config: &Config) -> Option<&'static Published> {
    let network = config.network.inception()?;
    let same = |row: &&Published| {
        (row.length, row.width) == (network.length, network.width) && row.dropout == network.dropout
    };
    PUBLISHED.iter().find(same).filter(|_| config.training.epochs == 12)
}
