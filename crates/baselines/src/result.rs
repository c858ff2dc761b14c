//! The results of a baseline: plain data, for tables, files and reports.

use std::collections::BTreeMap;

use modiste_data::PartName;
use modiste_metrics::wilson;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Published;

/// The result of one baseline; stored in `baseline.json` of a result folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineResult {
    /// Its name on the command line.
    pub baseline: String,
    /// Its settings by name.
    pub settings: BTreeMap<String, Value>,
    /// The data set's name.
    pub data: String,
    /// The split as written on the command line.
    pub split: String,
    /// Number of images it was fitted to.
    pub train_images: usize,
    /// The parts it was measured on.
    pub parts: Vec<PartResult>,
    /// Time and memory.
    pub seconds: Seconds,
    /// Facts about the fit: support vectors, nodes, parameters.
    pub facts: BTreeMap<String, Value>,
    /// Published results of the same kind of classifier.
    pub published: Vec<Published>,
}

impl BaselineResult {
    /// The result on one part, if it was measured there.
    pub fn part(&self, part: PartName) -> Option<&PartResult> {
        self.parts.iter().find(|result| result.part == part)
    }
}

/// The result on one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartResult {
    /// The part.
    pub part: PartName,
    /// Number of images.
    pub images: usize,
    /// Number of correct answers.
    pub correct: usize,
    /// Share of correct answers.
    pub accuracy: f64,
    /// 95 % interval of the share (Wilson).
    pub accuracy_interval: [f64; 2],
}

impl PartResult {
    /// Compares predictions with labels.
    ///
    /// # Panics
    /// If their numbers differ.
    pub fn new(part: PartName, predictions: &[u16], labels: &[u16]) -> Self {
        assert_eq!(predictions.len(), labels.len(), "a prediction an image");
        let correct = predictions.iter().zip(labels).filter(|(p, l)| p == l).count();
        let images = labels.len();
        let accuracy = correct as f64 / images.max(1) as f64;
        let accuracy_interval = wilson(correct as u64, images as u64);
        Self { part, images, correct, accuracy, accuracy_interval }
    }
}

/// Seconds that a baseline took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Seconds to fit it.
    pub train: f64,
    /// Seconds to predict all parts that it was measured on.
    pub predict: f64,
}
