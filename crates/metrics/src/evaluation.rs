//! The evaluation of a classifier's answers to one set of images.

use serde::{Deserialize, Serialize};

use crate::auroc::{Ranking, mean, probabilities};
use crate::calibration::{Calibration, calibration};
use crate::classes::{ClassReport, MacroAverage, class_reports, confusion};
use crate::intervals::{bootstrap, wilson};
use crate::softmax::{argmax, log_softmax, rows};
use crate::{MetricsError, cross_entropy};

/// The evaluation of a classifier's answers to one set of images, with 95 % intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: u64,
    /// Share of the images classified correctly.
    pub accuracy: f64,
    /// Wilson interval of the accuracy.
    pub accuracy_interval: [f64; 2],
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Percentile bootstrap interval of the loss.
    pub loss_interval: [f64; 2],
    /// Mean of the one-vs-rest areas under the receiver operating characteristic over all classes
    /// that have images and leave some to others; `None` if there is no such class.
    pub auroc: Option<f64>,
    /// Percentile bootstrap interval of the AUROC.
    pub auroc_interval: Option<[f64; 2]>,
    /// Number of images by `[truth][prediction]`.
    pub confusion: Vec<Vec<u64>>,
    /// Calibration of the probabilities.
    pub calibration: Calibration,
    /// One report per class, in the order of the labels.
    pub classes: Vec<ClassReport>,
    /// Unweighted means of the classes' precision, recall and F1.
    pub macro_average: MacroAverage,
}

/// Evaluates `logits` (n, classes) against `labels` (n); `seed` draws the bootstrap's resamples.
///
/// # Errors
///
/// If there are no images or classes, the lengths do not fit, a label is out of range or a logit is
/// not finite.
pub fn evaluate(
    logits: &[f32],
    labels: &[u16],
    classes: &[String],
    seed: u64,
) -> Result<Evaluation, MetricsError> {
    let k = classes.len();
    check(logits, labels, k)?;
    let probabilities = probabilities(logits, labels, k);
    let rankings = Ranking::one_vs_rest(&probabilities, labels, k);
    let aurocs: Vec<Option<f64>> = rankings.iter().map(|ranking| ranking.area(|_| 1)).collect();
    let losses: Vec<f64> =
        rows(logits, labels, k).map(|(row, label)| -log_softmax(row)[label]).collect();
    let (loss_interval, auroc_interval) = bootstrap(&losses, &rankings, seed);
    let tops = rows(logits, labels, k).enumerate().map(|(i, (row, label))| {
        let top = argmax(row);
        (probabilities[i * k + top], top == label)
    });
    let calibration = calibration(tops);
    let confusion = confusion(logits, labels, k);
    let right = (0..k).map(|class| confusion[class][class]).sum();
    let images = labels.len() as u64;
    let (classes, macro_average) = class_reports(&confusion, classes, &aurocs);
    Ok(Evaluation {
        images,
        accuracy: right as f64 / images as f64,
        accuracy_interval: wilson(right, images),
        loss: cross_entropy(logits, labels, k),
        loss_interval,
        auroc: mean(aurocs.into_iter()),
        auroc_interval,
        confusion,
        calibration,
        classes,
        macro_average,
    })
}

/// Checks that logits and labels fit together and can be evaluated.
pub(crate) fn check(logits: &[f32], labels: &[u16], classes: usize) -> Result<(), MetricsError> {
    if classes == 0 {
        return Err(MetricsError::NoClasses);
    }
    if labels.is_empty() && logits.is_empty() {
        return Err(MetricsError::NoImages);
    }
    if labels.len().checked_mul(classes) != Some(logits.len()) {
        return Err(MetricsError::Length { logits: logits.len(), labels: labels.len(), classes });
    }
    if let Some(image) = labels.iter().position(|&label| usize::from(label) >= classes) {
        return Err(MetricsError::Label { image, label: labels[image], classes });
    }
    if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
        let (image, class) = (at / classes, at % classes);
        return Err(MetricsError::NotFinite { image, class, value: logits[at].to_string() });
    }
    Ok(())
}
