//! The contents of a run's report.

use modiste_draw::Picture;
use modiste_metrics::{Evaluation, Mistake, RocCurve};
use modiste_model::{EpochMetrics, EpochRow};

use crate::page::{Figure, Section};

/// A run as its report shows it; empty fields are left out.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// Heading: the name of the run.
    pub name: String,
    /// The training data, in one line, as "Fashion-MNIST, embedded, split paper".
    pub data: String,
    /// Number of trainable parameters.
    pub parameters: u64,
    /// Names and values of the settings.
    pub settings: Vec<(String, String)>,
    /// The results of each epoch, in order.
    pub epochs: Vec<EpochRow>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: Option<usize>,
    /// Parts of the data and how they were classified.
    pub parts: Vec<PartReport>,
    /// Published numbers for comparison.
    pub references: Vec<Reference>,
    /// The part of the data that the mistakes are from.
    pub mistakes_part: String,
    /// The worst mistakes, the worst first.
    pub mistakes: Vec<MistakeImage>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Figures of the network: its structure, its block.
    pub network: Vec<Figure>,
    /// Further sections, before the settings.
    pub more: Vec<Section>,
}

/// One part of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct PartReport {
    /// Its name: "train", "validation", "test".
    pub name: String,
    /// How it was classified.
    pub evaluation: Evaluation,
    /// The curve of each class against all others; empty if they are not known.
    pub roc: Vec<Option<RocCurve>>,
}

/// A published result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// Source, as "the paper, 40 epochs".
    pub name: String,
    /// The part of the data it was measured on.
    pub part: String,
    /// Accuracy.
    pub accuracy: Option<f64>,
    /// Cross-entropy.
    pub loss: Option<f64>,
    /// Mean one-vs-rest AUROC.
    pub auroc: Option<f64>,
}

/// A wrongly classified image.
#[derive(Clone, Debug, PartialEq)]
pub struct MistakeImage {
    /// The mistake.
    pub mistake: Mistake,
    /// The image.
    pub picture: Picture,
    /// A picture next to it, such as a heat map, of the same size.
    pub beside: Vec<Picture>,
}

impl RunReport {
    /// Name of `class`, or its number if it has none.
    pub(crate) fn class_name(&self, class: u16) -> String {
        self.classes.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string())
    }

    /// The epoch that was kept, if it is among the epochs.
    pub(crate) fn best(&self) -> Option<&EpochMetrics> {
        let mut metrics = self.epochs.iter().map(|row| &row.metrics);
        metrics.find(|metrics| Some(metrics.epoch) == self.best_epoch)
    }

    /// Seconds of all epochs, as far as they are known.
    pub(crate) fn seconds(&self) -> f64 {
        self.epochs.iter().filter_map(|row| row.timing).map(|timing| timing.seconds).sum()
    }

    /// The part of this name, if it was evaluated.
    pub(crate) fn part(&self, name: &str) -> Option<&PartReport> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Error rate on the validation set minus that on the training set, if both were evaluated.
    pub(crate) fn misclassification_gap(&self) -> Option<f64> {
        let accuracy = |name| Some(self.part(name)?.evaluation.accuracy);
        Some(accuracy("train")? - accuracy("validation")?)
    }
}
