//! Reads the progress of a trial from its folder.

use std::path::Path;

use modiste_files::{MAX_TEXT, read_text};
use modiste_model::{EpochMetrics, RunFolder, read_metrics};
use modiste_train::{Config, Progress, TrainError};
use serde::{Deserialize, Serialize};

use crate::SearchError;

/// Progress of a trial.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // there is only one for each trial of a table
pub enum TrialProgress {
    /// The trial has no run yet.
    New,
    /// The run is not complete.
    Begun {
        /// Epochs done.
        epochs: usize,
    },
    /// It is done.
    Done(Numbers),
}

/// The numbers of a trial that is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Epochs done.
    pub epochs: usize,
    /// The numbers of the best epoch, whose model the run keeps.
    pub best: EpochMetrics,
    /// The numbers of the last epoch.
    pub last: EpochMetrics,
    /// Mean of the validation accuracy over the epochs: the larger, the sooner it rose.
    pub mean_validation_accuracy: f64,
    /// Seconds of all epochs, as far as they are known.
    pub seconds: f64,
}

impl Numbers {
    /// Validation accuracy of the best epoch: no trial is planned without a validation set.
    pub fn validation_accuracy(&self) -> f64 {
        self.best.validation_accuracy.unwrap_or(f64::NAN)
    }
}

impl TrialProgress {
    /// State of the run in `folder`, which should have this configuration.
    ///
    /// A run counts as done if `metrics.csv` has all epochs, counted as the loop itself counts them,
    /// and the mark of a finished run is there. Whatever else is found, resuming the run is what completes
    /// it: `last.ckpt` is the truth.
    ///
    /// # Errors
    /// If the folder holds a run of another configuration, or one whose configuration is broken.
    pub fn read(folder: &Path, config: &Config) -> Result<Self, SearchError> {
        let files = RunFolder::new(folder);
        let path = files.config();
        if !path.exists() {
            return Ok(Self::New);
        }
        let name = path.display().to_string();
        let text = read_text(&path, MAX_TEXT).map_err(TrainError::from)?;
        let there = Config::parse(&text, &name)?;
        if let Some([field, there, here]) = Self::difference(&there, config) {
            let problem =
                format!("belongs to another run: {field} is {there} there and {here} here");
            return Err(SearchError::conflict(folder.display().to_string(), problem));
        }
        let rows = read_metrics(&files.metrics()).unwrap_or_default();
        let mut progress = Progress::default();
        for row in &rows {
            if row.metrics.epoch != progress.epoch() || progress.ended(&there) {
                break;
            }
            progress.end_epoch(row.metrics, &there);
        }
        let epochs = progress.history.len();
        let whole = files.model().exists() && files.is_finished();
        match (progress.best(), progress.history.last()) {
            (Some(&best), Some(&last)) if whole && progress.ended(&there) => {
                let seconds = rows.iter().filter_map(|row| row.timing).map(|t| t.seconds).sum();
                let accuracies = progress.history.iter().filter_map(|m| m.validation_accuracy);
                let sum: f64 = accuracies.sum();
                let mean_validation_accuracy = sum / epochs as f64;
                Ok(Self::Done(Numbers { epochs, best, last, mean_validation_accuracy, seconds }))
            }
            _ => Ok(Self::Begun { epochs }),
        }
    }

    /// The numbers, if it is done.
    pub fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Done(numbers) => Some(numbers),
            Self::New | Self::Begun { .. } => None,
        }
    }

    /// The first field that makes the two different runs: its path, and its value in either. How
    /// often a run writes checkpoints does not change its result.
    pub fn difference(one: &Config, other: &Config) -> Option<[String; 3]> {
        let mut one = one.clone();
        one.training.checkpoint_minutes = other.training.checkpoint_minutes;
        one.first_difference(other)
    }
}

/// As shown in a table.
impl std::fmt::Display for TrialProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Begun { epochs } => write!(f, "begun, {epochs} epochs"),
            Self::Done(_) => f.write_str("done"),
        }
    }
}
