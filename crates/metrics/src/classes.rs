//! The confusion matrix, and precision, recall and F1 of each class.

use serde::{Deserialize, Serialize};

use crate::softmax::{argmax, rows};

/// How well one class is recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The class.
    pub name: String,
    /// Share of the images predicted as this class that belong to it; 0 if there are none.
    pub precision: f64,
    /// Share of this class's images that were predicted as it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 if the class neither occurs nor is predicted.
    pub f1: f64,
    /// Number of images of this class.
    pub support: u64,
    /// Area under the receiver operating characteristic of this class against all others; `None`
    /// if one of the two sides is empty.
    pub auroc: Option<f64>,
}

/// Unweighted means over the classes that occur among truths or predictions, like scikit-learn's
/// "macro".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MacroAverage {
    /// Mean precision.
    pub precision: f64,
    /// Mean recall.
    pub recall: f64,
    /// Mean F1.
    pub f1: f64,
}

/// Number of images by `[truth][prediction]`, from `logits` (n, classes) and `labels` (n).
///
/// # Panics
/// If `logits` is not as long as `labels` times `classes`, or a label is not under `classes`.
pub fn confusion(logits: &[f32], labels: &[u16], classes: usize) -> Vec<Vec<u64>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for (row, label) in rows(logits, labels, classes) {
        matrix[label][argmax(row)] += 1;
    }
    matrix
}

/// One report per class, and their unweighted means.
pub(crate) fn class_reports(
    confusion: &[Vec<u64>],
    names: &[String],
    aurocs: &[Option<f64>],
) -> (Vec<ClassReport>, MacroAverage) {
    let mut reports = Vec::with_capacity(names.len());
    let mut sums = [0.0; 3];
    let mut occurring = 0.0;
    for (class, name) in names.iter().enumerate() {
        let right = confusion[class][class];
        let support: u64 = confusion[class].iter().sum();
        let predicted: u64 = confusion.iter().map(|row| row[class]).sum();
        let precision = ratio(right, predicted);
        let recall = ratio(right, support);
        let f1 = ratio(2 * right, predicted + support);
        if predicted + support > 0 {
            occurring += 1.0;
            sums = [sums[0] + precision, sums[1] + recall, sums[2] + f1];
        }
        let (name, auroc) = (name.clone(), aurocs[class]);
        reports.push(ClassReport { name, precision, recall, f1, support, auroc });
    }
    let [precision, recall, f1] = sums.map(|sum| sum / occurring);
    (reports, MacroAverage { precision, recall, f1 })
}

/// `part / whole`, 0 if the whole is empty.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
