//! Probabilities from logits, and the two numbers that every epoch asks for.

/// ln(softmax(logits)) of one image, in f64: shifted by the largest logit, so that nothing
/// overflows.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let mut out = vec![0.0; logits.len()];
    log_softmax_into(logits, &mut out);
    out
}

/// softmax(logits) of one image, in f64.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    softmax_at(logits, 1.0)
}

/// softmax(logits / temperature) of one image, in f64.
pub fn softmax_at(logits: &[f32], temperature: f64) -> Vec<f64> {
    let largest = largest(logits);
    let power = |&z: &f32| ((f64::from(z) - largest) / temperature).exp();
    let mut out: Vec<f64> = logits.iter().map(power).collect();
    let sum: f64 = out.iter().sum();
    for p in &mut out {
        *p /= sum;
    }
    out
}

/// Index of the largest logit, the first one of equals; 0 if none is a number.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for i in 1..logits.len() {
        if logits[i] > logits[best] || logits[best].is_nan() {
            best = i;
        }
    }
    best
}

/// Share of the images whose label has the largest logit; `NaN` without images.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`.
pub fn accuracy(logits: &[f32], labels: &[u16], classes: usize) -> f64 {
    let right = rows(logits, labels, classes).filter(|(row, label)| argmax(row) == *label).count();
    right as f64 / labels.len() as f64
}

/// Mean of -ln(probability of the label), in nats; `NaN` without images or where a logit is.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`, or a label is not under `classes`.
pub fn cross_entropy(logits: &[f32], labels: &[u16], classes: usize) -> f64 {
    let mut log_probabilities = vec![0.0; classes];
    let mut sum = 0.0;
    for (row, label) in rows(logits, labels, classes) {
        log_softmax_into(row, &mut log_probabilities);
        sum -= log_probabilities[label];
    }
    sum / labels.len() as f64
}

/// Logits and label of each image.
pub(crate) fn rows<'a>(
    logits: &'a [f32],
    labels: &'a [u16],
    classes: usize,
) -> impl Iterator<Item = (&'a [f32], usize)> {
    assert_eq!(logits.len(), labels.len() * classes, "logits are (images, classes)");
    // A chunk of 0 logits panics; without classes there are no logits, so any size works.
    logits.chunks_exact(classes.max(1)).zip(labels).map(|(row, &label)| (row, usize::from(label)))
}

fn log_softmax_into(logits: &[f32], out: &mut [f64]) {
    let largest = largest(logits);
    let sum: f64 = logits.iter().map(|&z| (f64::from(z) - largest).exp()).sum();
    for (out, &z) in out.iter_mut().zip(logits) {
        *out = f64::from(z) - largest - sum.ln();
    }
}

fn largest(logits: &[f32]) -> f64 {
    f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_logits_do_not_overflow() {
        let logits = [3e38, 0.0, -3e38];
        assert_eq!(softmax(&logits), [1.0, 0.0, 0.0]);
        assert!(log_softmax(&logits).iter().all(|v| v.is_finite()));
        assert_eq!(log_softmax(&logits)[0], 0.0);
    }

    #[test]
    fn softmax_is_the_exponential_of_log_softmax() {
        let logits = [0.3, -1.2, 4.5, 0.0];
        for (p, l) in softmax(&logits).iter().zip(log_softmax(&logits)) {
            assert!((p - l.exp()).abs() < 1e-15);
        }
    }

    #[test]
    fn equal_logits_count_for_the_first_class() {
        assert_eq!(argmax(&[1.0, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[f32::NAN, 2.0, 1.0]), 1);
        assert_eq!(accuracy(&[1.0, 1.0, 1.0, 1.0], &[0, 1], 2), 0.5);
    }

    #[test]
    fn a_nan_logit_gives_a_nan_loss() {
        assert!(cross_entropy(&[1.0, f32::NAN], &[0], 2).is_nan());
        assert!(cross_entropy(&[], &[], 2).is_nan());
    }
}
