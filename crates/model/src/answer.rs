//! The answer of a model to one image.

use modiste_metrics::{argmax, softmax_at};
use serde::Serialize;

/// The answer of a model to one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Index of the most probable class, whether or not the answer is rejected.
    pub class: usize,
    /// Its probability, at the model's temperature.
    pub probability: f64,
    /// Whether the probability is below the threshold: none of these.
    pub rejected: bool,
    /// The probability of each class, at the model's temperature.
    pub probabilities: Vec<f64>,
}

impl Answer {
    /// The answer that `logits` (classes) give.
    pub fn new(logits: &[f32], temperature: f64, threshold: Option<f64>) -> Self {
        let class = argmax(logits);
        let probabilities = softmax_at(logits, temperature);
        let probability = probabilities[class];
        let rejected = threshold.is_some_and(|threshold| probability < threshold);
        Self { class, probability, rejected, probabilities }
    }

    /// The `count` most probable classes with their probabilities, equal ones in their order.
    pub fn top(&self, count: usize) -> Vec<(usize, f64)> {
        let mut all: Vec<(usize, f64)> = self.probabilities.iter().copied().enumerate().collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        // Different logits may give probabilities that round to the same value.
        if let Some(at) = all.iter().position(|&(class, _)| class == self.class) {
            all[..=at].rotate_right(1);
        }
        all.truncate(count);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_softmax_at_the_temperature() {
        let answer = Answer::new(&[0.0, 4.0, 2.0], 2.0, None);
        let e = std::f64::consts::E;
        let sum = 1.0 + e * e + e;
        assert_eq!((answer.class, answer.rejected), (1, false));
        assert!((answer.probability - e * e / sum).abs() < 1e-15);
        let top = answer.top(2);
        assert_eq!((top.len(), top[0].0, top[1].0), (2, 1, 2));
        assert!((top[1].1 - e / sum).abs() < 1e-15);
    }

    #[test]
    fn under_the_threshold_it_is_none_of_these() {
        let rejected = |threshold| Answer::new(&[0.0, 0.0], 1.0, Some(threshold)).rejected;
        assert!(rejected(0.6) && !rejected(0.5));
    }

    #[test]
    fn the_class_comes_first_where_probabilities_are_rounded_to_the_same() {
        let answer = Answer::new(&[1e30, 2e30, 3e30, f32::MAX], f64::MAX, None);
        assert_eq!(answer.top(1)[0].0, 3);
        assert_eq!(answer.top(4).iter().map(|t| t.0).collect::<Vec<_>>(), [3, 0, 1, 2]);
    }
}
