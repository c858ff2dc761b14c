//! The model's card: how it does on images that it was not fitted to.

use modiste_metrics::{Evaluation, Mistake};
use serde::Serialize;

/// What `GET /v1/evaluation` tells.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// Name of the data set.
    pub data: String,
    /// The split as it is written on the command line.
    pub split: String,
    /// The part that was predicted.
    pub part: String,
    /// Accuracy, confusion matrix, figures of each class.
    pub evaluation: Evaluation,
    /// The most costly mistakes, the worst first.
    pub mistakes: Vec<WrongImage>,
}

/// A mistake and what it looks like.
#[derive(Clone, Debug, Serialize)]
pub struct WrongImage {
    /// What was said, and what is true.
    #[serde(flatten)]
    pub mistake: Mistake,
    /// The image (h, w, c).
    pub pixels: Vec<u8>,
}

/// Why a model has no card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The images it was chosen by are not here, or nobody wants the card.
    #[error("{0}")]
    None(String),
    /// There are images, and something went wrong.
    #[error("the evaluation failed: {0}")]
    Failed(String),
}
