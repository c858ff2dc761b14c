//! Trustworthy probabilities: a temperature for all logits, and thresholds of the probability above
//! which answers are right often enough.
//!
//! The temperature is that of Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural
//! networks" (ICML 2017): logits are divided by it, so no answer changes. Refusing to answer where the
//! top probability is low is selective classification (Geifman, El-Yaniv: "Selective classification
//! for deep neural networks", NIPS 2017).

use serde::{Deserialize, Serialize};

use crate::MetricsError;
use crate::evaluation::check;
use crate::softmax::{argmax, rows, softmax_at};

/// The range of temperatures. A temperature outside means that all images are right, or that the logits
/// are meaningless.
const TEMPERATURES: [f64; 2] = [0.05, 20.0];
/// Number of steps by which Newton's method, safeguarded by bisection, has long converged.
const STEPS: usize = 200;
/// The accuracies that thresholds are found for.
const TARGETS: [f64; 6] = [0.9, 0.95, 0.97, 0.98, 0.99, 0.995];

/// Temperature and thresholds of a classifier, fitted to images that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// Number of those images.
    pub images: u64,
    /// Divisor of the logits before softmax; 1 changes nothing.
    pub temperature: f64,
    /// When to answer, by increasing target; targets that no threshold reaches are left out.
    pub rejection: Vec<Rejection>,
}

/// A rule that answers only if the top probability is at least a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The requested accuracy.
    pub target: f64,
    /// The smallest top probability, at the temperature, that is answered.
    pub threshold: f64,
    /// Share of the images that was answered.
    pub coverage: f64,
    /// Share of the answers that was right; at least the target.
    pub accuracy: f64,
}

impl Confidence {
    /// Finds temperature and thresholds for `logits` (n, classes) of images of class `labels` (n).
    ///
    /// The threshold of a target is the smallest at which the answered images reach it.
    ///
    /// # Errors
    ///
    /// As [`crate::evaluate`].
    pub fn fit(logits: &[f32], labels: &[u16], classes: usize) -> Result<Self, MetricsError> {
        let temperature = temperature(logits, labels, classes)?;
        Ok(Self::at(temperature, logits, labels, classes))
    }

    /// Like [`Confidence::fit`] if there is enough evidence; otherwise the temperature stays 1, and
    /// fewer than [`Confidence::FEWEST`] images give no thresholds.
    ///
    /// A temperature needs right and wrong answers, [`Confidence::EITHER`] of each: if all are
    /// right, any number of images only says that it should be low. A temperature at a bound of the
    /// search is rejected.
    ///
    /// # Errors
    ///
    /// As [`crate::evaluate`].
    pub fn from_evidence(
        logits: &[f32],
        labels: &[u16],
        classes: usize,
    ) -> Result<Self, MetricsError> {
        let temperature = temperature(logits, labels, classes)?;
        let right =
            rows(logits, labels, classes).filter(|&(row, label)| argmax(row) == label).count();
        let wrong = labels.len() - right;
        let images = labels.len() as u64;
        if images < Self::FEWEST {
            return Ok(Self { images, temperature: 1.0, rejection: Vec::new() });
        }
        let known = right.min(wrong) >= Self::EITHER && !TEMPERATURES.contains(&temperature);
        Ok(Self::at(if known { temperature } else { 1.0 }, logits, labels, classes))
    }

    /// Smallest number of images that give a temperature or thresholds.
    pub const FEWEST: u64 = 30;
    /// Smallest number of right answers, and of wrong ones, that give a temperature.
    pub const EITHER: usize = 5;

    /// The thresholds at a temperature.
    fn at(temperature: f64, logits: &[f32], labels: &[u16], classes: usize) -> Self {
        let mut tops: Vec<(f64, bool)> = rows(logits, labels, classes)
            .map(|(row, label)| {
                let top = argmax(row);
                (softmax_at(row, temperature)[top], top == label)
            })
            .collect();
        tops.sort_by(|a, b| b.0.total_cmp(&a.0));
        let rejection = TARGETS.iter().filter_map(|&target| rejection(&tops, target)).collect();
        Self { images: labels.len() as u64, temperature, rejection }
    }

    /// The rule for a target accuracy: the one with the lowest target that is at least as high.
    pub fn rule(&self, target: f64) -> Option<&Rejection> {
        self.rejection.iter().find(|rejection| rejection.target >= target)
    }
}

/// Share of the images whose top probability at `temperature` is at least `threshold`, and accuracy on
/// these; `None` if there are none.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`.
pub fn answered(
    logits: &[f32],
    labels: &[u16],
    classes: usize,
    temperature: f64,
    threshold: f64,
) -> (f64, Option<f64>) {
    let (mut answered, mut right) = (0_u64, 0_u64);
    for (row, label) in rows(logits, labels, classes) {
        let top = argmax(row);
        if softmax_at(row, temperature)[top] >= threshold {
            answered += 1;
            right += u64::from(top == label);
        }
    }
    let accuracy = (answered > 0).then(|| right as f64 / answered as f64);
    (answered as f64 / labels.len() as f64, accuracy)
}

/// The rule for `target` on top probabilities from the highest down and whether each was right.
fn rejection(tops: &[(f64, bool)], target: f64) -> Option<Rejection> {
    let (mut right, mut found) = (0, None);
    for (i, &(threshold, correct)) in tops.iter().enumerate() {
        right += u64::from(correct);
        let accuracy = right as f64 / (i + 1) as f64;
        // Equal probabilities are answered together.
        let last = tops.get(i + 1).is_none_or(|next| next.0 < threshold);
        if last && accuracy >= target {
            let coverage = (i + 1) as f64 / tops.len() as f64;
            found = Some(Rejection { target, threshold, coverage, accuracy });
        }
    }
    found
}

/// The temperature from 0.05 to 20 that minimises the cross-entropy of `logits` (n, classes) and
/// `labels` (n).
///
/// # Errors
///
/// As [`crate::evaluate`].
pub fn temperature(logits: &[f32], labels: &[u16], classes: usize) -> Result<f64, MetricsError> {
    check(logits, labels, classes)?;
    // The cross-entropy is convex in the inverse of the temperature, so its slope has one zero.
    let slopes = |inverse: f64| slopes(logits, labels, classes, inverse);
    let [mut low, mut high] = [1.0 / TEMPERATURES[1], 1.0 / TEMPERATURES[0]];
    if slopes(low).0 >= 0.0 {
        return Ok(TEMPERATURES[1]);
    }
    if slopes(high).0 <= 0.0 {
        return Ok(TEMPERATURES[0]);
    }
    let mut inverse = 1.0_f64.clamp(low, high);
    for _ in 0..STEPS {
        let (slope, curvature) = slopes(inverse);
        *(if slope > 0.0 { &mut high } else { &mut low }) = inverse;
        let newton = inverse - slope / curvature;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        let step = (next - inverse).abs();
        inverse = next;
        if step <= 1e-13 * inverse {
            break;
        }
    }
    Ok(1.0 / inverse)
}

/// First and second derivative of the mean cross-entropy by the inverse temperature: the mean of
/// (expected logit - logit of the label), and of the variance of the logit.
fn slopes(logits: &[f32], labels: &[u16], classes: usize, inverse: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (row, label) in rows(logits, labels, classes) {
        let largest = f64::from(row[argmax(row)]);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for &logit in row {
            // Relative to the largest, so that nothing cancels or overflows.
            let logit = f64::from(logit) - largest;
            let weight = (inverse * logit).exp();
            sum += weight;
            first += weight * logit;
            second += weight * logit * logit;
        }
        let mean = first / sum;
        slope += mean - (f64::from(row[label]) - largest);
        curvature += second / sum - mean * mean;
    }
    let images = labels.len() as f64;
    (slope / images, curvature / images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_and_random_answers_give_temperatures_at_the_bounds() {
        assert_eq!(temperature(&[2.0, 0.0, 0.0, 2.0], &[0, 1], 2), Ok(0.05));
        assert_eq!(temperature(&[2.0, 0.0, 0.0, 2.0], &[1, 0], 2), Ok(20.0));
        assert_eq!(temperature(&[1.0, 1.0], &[1], 2), Ok(20.0));
        assert_eq!(temperature(&[], &[], 2), Err(MetricsError::NoImages));
    }

    /// The logits and labels of images of two classes, with these numbers of right and wrong answers.
    fn answers(right: usize, wrong: usize) -> (Vec<f32>, Vec<u16>) {
        let logits = [3.0, 0.0].repeat(right + wrong);
        (logits, [vec![0; right], vec![1; wrong]].concat())
    }

    #[test]
    fn too_little_evidence_leaves_probabilities_unchanged() {
        let of = |right, wrong| {
            let (logits, labels) = answers(right, wrong);
            Confidence::from_evidence(&logits, &labels, 2).unwrap()
        };
        // Few images; all right, all wrong, or nearly; and a temperature at its bound.
        assert_eq!(of(20, 7), Confidence { images: 27, temperature: 1.0, rejection: Vec::new() });
        for (right, wrong) in [(300, 0), (300, 4), (0, 300), (30, 170)] {
            let confidence = of(right, wrong);
            assert_eq!(confidence.temperature, 1.0, "{right} right, {wrong} wrong");
        }
        assert_eq!(of(300, 0).rejection.len(), TARGETS.len());
        let (logits, labels) = answers(90, 10);
        let enough = Confidence::from_evidence(&logits, &labels, 2).unwrap();
        assert_eq!(enough, Confidence::fit(&logits, &labels, 2).unwrap());
        assert!(enough.temperature > 1.0);
    }

    #[test]
    fn three_correct_answers_of_four_give_three_quarters() {
        // softmax(z / T) of logits (z, 0) must be 3/4: z / T = ln 3.
        let logits = [8.0, 0.0].repeat(4);
        let got = temperature(&logits, &[0, 0, 0, 1], 2).unwrap();
        assert!((got - 8.0 / 3_f64.ln()).abs() < 1e-9, "{got}");
    }

    #[test]
    fn equal_probabilities_are_answered_together() {
        let tops = [(0.9, true), (0.8, true), (0.8, false), (0.7, true)];
        let rule = rejection(&tops, 0.7).unwrap();
        assert_eq!((rule.threshold, rule.coverage, rule.accuracy), (0.7, 1.0, 0.75));
        let rule = rejection(&tops, 0.95).unwrap();
        assert_eq!((rule.threshold, rule.coverage, rule.accuracy), (0.9, 0.25, 1.0));
        assert_eq!(rejection(&[(0.9, false)], 0.9), None);
    }
}
