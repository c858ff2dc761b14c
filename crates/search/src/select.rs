//! Selects the best combination of a grid.

use serde::Serialize;

use crate::Row;

/// Description of the rule.
pub const SELECTION_RULE: &str = "the highest validation accuracy; among all within one \
    standard error of it (a difference that the number of validation images cannot show), the highest \
    training accuracy; of equal ones the fewest parameters";

/// The selected row, and the rows that it was selected from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// Index of the selected row.
    pub row: usize,
    /// The highest validation accuracy.
    pub highest: f64,
    /// The standard error of that accuracy.
    pub standard_error: f64,
    /// Indices of all rows within one standard error.
    pub candidates: Vec<usize>,
    /// [`SELECTION_RULE`].
    pub rule: &'static str,
}

/// Selects one of the complete rows by [`SELECTION_RULE`]; `None` if there are none.
///
/// The standard error is that of a share p of n validation images, sqrt(p (1 - p) / n). Repetitions on
/// the same images do not reduce it; folds do, because each has other images.
pub fn select(rows: &[Row]) -> Option<Selection> {
    let complete = || rows.iter().enumerate().filter(|(_, row)| row.done == row.trials);
    let accuracies = complete().filter_map(|(i, row)| Some((i, row.validation.as_ref()?.mean)));
    let accuracies: Vec<(usize, f64)> = accuracies.collect();
    let &(top, highest) = accuracies.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let images = rows[top].validation_images.max(1) as f64;
    let standard_error = (highest * (1.0 - highest) / images).sqrt();
    let near = |&&(_, accuracy): &&(usize, f64)| accuracy >= highest - standard_error;
    let candidates: Vec<usize> = accuracies.iter().filter(near).map(|&(i, _)| i).collect();
    let train = |i: usize| rows[i].train.as_ref().map_or(0.0, |train| train.mean);
    let row = *candidates.iter().max_by(|&&a, &&b| {
        train(a).total_cmp(&train(b)).then(rows[b].parameters.cmp(&rows[a].parameters))
    })?;
    Some(Selection { row, highest, standard_error, candidates, rule: SELECTION_RULE })
}
