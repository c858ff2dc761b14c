//! Points of the receiver operating characteristic.

use serde::{Deserialize, Serialize};

use crate::auroc::{Ranking, probabilities};

/// A receiver operating characteristic: false positive rate and true positive rate as the threshold
/// falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocCurve {
    /// (false positive rate, true positive rate) from (0, 0) to (1, 1), one point per threshold.
    pub points: Vec<[f64; 2]>,
    /// The area under the whole curve.
    pub auroc: f64,
}

/// The curve of `scores`; `None` unless there are both positives and negatives, and if a score is not
/// a number. Every different score is a threshold, as in scikit-learn's `roc_curve` with all points
/// kept.
///
/// # Panics
///
/// If the two slices differ in length or hold 2^30 scores or more.
pub fn roc_curve(scores: &[f64], positive: &[bool]) -> Option<RocCurve> {
    assert_eq!(scores.len(), positive.len(), "a score and a truth for each image");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    Ranking::new(scores, |i| positive[i]).curve()
}

/// The curve of each class against all others, thinned to about `points` points ([`RocCurve::thin`]);
/// `None` for a class that has no images or all of them.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`.
pub fn roc_curves(
    logits: &[f32],
    labels: &[u16],
    classes: usize,
    points: usize,
) -> Vec<Option<RocCurve>> {
    let probabilities = probabilities(logits, labels, classes);
    let rankings = Ranking::one_vs_rest(&probabilities, labels, classes);
    let thinned = |ranking: &Ranking| Some(ranking.curve()?.thin(points));
    rankings.iter().map(thinned).collect()
}

impl Ranking {
    fn curve(&self) -> Option<RocCurve> {
        let auroc = self.area(|_| 1)?;
        let ties: Vec<[u64; 2]> = self.ties();
        let [negatives, positives] =
            ties.iter().fold([0, 0], |sum, tie| [sum[0] + tie[0], sum[1] + tie[1]]);
        let mut above = [0, 0];
        let mut points = vec![[0.0, 0.0]];
        for tie in ties.iter().rev() {
            above = [above[0] + tie[0], above[1] + tie[1]];
            points.push([above[0] as f64 / negatives as f64, above[1] as f64 / positives as f64]);
        }
        Some(RocCurve { points, auroc })
    }
}

impl RocCurve {
    /// The same curve with at most `count` + 3 points. Points on straight lines are removed first; if too
    /// many are left, each of `count` equal steps from corner to corner keeps its last point, so that no
    /// removed point is further than 2 / `count` from a kept one. The area is still that of the whole
    /// curve.
    pub fn thin(self, count: usize) -> Self {
        let mut points = without_straight(&self.points);
        if points.len() > count + 3 {
            let step = |[x, y]: [f64; 2]| ((x + y) / 2.0 * count as f64) as usize;
            let last = points.len() - 1;
            let kept = (0..=last)
                .filter(|&i| i == 0 || i == last || step(points[i]) != step(points[i + 1]))
                .map(|i| points[i]);
            points = kept.collect();
        }
        Self { points, ..self }
    }
}

/// The curve without points inside vertical or horizontal lines.
fn without_straight(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let straight =
        |[a, b, c]: [[f64; 2]; 3]| (a[0] == b[0] && b[0] == c[0]) || (a[1] == b[1] && b[1] == c[1]);
    let inner = points.windows(3).filter(|w| !straight([w[0], w[1], w[2]])).map(|w| w[1]);
    let ends = |i: Option<&[f64; 2]>| i.copied();
    ends(points.first()).into_iter().chain(inner).chain(ends(points.last())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::random::{Purpose, Stream};

    /// The area of the trapezoids below a curve.
    fn area(points: &[[f64; 2]]) -> f64 {
        points.windows(2).map(|w| (w[1][0] - w[0][0]) * (w[0][1] + w[1][1]) / 2.0).sum()
    }

    fn curve(images: u64, levels: u32) -> RocCurve {
        let stream = Stream::new(images, Purpose::Bootstrap, 0, 0);
        let positive: Vec<bool> = (0..images).map(|i| stream.below(i, 3) == 0).collect();
        let noise = |i: usize| f64::from(stream.below(images + i as u64, levels));
        let score = |i: usize| noise(i) + if positive[i] { f64::from(levels) / 3.0 } else { 0.0 };
        let scores: Vec<f64> = (0..positive.len()).map(score).collect();
        roc_curve(&scores, &positive).unwrap()
    }

    #[test]
    fn the_area_below_the_points_is_the_rank_rules() {
        for (images, levels) in [(5, 2), (50, 4), (3_000, 10), (3_000, 1_000_000)] {
            let curve = curve(images, levels);
            assert!((area(&curve.points) - curve.auroc).abs() < 1e-12, "{images} {levels}");
            let fewer = without_straight(&curve.points);
            assert!((area(&fewer) - curve.auroc).abs() < 1e-12, "{images} {levels}");
        }
    }

    #[test]
    fn a_thinned_curve_is_bounded_and_close() {
        let whole = curve(20_000, 1_000_000);
        let thin = whole.clone().thin(100);
        assert!(whole.points.len() > 15_000 && (50..=103).contains(&thin.points.len()));
        assert_eq!((thin.points[0], thin.points[thin.points.len() - 1]), ([0.0; 2], [1.0; 2]));
        assert!((area(&thin.points) - whole.auroc).abs() < 1e-3);
        let near = |p: &[f64; 2]| {
            thin.points.iter().any(|q| (p[0] - q[0]).abs() + (p[1] - q[1]).abs() <= 0.02 + 1e-12)
        };
        assert!(without_straight(&whole.points).iter().all(near));
        let few = curve(20, 3);
        assert_eq!(few.clone().thin(100).points, without_straight(&few.points));
    }

    #[test]
    fn a_curve_needs_both_classes() {
        assert_eq!(roc_curve(&[0.1, 0.2], &[true; 2]), None);
        assert_eq!(roc_curve(&[0.1, f64::NAN], &[true, false]), None);
        assert_eq!(roc_curves(&[0.0, 1.0, 1.0, 0.0], &[1, 1], 2, 10), [None, None]);
    }
}
