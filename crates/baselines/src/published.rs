//! A result that others published, as it stands beside ours.

use serde::{Deserialize, Serialize};

/// A published result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The classifier and what sets it apart.
    pub name: String,
    /// Its accuracy.
    pub accuracy: f64,
    /// The part that the accuracy was measured on.
    pub part: String,
    /// Images it was trained on.
    pub train_images: usize,
    /// Images it was measured on.
    pub images: usize,
    /// Where it was published.
    pub source: String,
}
