//! The model's card: its evaluation on the validation images.

use modiste_metrics::{Evaluation, Mistake};
use serde::Serialize;

/// The answer to `GET /v1/evaluation`.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// Name of the data set.
    pub data: String,
    /// The split as written on the command line.
    pub split: String,
    /// The part of the data that was evaluated.
    pub part: String,
    /// Accuracy, confusion matrix, figures of each class.
    pub evaluation: Evaluation,
    /// The mistakes with the largest loss, the worst first.
    pub mistakes: Vec<WrongImage>,
}

/// A mistake and its image.
#[derive(Clone, Debug, Serialize)]
pub struct WrongImage {
    /// The prediction and the truth.
    #[serde(flatten)]
    pub mistake: Mistake,
    /// The image (h, w, c).
    pub pixels: Vec<u8>,
}

/// Why a model has no card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The validation images are not available, or the card is switched off.
    #[error("{0}")]
    None(String),
    /// The evaluation failed.
    #[error("the evaluation failed: {0}")]
    Failed(String),
}
