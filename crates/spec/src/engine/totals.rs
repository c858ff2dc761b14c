//! Sums over steps.

use serde::{Deserialize, Serialize};

/// Sums over steps, with each step measured before it changes the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Sum over batches of the loss ([`super::Loss`]) times the number of images.
    pub loss: f64,
    /// Number of images whose largest logit was that of their class or of their largest share (the
    /// first of equal ones counts).
    pub correct: usize,
    /// Images.
    pub images: usize,
    /// Number ([`super::Step::number`]) of the first step whose loss was not finite.
    #[serde(skip)]
    pub not_finite: Option<u64>,
}

impl Totals {
    /// Adds step `number` of `images` images.
    pub fn add(&mut self, number: u64, loss: f64, correct: usize, images: usize) {
        self.loss += loss * images as f64;
        self.correct += correct;
        self.images += images;
        if !loss.is_finite() {
            self.not_finite.get_or_insert(number);
        }
    }

    /// Mean loss; `NaN` before the first batch.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.images as f64
    }

    /// Accuracy; `NaN` before the first batch.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }
}
