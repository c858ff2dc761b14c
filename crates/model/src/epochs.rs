//! Metrics of an epoch, the rule for the best epoch, and `metrics.csv` with one row per epoch.
//!
//! All columns except the last two are the same in every repetition of the run.

use std::path::Path;

use modiste_files::read_text;
use serde::{Deserialize, Serialize};

use crate::format::other_columns;
use crate::{ModelError, csv_text};

/// The first columns.
const NUMBERS: [&str; 7] = [
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_auroc",
];
/// The columns that follow in runs with averaged weights.
const CURRENT: [&str; 3] = ["current_loss", "current_accuracy", "current_auroc"];
/// The last columns.
const TIMES: [&str; 2] = ["seconds", "images_per_second"];
/// Largest file that is read, in bytes: a million epochs.
const MAX_BYTES: u64 = 1 << 28;

/// Metrics of one epoch, the same in every repetition of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss of the training batches during training, that is with augmentation, dropout, label
    /// smoothing and class weights, while the parameters changed.
    pub train_loss: f64,
    /// Accuracy of the same predictions.
    pub train_accuracy: f64,
    /// Mean cross-entropy of the validation images after the epoch, in nats; `None` in a run without a
    /// validation set, as are the next two.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation images.
    pub validation_accuracy: Option<f64>,
    /// Mean one-vs-rest AUROC of the validation images; also `None` if it is not defined.
    pub validation_auroc: Option<f64>,
    /// Metrics of the current weights in runs with averaged weights; the validation metrics above
    /// are then those of the average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<CurrentMetrics>,
}

/// Validation metrics of the current weights, in runs with averaged weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentMetrics {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Accuracy.
    pub accuracy: f64,
    /// Mean one-vs-rest AUROC; `None` if it is not defined.
    pub auroc: Option<f64>,
}

impl EpochMetrics {
    /// Whether this epoch is chosen over the earlier epoch `other`. Of equal epochs the earlier one is
    /// chosen; without a validation set, always the later one.
    pub fn better_than(&self, other: &Self, by: SelectBy) -> bool {
        let scores = |epoch: &Self| epoch.validation_accuracy.zip(epoch.validation_loss);
        let (Some(new), Some(old)) = (scores(self), scores(other)) else { return true };
        let (accuracy, loss) = (new.0.total_cmp(&old.0), old.1.total_cmp(&new.1));
        match by {
            SelectBy::Accuracy => accuracy.then(loss).is_gt(),
            SelectBy::Loss => loss.then(accuracy).is_gt(),
        }
    }

    /// The metric of `by`, with its sign chosen so that larger is better; `None` without a
    /// validation set.
    pub fn score(&self, by: SelectBy) -> Option<f64> {
        match by {
            SelectBy::Accuracy => self.validation_accuracy,
            SelectBy::Loss => self.validation_loss.map(|loss| -loss),
        }
    }
}

/// The validation metric that chooses the best epoch; of equal epochs the first is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectBy {
    /// The highest accuracy; if equal, the lowest loss.
    Accuracy,
    /// The lowest loss; if equal, the highest accuracy.
    Loss,
}

/// Duration of an epoch; after an interruption, only the time since the last resume counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Training and validation together.
    pub seconds: f64,
    /// Images trained on per second of training; 0 if no step was left after a resume.
    pub images_per_second: f64,
}

/// One row of `metrics.csv`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochRow {
    /// The numbers.
    pub metrics: EpochMetrics,
    /// Its duration; `None` if the process ended before it was written.
    pub timing: Option<Timing>,
}

/// Reads `metrics.csv`.
///
/// # Errors
/// If the file cannot be read or a row was not written by [`write_metrics`]; the error names the row.
pub fn read_metrics(path: &Path) -> Result<Vec<EpochRow>, ModelError> {
    parse_metrics(&read_text(path, MAX_BYTES)?, &path.display().to_string())
}

/// Reads the text of `metrics.csv`; errors name the file `name`.
///
/// # Errors
/// If a row was not written by [`write_metrics`], which the error names, or the last row is cut off.
pub fn parse_metrics(text: &str, name: &str) -> Result<Vec<EpochRow>, ModelError> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let first = records.next().and_then(Result::ok);
    let begins = |averaged| first.as_ref().is_some_and(|first| *first == columns(averaged));
    let averaged = begins(true);
    if !averaged && !begins(false) {
        let found = text.lines().next().unwrap_or_default();
        let wanted = columns(found.contains(CURRENT[0])).join(",");
        return Err(ModelError::file(name, other_columns(found, &wanted)));
    }
    let row = |(i, record): (usize, csv::Result<csv::StringRecord>)| {
        let cells = record.unwrap_or_default();
        parse_row(&cells.iter().collect::<Vec<_>>(), averaged).ok_or_else(|| {
            let line = cells.iter().collect::<Vec<_>>().join(",");
            ModelError::file(name, format!("line {} is not an epoch: {line:?}", i + 2))
        })
    };
    let rows = records.enumerate().map(row).collect::<Result<_, _>>()?;
    // Part of a number would still parse as a number.
    match text.ends_with('\n') {
        true => Ok(rows),
        false => Err(ModelError::file(name, "is truncated: its last line is incomplete")),
    }
}

/// The text of `metrics.csv`; every number is read back with the same bits.
pub fn write_metrics(rows: &[EpochRow]) -> String {
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let averaged = rows.iter().any(|row| row.metrics.current.is_some());
    let row = |EpochRow { metrics: m, timing }: &EpochRow| {
        let mut cells = vec![
            m.epoch.to_string(),
            m.learning_rate.to_string(),
            m.train_loss.to_string(),
            m.train_accuracy.to_string(),
            optional(m.validation_loss),
            optional(m.validation_accuracy),
            optional(m.validation_auroc),
        ];
        if averaged {
            let of = |number: &dyn Fn(CurrentMetrics) -> Option<f64>| m.current.and_then(number);
            cells.push(optional(of(&|current| Some(current.loss))));
            cells.push(optional(of(&|current| Some(current.accuracy))));
            cells.push(optional(of(&|current| current.auroc)));
        }
        cells.push(optional(timing.map(|t| (t.seconds * 1e3).round() / 1e3)));
        cells.push(optional(timing.map(|t| (t.images_per_second * 10.0).round() / 10.0)));
        cells
    };
    let first = columns(averaged).into_iter().map(str::to_owned).collect();
    csv_text(std::iter::once(first).chain(rows.iter().map(row)))
}

/// The first line.
fn columns(averaged: bool) -> Vec<&'static str> {
    let current: &[&str] = if averaged { &CURRENT } else { &[] };
    [&NUMBERS, current, &TIMES].concat()
}

fn parse_row(cells: &[&str], averaged: bool) -> Option<EpochRow> {
    let optional = |cell: &str| match cell {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let (cells, &[seconds, speed]) = cells.split_last_chunk()?;
    let (cells, current) = match (averaged, cells) {
        (true, [cells @ .., loss, accuracy, auroc]) => {
            let (loss, accuracy) = (loss.parse().ok()?, accuracy.parse().ok()?);
            (cells, Some(CurrentMetrics { loss, accuracy, auroc: optional(auroc)? }))
        }
        (true, _) => return None,
        (false, cells) => (cells, None),
    };
    let &[epoch, learning_rate, train_loss, train_accuracy, loss, accuracy, auroc] = cells else {
        return None;
    };
    let (validation_loss, validation_accuracy) = (optional(loss)?, optional(accuracy)?);
    if validation_loss.is_some() != validation_accuracy.is_some() {
        return None;
    }
    let metrics = EpochMetrics {
        epoch: epoch.parse().ok()?,
        learning_rate: learning_rate.parse().ok()?,
        train_loss: train_loss.parse().ok()?,
        train_accuracy: train_accuracy.parse().ok()?,
        validation_loss,
        validation_accuracy,
        validation_auroc: optional(auroc)?,
        current,
    };
    let timing = optional(seconds)?.zip(optional(speed)?);
    let timing = timing.map(|(seconds, images_per_second)| Timing { seconds, images_per_second });
    Some(EpochRow { metrics, timing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: usize, auroc: Option<f64>, timing: Option<Timing>) -> EpochRow {
        let metrics = EpochMetrics {
            epoch,
            learning_rate: 1e-3,
            train_loss: 0.1 + 0.2,
            train_accuracy: 2.0 / 3.0,
            validation_loss: Some(1.0),
            validation_accuracy: Some(0.5),
            validation_auroc: auroc,
            current: None,
        };
        EpochRow { metrics, timing }
    }

    #[test]
    fn rows_survive_a_round_trip() {
        let timing = Timing { seconds: 12.345, images_per_second: 678.9 };
        let rows = [row(1, Some(0.75), Some(timing)), row(2, None, None)];
        let text = write_metrics(&rows);
        assert!(text.ends_with("\n2,0.001,0.30000000000000004,0.6666666666666666,1,0.5,,,\n"));
        assert_eq!(parse_metrics(&text, "metrics.csv").unwrap(), rows);
    }

    #[test]
    fn without_a_validation_set_the_last_epoch_is_chosen() {
        let mut rows = [row(1, None, None), row(2, None, None)];
        for EpochRow { metrics, .. } in &mut rows {
            (metrics.validation_loss, metrics.validation_accuracy) = (None, None);
        }
        let text = write_metrics(&rows);
        assert!(
            text.ends_with("\n2,0.001,0.30000000000000004,0.6666666666666666,,,,,\n"),
            "{text}"
        );
        assert_eq!(parse_metrics(&text, "metrics.csv").unwrap(), rows);
        for by in [SelectBy::Accuracy, SelectBy::Loss] {
            assert!(rows[1].metrics.better_than(&rows[0].metrics, by));
            assert_eq!(rows[1].metrics.score(by), None);
        }
        assert!(parse_metrics(&text.replace(",,,,,", ",1,,,,"), "metrics.csv").is_err());
    }

    #[test]
    fn rows_of_averaged_weights_have_the_current_ones_too() {
        let mut rows = [row(1, Some(0.75), None), row(2, None, None)];
        for (row, auroc) in rows.iter_mut().zip([None, Some(0.5)]) {
            row.metrics.current = Some(CurrentMetrics { loss: 0.25, accuracy: 0.1, auroc });
        }
        let text = write_metrics(&rows);
        assert!(text.starts_with(&format!("{}\n1,", columns(true).join(","))), "{text}");
        assert_eq!(parse_metrics(&text, "metrics.csv").unwrap(), rows);
        let cut = text.replace(",0.25,0.1,0.5,,\n", ",,\n");
        let error = parse_metrics(&cut, "metrics.csv").unwrap_err().to_string();
        assert!(error.starts_with("metrics.csv: line 3 is not an epoch"), "{error}");
    }

    #[test]
    fn a_broken_row_is_named() {
        let text = write_metrics(&[row(1, None, None), row(2, None, None)]);
        let error = |text: &str| parse_metrics(text, "metrics.csv").unwrap_err().to_string();
        let cut = text.trim_end().trim_end_matches(',');
        assert!(
            error(cut).starts_with("metrics.csv: line 3 is not an epoch: \"2,"),
            "{}",
            error(cut)
        );
        assert!(error(&text.replace("\n1,", "\none,")).contains("line 2"));
        assert!(error(text.trim_end()).ends_with("is truncated: its last line is incomplete"));
        assert!(error("").starts_with("metrics.csv: the first line is not epoch,"));
    }
}
