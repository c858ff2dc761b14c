//! Softmax, and cross-entropy fused with it.

use crate::Maps;
use modiste_spec::engine::{Loss, Targets};

/// Loss and hits of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The loss as [`Loss`] defines it.
    pub loss: f64,
    /// Number of images whose largest logit is that of their class, or of their largest share.
    pub correct: usize,
}

/// exp(x) / sum of exp(x) over the channels of each image.
pub fn softmax_forward(logits: &Maps) -> Maps {
    let mut y = logits.clone();
    for row in y.values.chunks_exact_mut(logits.shape.channels) {
        let total = log_sum_exp(row);
        row.iter_mut().for_each(|v| *v = (*v - total).exp());
    }
    y
}

/// The loss of `logits` (n, 1, 1, classes) as [`Loss`] defines it, and the number of correct images.
pub fn cross_entropy_forward(logits: &Maps, targets: Targets<'_>, loss: &Loss) -> Outcome {
    let classes = logits.shape.channels;
    let (mut sum, mut correct) = (0.0, 0);
    for (i, row) in logits.values.chunks_exact(classes).enumerate() {
        let (shares, total) = (shares(targets, i, classes), log_sum_exp(row));
        let masses = masses(loss, &shares);
        sum += masses.iter().zip(row).map(|(mass, z)| mass * (total - z)).sum::<f64>();
        correct += usize::from(first_largest(row) == first_largest(&shares));
    }
    Outcome { loss: sum / total_weight(targets, loss, logits.n), correct }
}

/// The gradient of the loss with respect to the logits.
pub fn cross_entropy_backward(logits: &Maps, targets: Targets<'_>, loss: &Loss) -> Maps {
    let classes = logits.shape.channels;
    let total = total_weight(targets, loss, logits.n);
    let mut dx = softmax_forward(logits);
    for (i, row) in dx.values.chunks_exact_mut(classes).enumerate() {
        let masses = masses(loss, &shares(targets, i, classes));
        let all: f64 = masses.iter().sum();
        for (value, mass) in row.iter_mut().zip(masses) {
            *value = (*value * all - mass) / total;
        }
    }
    dx
}

/// The share of each class in image `i`; for a class as target, 1 for that class.
fn shares(targets: Targets<'_>, i: usize, classes: usize) -> Vec<f64> {
    match targets {
        Targets::Classes(labels) => {
            let share = |c: usize| if c == usize::from(labels[i]) { 1.0 } else { 0.0 };
            (0..classes).map(share).collect()
        }
        Targets::Shares(all) => {
            all[i * classes..][..classes].iter().map(|&share| f64::from(share)).collect()
        }
    }
}

/// The weight of each class's -log p: its smoothed share times its class weight.
fn masses(loss: &Loss, shares: &[f64]) -> Vec<f64> {
    let smoothing = loss.label_smoothing;
    let smooth = |share: f64| (1.0 - smoothing) * share + smoothing / shares.len() as f64;
    shares.iter().enumerate().map(|(c, &share)| loss.weight(c) * smooth(share)).collect()
}

/// The divisor of sums; a batch whose classes all have weight 0 contributes nothing.
fn total_weight(targets: Targets<'_>, loss: &Loss, images: usize) -> f64 {
    match targets {
        Targets::Classes(labels) => {
            let sum = labels.iter().map(|&label| loss.weight(usize::from(label))).sum();
            if sum > 0.0 { sum } else { f64::INFINITY }
        }
        Targets::Shares(_) => images as f64,
    }
}

/// Position of the largest value, the first of equal ones.
pub fn first_largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// log(sum of exp), with the largest value factored out so that nothing overflows.
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
            let shares: Vec<f32> = (0..20).map(|i| [0.7, 0.1, 0.2, 0.0, 0.0][i * 3 % 5]).collect();
            for targets in [Targets::Classes(&labels), Targets::Shares(&shares)] {
                let dx = cross_entropy_backward(&logits, targets, &loss);
                expect_gradient("dx", &logits.values, &dx.values, |x| {
                    let logits = Maps::new(4, shape, x.to_vec());
                    cross_entropy_forward(&logits, targets, &loss).loss
                });
            }
        }
    }

    #[test]
    fn huge_logits_stay_finite_and_the_first_of_equals_counts() {
        let logits = Maps::new(2, Shape::new(1, 1, 2), vec![1000.0, -1000.0, 3.0, 3.0]);
        let targets = Targets::Classes(&[1, 0]);
        let outcome = cross_entropy_forward(&logits, targets, &Loss::default());
        assert_eq!(outcome.correct, 1);
        assert!((outcome.loss - (2000.0 + 2f64.ln()) / 2.0).abs() < 1e-9);
        for (found, expected) in softmax_forward(&logits).values.iter().zip([1.0, 0.0, 0.5, 0.5]) {
            assert!((found - expected).abs() < 1e-15, "{found}, not {expected}");
        }
    }
}
