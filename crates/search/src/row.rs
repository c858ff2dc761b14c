//! A row of a grid's table, and the values that it is made from.

use serde::Serialize;

use crate::{Numbers, Spread};

/// One combination. Training accuracy is that after the last epoch, as the paper's table has it, and
/// validation accuracy of the best epoch, whose model the trial keeps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The value of each varied field.
    pub values: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Number of validation images, of all folds together.
    pub validation_images: usize,
    /// Its trials.
    pub trials: usize,
    /// Number of trials that are done.
    pub done: usize,
    /// Accuracy of the training batches as they were trained on, over the last epoch.
    pub train: Option<Spread>,
    /// Validation accuracy of the best epoch.
    pub validation: Option<Spread>,
    /// Validation AUROC of the best epoch.
    pub auroc: Option<Spread>,
    /// Training accuracy minus that of the row with the field's previous value, all else equal; one per
    /// varied field.
    pub gains: Vec<Gain>,
    /// The published values.
    pub published: Option<Published>,
}

/// The gain of a step along one field.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// In training accuracy; `None` at the first value, and where a trial is missing.
    pub train: Option<f64>,
    /// In validation accuracy.
    pub validation: Option<f64>,
    /// In training accuracy, published.
    pub published_train: Option<f64>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialResult {
    /// Its name, which is also the name of its folder.
    pub name: String,
    /// Position of its row.
    pub row: usize,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1.
    pub fold: Option<usize>,
    /// `new`, `begun, 3 epochs` or `done`.
    pub state: String,
    /// Its results, if it is done.
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
