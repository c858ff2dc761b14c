//! Published results for comparison.

use serde::{Deserialize, Serialize};

/// A published result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The classifier with its variant.
    pub name: String,
    /// Its accuracy.
    pub accuracy: f64,
    /// The part that the accuracy was measured on.
    pub part: String,
    /// Number of images it was trained on.
    pub train_images: usize,
    /// Number of images it was measured on.
    pub images: usize,
    /// Its source.
    pub source: String,
}
