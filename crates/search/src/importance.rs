//! Importance of fields in a search: the share of the objective's variance that a field explains alone.

use crate::{Candidate, SearchFolder};

/// Number of groups that a range is divided into.
const GROUPS: usize = 4;

/// The importance of each dimension, from 0 to 1: the correlation ratio of the objective over groups of
/// values (choices, or quarters of the trials by value), minus the share that chance would explain. All
/// trials are compared after the epochs of the first rung; 0 if there are too few.
pub fn importance(folder: &SearchFolder, candidates: &[Candidate]) -> Vec<f64> {
    let dimensions = folder.search.space.dimensions();
    let of = |at: usize| {
        let pairs: Vec<(f64, f64)> =
            candidates.iter().filter_map(|c| Some((c.coordinates[at]?, c.first?))).collect();
        let groups = match dimensions[at].choices() {
            Some(_) => pairs.iter().map(|pair| pair.0 as usize).collect(),
            None => quarters(&pairs),
        };
        let values: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
        explained(&groups, &values)
    };
    (0..dimensions.len()).map(of).collect()
}

/// The quarter of each value, by rank.
fn quarters(pairs: &[(f64, f64)]) -> Vec<usize> {
    let below = |x: f64| pairs.iter().filter(|pair| pair.0 < x).count();
    pairs.iter().map(|pair| below(pair.0) * GROUPS / pairs.len().max(1)).collect()
}

/// The adjusted correlation ratio of `values` over `groups`.
fn explained(groups: &[usize], values: &[f64]) -> f64 {
    let n = values.len();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let squares = |values: &[f64], around: f64| -> f64 {
        values.iter().map(|value| (value - around).powi(2)).sum()
    };
    let mut kinds: Vec<usize> = groups.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let k = kinds.len();
    if k < 2 || n <= k {
        return 0.0;
    }
    let total = squares(values, mean(values));
    if total == 0.0 {
        return 0.0;
    }
    let within: f64 = kinds
        .iter()
        .map(|kind| {
            let of: Vec<f64> = groups
                .iter()
                .zip(values)
                .filter(|(group, _)| *group == kind)
                .map(|(_, &value)| value)
                .collect();
            squares(&of, mean(&of))
        })
        .sum();
    (1.0 - (within / (n - k) as f64) / (total / (n - 1) as f64)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decisive_field_explains_everything_and_an_irrelevant_one_nothing() {
        let groups: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let decided: Vec<f64> = groups.iter().map(|&group| group as f64).collect();
        assert_eq!(explained(&groups, &decided), 1.0);
        let other: Vec<f64> = (0..40).map(|i| f64::from(i / 2 % 5)).collect();
        assert_eq!(explained(&groups, &other), 0.0);
        let pairs: Vec<(f64, f64)> = (0..8).map(|i| (f64::from(i), 0.0)).collect();
        assert_eq!(quarters(&pairs), [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
