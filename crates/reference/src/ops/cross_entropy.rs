//! Softmax, and cross-entropy fused with it.

use crate::Maps;
use modiste_spec::engine::{Loss, StepOutcome};

/// exp(x) / sum of exp(x) over the channels of each image.
pub fn softmax_forward(logits: &Maps) -> Maps {
    let mut y = logits.clone();
    for row in y.values.chunks_exact_mut(logits.shape.channels) {
        let total = log_sum_exp(row);
        row.iter_mut().for_each(|v| *v = (*v - total).exp());
    }
    y
}

/// The loss of `logits` (n, 1, 1, classes) as [`Loss`] defines it, and how many images have their
/// own class on top.
pub fn cross_entropy_forward(logits: &Maps, labels: &[u16], loss: &Loss) -> StepOutcome {
    let classes = logits.shape.channels;
    let weights = class_weights(loss, classes);
    let smoothing = loss.label_smoothing;
    let (mut sum, mut correct) = (0.0, 0);
    for (row, &label) in logits.values.chunks_exact(classes).zip(labels) {
        let (label, total) = (usize::from(label), log_sum_exp(row));
        let surprise = |c: usize| weights[c] * (total - row[c]);
        let spread: f64 = (0..classes).map(surprise).sum();
        sum += (1.0 - smoothing) * surprise(label) + smoothing / classes as f64 * spread;
        correct += usize::from(first_largest(row) == label);
    }
    StepOutcome { loss: sum / total_weight(&weights, labels), correct }
}

/// The gradient of the loss by the logits.
pub fn cross_entropy_backward(logits: &Maps, labels: &[u16], loss: &Loss) -> Maps {
    let classes = logits.shape.channels;
    let weights = class_weights(loss, classes);
    let (kept, spread) = (1.0 - loss.label_smoothing, loss.label_smoothing / classes as f64);
    let all: f64 = weights.iter().sum();
    let total = total_weight(&weights, labels);
    let mut dx = softmax_forward(logits);
    for (row, &label) in dx.values.chunks_exact_mut(classes).zip(labels) {
        let label = usize::from(label);
        for (c, value) in row.iter_mut().enumerate() {
            let target = if c == label { kept * weights[label] } else { 0.0 } + spread * weights[c];
            *value = (*value * (kept * weights[label] + spread * all) - target) / total;
        }
    }
    dx
}

/// Position of the largest value, of equals the first.
pub fn first_largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

fn class_weights(loss: &Loss, classes: usize) -> Vec<f64> {
    match &loss.class_weights {
        Some(weights) => weights.iter().map(|&w| f64::from(w)).collect(),
        None => vec![1.0; classes],
    }
}

/// What sums are divided by; so that a batch of classes without weight alone says nothing.
fn total_weight(weights: &[f64], labels: &[u16]) -> f64 {
    let sum = labels.iter().map(|&label| weights[usize::from(label)]).sum();
    if sum > 0.0 { sum } else { f64::INFINITY }
}

/// log(sum of exp), with the largest value taken out so that nothing overflows.
fn log_sum_exp(row: &[f64]) -> f64 {
    let largest = row[first_largest(row)];
    largest + row.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{expect_gradient, random_maps};
    use modiste_spec::Shape;

    #[test]
    fn gradient_is_the_finite_difference() {
        let shape = Shape::new(1, 1, 5);
        let weights = Some(vec![0.5, 2.0, 1.0, 0.0, 1.5]);
        for (label_smoothing, class_weights) in
            [(0.0, None), (0.1, None), (0.0, weights.clone()), (0.3, weights)]
        {
            let loss = Loss { label_smoothing, class_weights };
            let (logits, labels) = (random_maps(4, shape, 1), [1, 4, 0, 3]);
            let dx = cross_entropy_backward(&logits, &labels, &loss);
            expect_gradient("dx", &logits.values, &dx.values, |x| {
                let logits = Maps::new(4, shape, x.to_vec());
                cross_entropy_forward(&logits, &labels, &loss).loss
            });
        }
    }

    #[test]
    fn huge_logits_stay_finite_and_the_first_of_equals_counts() {
        let logits = Maps::new(2, Shape::new(1, 1, 2), vec![1000.0, -1000.0, 3.0, 3.0]);
        let outcome = cross_entropy_forward(&logits, &[1, 0], &Loss::default());
        assert_eq!(outcome.correct, 1);
        assert!((outcome.loss - (2000.0 + 2f64.ln()) / 2.0).abs() < 1e-9);
        for (found, expected) in softmax_forward(&logits).values.iter().zip([1.0, 0.0, 0.5, 0.5]) {
            assert!((found - expected).abs() < 1e-15, "{found}, not {expected}");
        }
    }
}
