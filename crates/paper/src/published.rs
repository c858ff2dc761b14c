//! Published numbers: the tables of the paper, and other results on Fashion-MNIST with their sources.
//!
//! The other results were measured on the official test set, 10,000 images, after training on the
//! official 60,000. "Page" is the list of submitted results in the repository
//! zalandoresearch/fashion-mnist.

use modiste_baselines::Published as PublishedBaseline;
use modiste_search::Published;
use modiste_train::Config;
use serde::Serialize;

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

/// The row of table 1 with this configuration's length, width and dropout, if it has the table's 12
/// epochs.
pub fn published(config: &Config) -> Option<Published> {
    let network = config.network.inception()?;
    let same = |row: &&Published| {
        (row.length, row.width) == (network.length, network.width) && row.dropout == network.dropout
    };
    PUBLISHED.iter().find(same).filter(|_| config.training.epochs == 12).copied()
}

/// The paper's grid of its table 1, in the order of that table: fields and values.
pub fn grid_axes() -> Vec<(String, Vec<String>)> {
    [
        ("network.length", ["3", "4"]),
        ("network.width", ["4", "5"]),
        ("network.dropout", ["0.5", "0.3"]),
    ]
    .map(|(field, values)| (field.to_owned(), values.map(str::to_owned).to_vec()))
    .to_vec()
}

const PAGE: &str = "Fashion-MNIST page";

/// Baseline, name, accuracy and source of results for comparison.
const RESULTS: [(&str, &str, f64, &str); 7] = [
    ("svm", "SVC", 0.897, PAGE),
    ("svm", "HOG and SVM", 0.926, PAGE),
    ("forest", "XGBoost", 0.898, PAGE),
    ("mlp", "MLP 256-128-64", 0.900, PAGE),
    ("cnn", "2 convolutions, 113e3 parameters", 0.922, PAGE),
    ("cnn", "2 convolutions, 3 dense, 1.8e6 parameters", 0.932, PAGE),
    ("cnn", "VGG16, 26e6 parameters", 0.935, PAGE),
];

/// The published results to compare the baseline of this name with.
pub fn published_baselines(baseline: &str) -> Vec<PublishedBaseline> {
    let of = RESULTS.iter().filter(|(kind, ..)| *kind == baseline);
    of.map(|&(_, name, accuracy, source)| PublishedBaseline {
        name: name.to_owned(),
        accuracy,
        part: "test".to_owned(),
        train_images: 60_000,
        images: 10_000,
        source: source.to_owned(),
    })
    .collect()
}
