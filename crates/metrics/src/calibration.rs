//! Calibration: whether the probabilities match the accuracy.

use serde::{Deserialize, Serialize};

use crate::softmax::{argmax, rows, softmax_at};

/// Number of bins of the top probability, as Guo et al. use.
const BINS: usize = 15;

/// Calibration of the top probability (Guo, Pleiss, Sun, Weinberger: "On calibration of modern
/// neural networks", ICML 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error: mean over the images of |accuracy - confidence| of their bin.
    pub ece: f64,
    /// 15 bins of equal width over 0 .. 1.
    pub bins: Vec<CalibrationBin>,
}

/// Images with a top probability in (`lower`, `upper`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Lower bound, excluded.
    pub lower: f64,
    /// Upper bound, included.
    pub upper: f64,
    /// Number of images.
    pub count: u64,
    /// Their mean top probability; `None` without images.
    pub confidence: Option<f64>,
    /// Share of them that is predicted correctly; `None` without images.
    pub accuracy: Option<f64>,
}

impl Calibration {
    /// Calibration of `logits` (n, classes) divided by `temperature`, for `labels` (n).
    ///
    /// # Panics
    ///
    /// If `logits` is not as long as `labels` times `classes`.
    pub fn at(logits: &[f32], labels: &[u16], classes: usize, temperature: f64) -> Self {
        calibration(rows(logits, labels, classes).map(|(row, label)| {
            let top = argmax(row);
            (softmax_at(row, temperature)[top], top == label)
        }))
    }
}

/// Calibration from the top probability of each image and whether it was right.
pub(crate) fn calibration(tops: impl Iterator<Item = (f64, bool)>) -> Calibration {
    let edges: Vec<f64> = (0..=BINS).map(|i| i as f64 / BINS as f64).collect();
    let mut counts = [0u64; BINS];
    let mut rights = [0u64; BINS];
    let mut confidences = [0.0; BINS];
    for (top, right) in tops {
        let bin = edges.partition_point(|&edge| edge < top).clamp(1, BINS) - 1;
        counts[bin] += 1;
        rights[bin] += u64::from(right);
        confidences[bin] += top;
    }
    let images: u64 = counts.iter().sum();
    let gap = |i: usize| (rights[i] as f64 - confidences[i]).abs();
    let ece = (0..BINS).map(gap).sum::<f64>() / images as f64;
    let bin = |i: usize| {
        let mean = |sum: f64| (counts[i] > 0).then(|| sum / counts[i] as f64);
        CalibrationBin {
            lower: edges[i],
            upper: edges[i + 1],
            count: counts[i],
            confidence: mean(confidences[i]),
            accuracy: mean(rights[i] as f64),
        }
    };
    Calibration { ece, bins: (0..BINS).map(bin).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_and_overconfident_probabilities() {
        let honest = (0..100).map(|i| (0.9, i < 90));
        assert!(calibration(honest).ece < 1e-12);
        let overconfident = (0..100).map(|i| (1.0, i < 90));
        assert!((calibration(overconfident).ece - 0.1).abs() < 1e-12);
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below() {
        let bins = calibration([(1.0 / 15.0, true), (1.0, true), (0.0, false)].into_iter()).bins;
        assert_eq!((bins[0].count, bins[1].count, bins[14].count), (2, 0, 1));
        assert_eq!(bins[1].accuracy, None);
    }
}
