//! What a model's probabilities are worth on labelled images: calibration before and after its
//! temperature, and what its thresholds for "none of these" cost and bring there.

use modiste_metrics::{
    Calibration, Evaluation, Rejection, accuracy, answered, cross_entropy, mean_auroc,
};
use serde::Serialize;

use crate::Model;

/// All that an evaluation says of a model's answers to labelled images.
#[derive(Serialize)]
pub struct Worth {
    /// Numbers of the logits as they are.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// At the model's temperature; nothing where it has none.
    #[serde(flatten)]
    pub trust: Option<Trust>,
    /// Of the mean logits of every image and its mirror image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<Mirrored>,
}

/// Numbers at the model's temperature.
#[derive(Serialize)]
pub struct Trust {
    /// Loss and calibration error.
    pub calibrated: Calibrated,
    /// The model's thresholds on these images.
    pub rejection: Vec<Rule>,
}

/// Loss and calibration error at a temperature.
#[derive(Clone, Copy, Serialize)]
pub struct Calibrated {
    /// What logits are divided by.
    pub temperature: f64,
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Expected calibration error.
    pub ece: f64,
}

/// One threshold.
#[derive(Serialize)]
pub struct Rule {
    /// The accuracy that it reached on the validation part.
    pub target: f64,
    /// The least top probability that is answered.
    pub threshold: f64,
    /// Part of these images that is answered.
    pub coverage: f64,
    /// Part of the answers that is right; nothing where there are none.
    pub accuracy: Option<f64>,
}

impl Trust {
    /// Of `logits` (n, classes) and labels (n); nothing where the model was not measured.
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
            Rule { target: rule.target, threshold: rule.threshold, coverage, accuracy }
        };
        Some(Self { calibrated, rejection: confidence.rejection.iter().map(rule).collect() })
    }
}

/// Numbers of the mean logits of every image and its mirror image.
#[derive(Serialize)]
pub struct Mirrored {
    /// Part of the images that is classified right.
    pub accuracy: f64,
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Mean one-vs-rest AUROC; `None` where it is not defined.
    pub auroc: Option<f64>,
    /// Expected calibration error.
    pub ece: f64,
    /// The same at the temperature of the mean logits; `None` where the model was not measured.
    #[serde(flatten)]
    pub trust: Option<Trust>,
}

impl Mirrored {
    /// Of these logits (n, classes) and labels (n).
    pub fn of(model: &Model, logits: &[f32], labels: &[u16]) -> Self {
        let classes = model.classes.len();
        Self {
            accuracy: accuracy(logits, labels, classes),
            loss: cross_entropy(logits, labels, classes),
            auroc: mean_auroc(logits, labels, classes),
            ece: Calibration::at(logits, labels, classes, 1.0).ece,
            trust: Trust::of(model, logits, labels, true),
        }
    }
}
