//! The result of a call of the loop.

use std::path::PathBuf;

use modiste_model::{EpochMetrics, Timing};
use serde::Serialize;

use super::Trainer;
use crate::{Event, TrainError};

/// The result of a call of [`fit`](crate::fit()).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All epochs are done, or early stopping ended the run.
    Finished(Summary),
    /// Training was stopped on request; the checkpoint is written.
    Interrupted {
        /// The current epoch, from 1.
        epoch: usize,
        /// The steps of that epoch that are done.
        steps_done: usize,
        /// The checkpoint to resume from.
        checkpoint: PathBuf,
    },
}

/// Summary of a finished run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The run folder.
    pub run: PathBuf,
    /// The model of the best epoch.
    pub model: PathBuf,
    /// Epochs done.
    pub epochs: usize,
    /// Whether early stopping ended the run.
    pub stopped_early: bool,
    /// The metrics of the best epoch.
    pub best: EpochMetrics,
    /// Seconds of all epochs, as far as known.
    pub seconds: f64,
    /// Training images per second of training over those epochs.
    pub images_per_second: f64,
}

impl Trainer<'_> {
    /// Writes the checkpoint, for a run that was asked to stop.
    pub(super) fn interrupt(mut self) -> Result<Outcome, TrainError> {
        self.save_checkpoint()?;
        let (epoch, steps_done) = (self.progress.epoch(), self.progress.steps_done);
        self.run.log(format!("interrupted in epoch {epoch} after step {steps_done}"))?;
        let checkpoint = self.run.files().checkpoint();
        let outcome = Outcome::Interrupted { epoch, steps_done, checkpoint };
        self.observer.event(&Event::Ended { outcome: &outcome });
        Ok(outcome)
    }

    /// Summarises a finished run.
    pub(super) fn finish(self) -> Result<Outcome, TrainError> {
        let best = *self.progress.best().expect("a run that has ended has an epoch");
        let timings: Vec<Timing> = self.rows.iter().filter_map(|row| row.timing).collect();
        let summary = Summary {
            run: self.run.folder().into(),
            model: self.run.files().model(),
            epochs: self.progress.history.len(),
            stopped_early: self.progress.stopping.stopped,
            best,
            seconds: timings.iter().map(|timing| timing.seconds).sum(),
            images_per_second: mean_speed(&timings),
        };
        self.run.save_summary(&summary)?;
        let early = if summary.stopped_early { ", stopped early" } else { "" };
        self.run.log(format!("finished: best epoch {}{early}", best.epoch))?;
        let outcome = Outcome::Finished(summary);
        self.observer.event(&Event::Ended { outcome: &outcome });
        Ok(outcome)
    }
}

/// All images divided by all seconds of training: epochs have the same number of images, so this is the
/// harmonic mean of their speeds.
fn mean_speed(timings: &[Timing]) -> f64 {
    let speeds: Vec<f64> = timings
        .iter()
        .map(|timing| timing.images_per_second)
        .filter(|&speed| speed > 0.0)
        .collect();
    let seconds_an_image: f64 = speeds.iter().map(|speed| 1.0 / speed).sum();
    if speeds.is_empty() { 0.0 } else { speeds.len() as f64 / seconds_an_image }
}
