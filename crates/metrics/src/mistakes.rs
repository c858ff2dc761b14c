//! The images that were most wrong.

use serde::{Deserialize, Serialize};

use crate::softmax::{argmax, log_softmax, rows};

/// A wrongly classified image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// Index of the image among the evaluated ones.
    pub index: usize,
    /// Its class.
    pub truth: u16,
    /// The class that was predicted.
    pub prediction: u16,
    /// Probability given to the prediction.
    pub probability: f64,
    /// Probability given to the truth.
    pub truth_probability: f64,
}

/// The wrongly classified images with the highest loss, at most `count`, worst first; equal ones in
/// their order.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`, or a label is not under `classes`.
pub fn worst_mistakes(
    logits: &[f32],
    labels: &[u16],
    classes: usize,
    count: usize,
) -> Vec<Mistake> {
    // Sorted by the logarithm: probabilities themselves may all be rounded to 0.
    let mut wrong: Vec<(f64, usize)> = rows(logits, labels, classes)
        .enumerate()
        .filter(|(_, (row, label))| argmax(row) != *label)
        .map(|(index, (row, label))| (log_softmax(row)[label], index))
        .collect();
    wrong.sort_by(|a, b| a.0.total_cmp(&b.0));
    wrong.truncate(count);
    let mistake = |(log_probability, index): (f64, usize)| {
        let row = &logits[index * classes..][..classes];
        let prediction = argmax(row);
        Mistake {
            index,
            truth: labels[index],
            prediction: prediction as u16,
            probability: log_softmax(row)[prediction].exp(),
            truth_probability: log_probability.exp(),
        }
    };
    wrong.into_iter().map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costliest_come_first() {
        // Image 1 is right; 3 costs most although its probability of the truth is rounded to 0,
        // like that of 2; 0 costs least.
        let logits = [0.0, 1.0, 5.0, 0.0, 0.0, 2000.0, 0.0, 3000.0];
        let mistakes = worst_mistakes(&logits, &[0; 4], 2, 10);
        assert_eq!(mistakes.iter().map(|m| m.index).collect::<Vec<_>>(), [3, 2, 0]);
        assert_eq!((mistakes[0].truth, mistakes[0].prediction), (0, 1));
        assert!((mistakes[2].probability - 1.0 / (1.0 + (-1f64).exp())).abs() < 1e-12);
        assert!((mistakes[2].truth_probability + mistakes[2].probability - 1.0).abs() < 1e-12);
        assert_eq!(worst_mistakes(&logits, &[0; 4], 2, 1).len(), 1);
    }
}
