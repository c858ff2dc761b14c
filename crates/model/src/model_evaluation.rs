//! How far a model's probabilities can be trusted on labelled images: calibration with and without its
//! temperature, and the coverage and accuracy of its thresholds for "none of these".

use modiste_metrics::{
    Calibration, Evaluation, Rejection, accuracy, answered, cross_entropy, mean_auroc,
};
use serde::Serialize;

use crate::Model;

/// The full evaluation of a model's answers to labelled images.
#[derive(Serialize)]
pub struct ModelEvaluation {
    /// Metrics of the logits without temperature.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Metrics at the model's temperature; `None` if it has none.
    #[serde(flatten)]
    pub trust: Option<ConfidenceMetrics>,
    /// Metrics of the mean logits of every image and its mirror image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<MirroredMetrics>,
}

/// Metrics at the model's temperature.
#[derive(Serialize)]
pub struct ConfidenceMetrics {
    /// Loss and calibration error.
    pub calibrated: Calibrated,
    /// The model's thresholds on these images.
    pub rejection: Vec<ThresholdEffect>,
}

/// Loss and calibration error at a temperature.
#[derive(Clone, Copy, Serialize)]
pub struct Calibrated {
    /// The divisor of the logits.
    pub temperature: f64,
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Expected calibration error.
    pub ece: f64,
}

/// The effect of one threshold.
#[derive(Serialize)]
pub struct ThresholdEffect {
    /// The accuracy that it reached on the validation part.
    pub target: f64,
    /// The smallest top probability that is answered.
    pub threshold: f64,
    /// Share of these images that is answered.
    pub coverage: f64,
    /// Share of the answers that is right; `None` if there are none.
    pub accuracy: Option<f64>,
}

impl ConfidenceMetrics {
    /// Evaluates `logits` (n, classes) and labels (n); `None` if the model has no confidence.
    pub fn of(model: &Model, logits: &[f32], labels: &[u16], mirrored: bool) -> Option<Self> {
        let confidence = model.confidence.as_ref()?.of(mirrored);
        let (classes, temperature) = (model.classes.len(), confidence.temperature);
        let scaled: Vec<f32> =
            logits.iter().map(|&z| (f64::from(z) / temperature) as f32).collect();
        let calibrated = Calibrated {
            temperature,
            loss: cross_entropy(&scaled, labels, classes),
            ece: Calibration::at(logits, labels, classes, temperature).ece,
        };
        let rule = |rule: &Rejection| {
            let (coverage, accuracy) =
                answered(logits, labels, classes, temperature, rule.threshold);
            ThresholdEffect { target: rule.target, threshold: rule.threshold, coverage, accuracy }
        };
        Some(Self { calibrated, rejection: confidence.rejection.iter().map(rule).collect() })
    }
}

/// Metrics of the mean logits of every image and its mirror image.
#[derive(Serialize)]
pub struct MirroredMetrics {
    /// Share of the images classified correctly.
    pub accuracy: f64,
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Mean one-vs-rest AUROC; `None` if it is not defined.
    pub auroc: Option<f64>,
    /// Expected calibration error.
    pub ece: f64,
    /// The same at the temperature of the mean logits; `None` if the model has no confidence.
    #[serde(flatten)]
    pub trust: Option<ConfidenceMetrics>,
}

impl MirroredMetrics {
    /// Evaluates mean logits (n, classes) and labels (n).
    pub fn of(model: &Model, logits: &[f32], labels: &[u16]) -> Self {
        let classes = model.classes.len();
        Self {
            accuracy: accuracy(logits, labels, classes),
            loss: cross_entropy(logits, labels, classes),
            auroc: mean_auroc(logits, labels, classes),
            ece: Calibration::at(logits, labels, classes, 1.0).ece,
            trust: ConfidenceMetrics::of(model, logits, labels, true),
        }
    }
}
