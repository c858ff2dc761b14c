//! A row of a grid's table, and the values that it is made from.

use serde::Serialize;

use crate::{Numbers, Spread};

/// One combination. As in the paper's table, training accuracy is measured after the last epoch; validation
/// accuracy is that of the best epoch, whose model the trial keeps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The value of each varied field.
    pub values: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Number of validation images, of all folds together.
    pub validation_images: usize,
    /// Number of trials.
    pub trials: usize,
    /// Number of trials that are done.
    pub done: usize,
    /// Accuracy of the augmented training batches, over the last epoch.
    pub train: Option<Spread>,
    /// Validation accuracy of the best epoch.
    pub validation: Option<Spread>,
    /// Validation AUROC of the best epoch.
    pub auroc: Option<Spread>,
    /// Differences from the row with the field's previous value, all else equal; one per varied field.
    pub gains: Vec<Gain>,
    /// The published values.
    pub published: Option<Published>,
}

/// The gain from one value of a field to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// Gain in training accuracy; `None` at the first value, and if a trial is missing.
    pub train: Option<f64>,
    /// Gain in validation accuracy.
    pub validation: Option<f64>,
    /// Published gain in training accuracy.
    pub published_train: Option<f64>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialResult {
    /// Its name, which is also the name of its folder.
    pub name: String,
    /// Index of its row.
    pub row: usize,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1.
    pub fold: Option<usize>,
    /// `new`, `begun, 3 epochs` or `done`.
    pub state: String,
    /// The results, if it is done.
    pub numbers: Option<Numbers>,
}

/// Sizes of a combination that depend on the data: parameters and images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Trainable parameters.
    pub parameters: usize,
    /// Number of validation images, of all folds together.
    pub validation_images: usize,
}

/// The published values of a combination: a row of the paper's table 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Published {
    /// Number of blocks, the paper's L.
    pub length: usize,
    /// Width of a block, the paper's W.
    pub width: usize,
    /// Dropout rate, the paper's D.
    pub dropout: f64,
    /// Training accuracy.
    pub train_accuracy: f64,
    /// Validation accuracy.
    pub validation_accuracy: f64,
    /// Number of trainable parameters, to three digits.
    pub parameters: usize,
}
