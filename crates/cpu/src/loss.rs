//! Softmax and cross-entropy on the logits, in double precision, with the gradient.

use crate::machine::Extent;
use crate::plan::Plan;
use modiste_spec::engine::{Loss, Targets};

/// Loss and hits of a batch.
pub(crate) struct Outcome {
    /// The loss as [`Loss`] defines it.
    pub loss: f64,
    /// Number of images whose largest logit is the correct one.
    pub correct: usize,
}

/// Loss and hits of a batch with `logits` (n, classes), and the logits' gradient of this rank's
/// images, which is written to the `arena` of a training plan.
///
/// The definition is that of [`Loss`] and PyTorch. With class weights w, smoothing e and
/// probabilities p, the gradient of an image's logit j is `(1 - e) w[y] (p_j - [j = y]) + e / C
/// (p_j sum_c w[c] - w[j])` over the sum of the batch's `w[y]`. For shares t that are smoothed
/// already it is `p_j sum_c w[c] t[c] - w[j] t[j]` over n.
pub(crate) fn cross_entropy(
    plan: &Plan,
    arena: &mut [f32],
    extent: Extent,
    logits: &[f32],
    targets: Targets<'_>,
    loss: &Loss,
) -> Outcome {
    let (classes, lanes) = (plan.classes.len(), plan.buffers[plan.logits.buffer].lanes);
    let gradients = plan.logits_gradient(extent.images);
    let gradients = &mut arena[gradients];
    gradients.fill(0.0);
    let all: f64 = (0..classes).map(|class| loss.weight(class)).sum();
    let total = total_weight(targets, loss, logits.len() / classes);
    let (keep, share) = (1.0 - loss.label_smoothing, loss.label_smoothing / classes as f64);
    let mut outcome = Outcome { loss: 0.0, correct: 0 };
    for (i, row) in logits.chunks_exact(classes).enumerate() {
        let logit = |class: usize| f64::from(row[class]);
        let largest = (0..classes).map(logit).fold(f64::NEG_INFINITY, f64::max);
        let log_sum = largest + (0..classes).map(|c| (logit(c) - largest).exp()).sum::<f64>().ln();
        let minus_log = |class: usize| log_sum - logit(class);
        let first_of_largest = (0..classes).find(|&c| logit(c) == largest);
        let mut write = |gradient: &dyn Fn(usize, f64) -> f64| {
            let Some(own) = i.checked_sub(extent.first).filter(|&own| own < extent.images) else {
                return;
            };
            let to = &mut gradients[own * lanes + plan.logits.offset..];
            for class in 0..classes {
                let g = gradient(class, (-minus_log(class)).exp());
                to[plan.classes[class]] = (g / total) as f32;
            }
        };
        match targets {
            Targets::Classes(labels) => {
                let label = usize::from(labels[i]);
                let weight = loss.weight(label);
                let smooth: f64 = (0..classes).map(|c| loss.weight(c) * minus_log(c)).sum();
                outcome.loss += keep * weight * minus_log(label) + share * smooth;
                outcome.correct += usize::from(first_of_largest == Some(label));
                write(&|class, p| {
                    let hit = if class == label { 1.0 } else { 0.0 };
                    keep * weight * (p - hit) + share * (p * all - loss.weight(class))
                });
            }
            Targets::Shares(shares) => {
                let own = &shares[i * classes..][..classes];
                let mass = |c: usize| loss.weight(c) * (keep * f64::from(own[c]) + share);
                let sum: f64 = (0..classes).map(mass).sum();
                outcome.loss += (0..classes).map(|c| mass(c) * minus_log(c)).sum::<f64>();
                outcome.correct += usize::from(first_of_largest == Some(first_largest(own)));
                write(&|class, p| p * sum - mass(class));
            }
        }
    }
    outcome.loss /= total;
    outcome
}

/// The divisor of sums over the batch; a batch whose classes all have weight 0 contributes nothing.
fn total_weight(targets: Targets<'_>, loss: &Loss, images: usize) -> f64 {
    match targets {
        Targets::Classes(labels) => {
            let total: f64 = labels.iter().map(|&y| loss.weight(usize::from(y))).sum();
            if total > 0.0 { total } else { f64::INFINITY }
        }
        Targets::Shares(_) => images as f64,
    }
}

/// Position of the largest value, the first of equal ones.
fn first_largest(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
