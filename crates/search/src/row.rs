//! A row of a grid's table, and what it is put together from.

use serde::Serialize;

use crate::{Numbers, Spread};

/// One combination. Training accuracy is that after the last epoch, as the paper's table has it, and
/// validation accuracy that of the best epoch, which the trial's model is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The value of each varied field.
    pub values: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Validation images; those of all folds together.
    pub validation_images: usize,
    /// Its trials.
    pub trials: usize,
    /// Those that are done.
    pub done: usize,
    /// Accuracy of the training batches as they were trained on, over the last epoch.
    pub train: Option<Spread>,
    /// Validation accuracy of the best epoch.
    pub validation: Option<Spread>,
    /// Validation AUROC of the best epoch.
    pub auroc: Option<Spread>,
    /// Training accuracy less that of the row with the field's value before, all else equal; one a
    /// varied field.
    pub gains: Vec<Gain>,
    /// What was published of it.
    pub published: Option<Published>,
}

/// What a step along one field gains.
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
    /// Its name, which is that of its folder.
    pub name: String,
    /// Position of its row.
    pub row: usize,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1.
    pub fold: Option<usize>,
    /// `new`, `begun, 3 epochs` or `done`.
    pub state: String,
    /// What it found, if it is done.
    pub numbers: Option<Numbers>,
}

/// What only data can say of a combination: parameters for images of that shape, and the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Trainable parameters.
    pub parameters: usize,
    /// Validation images; those of all folds together.
    pub validation_images: usize,
}

/// What was published of a combination: a row of the paper's table 1.
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
