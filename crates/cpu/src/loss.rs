//! Softmax and cross-entropy on the logits, in double precision, with the gradient.

use crate::plan::Plan;
use modiste_spec::engine::{Loss, StepOutcome};

/// Loss, hits and the logits' gradient of a batch; `arena` is laid out by a training plan.
///
/// The definition is [`Loss`]'s, PyTorch's. With class weights w, smoothing e and probabilities p,
/// the gradient of an image's logit j is
/// `(1 - e) w[y] (p_j - [j = y]) + e / C (p_j sum_c w[c] - w[j])` over the sum of the batch's `w[y]`.
pub(crate) fn cross_entropy(
    plan: &Plan,
    arena: &mut [f32],
    labels: &[u16],
    loss: &Loss,
) -> StepOutcome {
    let n = labels.len();
    let buffer = &plan.buffers[plan.logits.buffer];
    let lanes = buffer.lanes;
    let values = buffer.start * n..buffer.start * n + n * lanes;
    let gradients = buffer.gradient_start * n..buffer.gradient_start * n + n * lanes;
    let [values, gradients] =
        arena.get_disjoint_mut([values, gradients]).expect("a value is not its gradient");
    gradients.fill(0.0);
    let weight = |class: usize| loss.class_weights.as_ref().map_or(1.0, |w| f64::from(w[class]));
    let classes = plan.classes.len();
    let all: f64 = (0..classes).map(weight).sum();
    let total: f64 = labels.iter().map(|&y| weight(usize::from(y))).sum();
    // A batch of classes without weight alone says nothing.
    let total = if total > 0.0 { total } else { f64::INFINITY };
    let (keep, share) = (1.0 - loss.label_smoothing, loss.label_smoothing / classes as f64);
    let (mut sum, mut correct) = (0.0, 0);
    for (i, &label) in labels.iter().enumerate() {
        let label = usize::from(label);
        let row = &values[i * lanes + plan.logits.offset..][..plan.logits.lanes];
        let logit = |class: usize| f64::from(row[plan.classes[class]]);
        let largest = (0..classes).map(logit).fold(f64::NEG_INFINITY, f64::max);
        let log_sum = largest + (0..classes).map(|c| (logit(c) - largest).exp()).sum::<f64>().ln();
        let minus_log = |class: usize| log_sum - logit(class);
        let smooth: f64 = (0..classes).map(|c| weight(c) * minus_log(c)).sum();
        sum += keep * weight(label) * minus_log(label) + share * smooth;
        let first_of_largest = (0..classes).find(|&c| logit(c) == largest);
        correct += usize::from(first_of_largest == Some(label));
        let gradient = &mut gradients[i * lanes + plan.logits.offset..];
        for class in 0..classes {
            let p = (-minus_log(class)).exp();
            let hit = if class == label { 1.0 } else { 0.0 };
            let g = keep * weight(label) * (p - hit) + share * (p * all - weight(class));
            gradient[plan.classes[class]] = (g / total) as f32;
        }
    }
    StepOutcome { loss: sum / total, correct }
}
