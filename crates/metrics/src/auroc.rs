//! Area under the receiver operating characteristic, by ranks.
//!
//! The area is the probability that a positive scores above a negative, ties counting one half
//! (Mann and Whitney; Hanley and McNeil 1982). One sort gives it: O(n log n).

use crate::softmax::{rows, softmax};

/// Area under the receiver operating characteristic of `scores`; `None` if there are no positives, no
/// negatives, or a score is NaN. Equal scores count one half.
///
/// # Panics
///
/// If the two slices differ in length or hold 2^30 scores or more.
pub fn auroc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positive.len(), "a score and a truth for each image");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    Ranking::new(scores, |i| positive[i]).area(|_| 1)
}

/// Mean of the one-vs-rest areas of all classes that have some but not all of the images; `None` if
/// there is no such class or a logit is not finite.
///
/// # Panics
///
/// If `logits` is not as long as `labels` times `classes`.
pub fn mean_auroc(logits: &[f32], labels: &[u16], classes: usize) -> Option<f64> {
    let probabilities = probabilities(logits, labels, classes);
    if !logits.iter().all(|logit| logit.is_finite()) {
        return None;
    }
    let rankings = Ranking::one_vs_rest(&probabilities, labels, classes);
    mean(rankings.iter().map(|ranking| ranking.area(|_| 1)))
}

/// Mean of the areas that exist.
pub(crate) fn mean(areas: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = areas.flatten().fold((0.0, 0), |(sum, n), area| (sum + area, n + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Probabilities of all images, (n, classes).
pub(crate) fn probabilities(logits: &[f32], labels: &[u16], classes: usize) -> Vec<f64> {
    rows(logits, labels, classes).flat_map(|(row, _)| softmax(row)).collect()
}

/// Images sorted by score, so that the area of any resample takes one pass.
pub(crate) struct Ranking {
    /// From the lowest score up.
    entries: Vec<Entry>,
}

/// One image: its index, whether it is a positive, and whether its score differs from the next.
#[derive(Clone, Copy)]
struct Entry(u32);

impl Entry {
    fn index(self) -> usize {
        (self.0 >> 2) as usize
    }

    fn is_positive(self) -> bool {
        self.0 & 1 != 0
    }

    fn ends_tie(self) -> bool {
        self.0 & 2 != 0
    }
}

impl Ranking {
    /// Sorts the images by `scores`.
    pub(crate) fn new(scores: &[f64], positive: impl Fn(usize) -> bool) -> Self {
        assert!(scores.len() < 1 << 30, "under 2^30 images");
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        let score = |i: u32| scores[i as usize];
        order.sort_unstable_by(|&a, &b| score(a).total_cmp(&score(b)));
        let ends_tie = |at: usize| order.get(at + 1).is_none_or(|&n| score(n) != score(order[at]));
        let entry = |(at, &i): (usize, &u32)| {
            Entry(i << 2 | u32::from(ends_tie(at)) << 1 | u32::from(positive(i as usize)))
        };
        Self { entries: order.iter().enumerate().map(entry).collect() }
    }

    /// One ranking per class from `probabilities` (n, classes): its images against all others.
    pub(crate) fn one_vs_rest(probabilities: &[f64], labels: &[u16], classes: usize) -> Vec<Self> {
        let mut column = vec![0.0; labels.len()];
        let mut rankings = Vec::with_capacity(classes);
        for class in 0..classes {
            for i in 0..labels.len() {
                column[i] = probabilities[i * classes + class];
            }
            rankings.push(Self::new(&column, |i| usize::from(labels[i]) == class));
        }
        rankings
    }

    /// Numbers of negatives and positives of each distinct score, from the lowest up.
    pub(crate) fn ties(&self) -> Vec<[u64; 2]> {
        let mut ties = Vec::new();
        let mut tied = [0, 0];
        for entry in &self.entries {
            tied[usize::from(entry.is_positive())] += 1;
            if entry.ends_tie() {
                ties.push(std::mem::take(&mut tied));
            }
        }
        ties
    }

    /// The area when image `i` counts `count(i)` times; `None` without positives or negatives.
    pub(crate) fn area(&self, count: impl Fn(usize) -> u32) -> Option<f64> {
        // Twice the number of (positive, negative) pairs in the right order; a tie is worth 1.
        let mut twice_ordered = 0;
        let (mut positives, mut negatives) = (0, 0);
        let mut tied = [0, 0]; // negatives, positives of the present score
        for entry in &self.entries {
            tied[usize::from(entry.is_positive())] += u64::from(count(entry.index()));
            if entry.ends_tie() {
                twice_ordered += tied[1] * (2 * negatives + tied[0]);
                negatives += tied[0];
                positives += tied[1];
                tied = [0, 0];
            }
        }
        let pairs = positives * negatives;
        (pairs > 0).then(|| twice_ordered as f64 / (2 * pairs) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: a comparison of all pairs.
    fn reference_auroc(scores: &[f64], positive: &[bool]) -> f64 {
        let (mut worth, mut pairs) = (0.0, 0.0);
        for i in (0..scores.len()).filter(|&i| positive[i]) {
            for j in (0..scores.len()).filter(|&j| !positive[j]) {
                worth += match scores[i].total_cmp(&scores[j]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
                pairs += 1.0;
            }
        }
        worth / pairs
    }

    #[test]
    fn ranks_agree_with_all_pairs() {
        use modiste_spec::random::{Purpose, Stream};
        for levels in [1, 2, 3, 10, 1000] {
            let stream = Stream::new(levels.into(), Purpose::Bootstrap, 0, 0);
            let scores: Vec<f64> = (0..200).map(|i| stream.below(i, levels).into()).collect();
            let positive: Vec<bool> = (0..200).map(|i| stream.below(300 + i, 5) == 0).collect();
            let got = auroc(&scores, &positive).unwrap();
            assert!((got - reference_auroc(&scores, &positive)).abs() < 1e-14, "{levels}: {got}");
        }
    }

    #[test]
    fn known_areas() {
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Some(0.75));
        assert_eq!(auroc(&[0.5, 0.5], &[false, true]), Some(0.5));
        assert_eq!(auroc(&[0.0, -0.0], &[false, true]), Some(0.5));
        assert_eq!(auroc(&[0.5, 0.6], &[true, true]), None);
        assert_eq!(auroc(&[], &[]), None);
        assert_eq!(auroc(&[0.5, f64::NAN], &[false, true]), None);
        assert_eq!(mean_auroc(&[1.0, 0.0, 0.0, 1.0], &[0, 1], 2), Some(1.0));
        assert_eq!(mean_auroc(&[1.0, 0.0, 0.0, f32::INFINITY], &[0, 1], 2), None);
    }

    #[test]
    fn a_count_is_as_good_as_copies() {
        let ranking = Ranking::new(&[0.1, 0.7, 0.7, 0.9], |i| i % 2 == 1);
        let copies = [0.1, 0.1, 0.7, 0.7, 0.7, 0.7, 0.9];
        let positive = [false, false, true, true, true, false, true];
        assert_eq!(ranking.area(|i| [2, 3, 1, 1][i]), auroc(&copies, &positive));
    }
}
