//! The images and targets of a step.

use super::EngineError;
use crate::Network;
use std::ops::Range;

/// The correct answers for the images of a step.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// The class of each image (n).
    Classes(&'a [u16]),
    /// The share of each class in an image, (n, classes); each row sums to 1.
    Shares(&'a [f32]),
}

impl Targets<'_> {
    /// Number of images of a network of `classes` classes.
    pub fn len(&self, classes: usize) -> usize {
        match self {
            Self::Classes(labels) => labels.len(),
            Self::Shares(shares) => shares.len() / classes,
        }
    }
}

/// The images of one step; any number from 1 up to the engine's batch size.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels (n, h, w, c) of all images, or of the engine's share ([`super::Engine::share`]).
    pub images: &'a [u8],
    /// Targets of all images of the step, including those of other ranks.
    pub targets: Targets<'a>,
}

impl<'a> Batch<'a> {
    /// A batch of images with one class each.
    pub fn of_classes(images: &'a [u8], labels: &'a [u16]) -> Self {
        Self { images, targets: Targets::Classes(labels) }
    }

    /// A batch of images with shares of classes.
    pub fn of_shares(images: &'a [u8], shares: &'a [f32]) -> Self {
        Self { images, targets: Targets::Shares(shares) }
    }

    /// Checks the batch against `network` and returns the number of images of the step; `share`
    /// gives the range of images whose pixels are present.
    ///
    /// # Errors
    /// If there are no images, the number of pixels does not fit the share, or a target is impossible.
    pub fn check(
        &self,
        network: &Network,
        share: impl Fn(usize) -> Range<usize>,
    ) -> Result<usize, EngineError> {
        let fail = |text: String| Err(EngineError::Batch(text));
        let (classes, shape) = (network.classes(), network.input_shape());
        let n = self.targets.len(classes);
        let own = share(n).len();
        if n == 0 || self.images.len() != own * shape.len() {
            return fail(format!("{} pixels are not {own} images of {shape}", self.images.len()));
        }
        match self.targets {
            Targets::Classes(labels) => {
                match labels.iter().find(|&&label| usize::from(label) >= classes) {
                    Some(label) => fail(format!("label {label} is not one of {classes} classes")),
                    None => Ok(n),
                }
            }
            Targets::Shares(shares) => match impossible_row(shares, classes) {
                Some(i) => fail(format!("the shares of image {i} are not {classes} that sum to 1")),
                None => Ok(n),
            },
        }
    }
}

/// The first image whose shares are incomplete, negative or do not sum to 1 within rounding.
fn impossible_row(shares: &[f32], classes: usize) -> Option<usize> {
    let possible = |row: &[f32]| {
        let sum: f32 = row.iter().sum();
        row.len() == classes && row.iter().all(|&share| share >= 0.0) && (sum - 1.0).abs() < 1e-3
    };
    shares.chunks(classes).position(|row| !possible(row))
}
