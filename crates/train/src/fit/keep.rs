//! The loop's reports and files: events, log, checkpoint, model.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use modiste_data::photo::Preparation;
use modiste_model::{Environment, EpochMetrics, Model, ModelConfidence, Provenance};
use modiste_spec::engine::State;

use super::Trainer;
use crate::{Checkpoint, Config, Event, TrainError};

impl Trainer<'_> {
    /// Reports the start and brings the other files into agreement with the checkpoint.
    pub(super) fn begin(&mut self) -> Result<(), TrainError> {
        let steps_done = self.progress.steps_done;
        let before = self.epochs_done() * self.steps() as u64 + steps_done as u64;
        self.run.note_environment(Environment::here(self.engine.describe(), before))?;
        let (epoch, verb) =
            (self.progress.epoch(), if before == 0 { "starts" } else { "continues" });
        self.run.log(format!("{verb} in epoch {epoch} after step {steps_done}"))?;
        self.observer.event(&Event::Started {
            folder: self.run.folder(),
            config: self.run.config(),
            network: self.engine.network(),
            classes: &self.data.classes,
            images: self.data.train.len(),
            steps: self.steps(),
            history: &self.rows,
            steps_done,
        });
        if self.best.is_some() {
            self.save_model(None)?;
        }
        if !self.rows.is_empty() {
            self.written(self.run.save_metrics(&self.rows)?);
        }
        Ok(())
    }

    /// Number of completed epochs, which is also the index of the current epoch's random numbers.
    pub(super) fn epochs_done(&self) -> u64 {
        self.progress.history.len() as u64
    }

    /// Steps per epoch.
    pub(super) fn steps(&self) -> usize {
        self.data.train.len().div_ceil(self.run.config().training.batch)
    }

    pub(super) fn tell_step(&mut self, learning_rate: f64, images_per_second: f64) {
        self.observer.event(&Event::Step {
            epoch: self.progress.epoch(),
            epochs: self.run.config().training.epochs,
            step: self.progress.steps_done,
            steps: self.steps(),
            loss: self.progress.totals.mean_loss(),
            accuracy: self.progress.totals.accuracy(),
            learning_rate,
            images_per_second,
        });
    }

    /// Reports that a file was written.
    pub(super) fn written(&mut self, file: PathBuf) {
        self.observer.event(&Event::Written { file: &file });
    }

    /// The preparation of training pictures.
    fn preparation(&self) -> Preparation {
        Preparation { shape: self.engine.network().input_shape(), ..self.data.preparation }
    }

    /// Writes the best epoch's model, with temperature and thresholds once the run has ended.
    pub(super) fn save_model(
        &mut self,
        confidence: Option<ModelConfidence>,
    ) -> Result<(), TrainError> {
        let (Some(parameters), Some(&chosen)) = (self.best.clone(), self.progress.best()) else {
            return Ok(());
        };
        let model = Model {
            confidence,
            preparation: self.preparation(),
            network: self.engine.network().clone(),
            classes: self.data.classes.clone(),
            parameters,
            config: config_for_model(self.run.config(), &self.data.name),
            provenance: Provenance {
                modiste: env!("CARGO_PKG_VERSION").into(),
                data: self.data.name.clone(),
                split: self.data.split.clone(),
                data_checksum: self.identity.checksum,
                chosen,
            },
        };
        self.written(self.run.save_model(&model)?);
        Ok(())
    }

    /// Writes the checkpoint if enough minutes have passed since the last one.
    pub(super) fn checkpoint_if_due(&mut self) -> Result<(), TrainError> {
        let minutes = self.run.config().training.checkpoint_minutes;
        // An interval too long for a `Duration` never ends.
        let pause = Duration::try_from_secs_f64(60.0 * minutes).unwrap_or(Duration::MAX);
        if minutes > 0.0 && self.saved_at.elapsed() >= pause {
            self.save_checkpoint()?;
        }
        Ok(())
    }

    /// Writes the checkpoint, unless training has diverged.
    pub(super) fn save_checkpoint(&mut self) -> Result<(), TrainError> {
        if !self.run.is_kept_here() {
            return Ok(());
        }
        self.take_totals()?;
        let state = self.engine.try_state()?;
        if let Some(what) = first_not_finite(&state) {
            return Err(self.not_finite(&what));
        }
        let checkpoint = Checkpoint {
            config: self.run.config().clone(),
            network: self.engine.network().clone(),
            data: self.identity.clone(),
            progress: self.progress.clone(),
            state,
            best: self.best.clone(),
        };
        let file = self.run.save_checkpoint(&checkpoint)?;
        self.saved = Some((self.progress.epoch(), self.progress.steps_done));
        self.saved_at = Instant::now();
        self.written(file);
        Ok(())
    }

    /// The error that `what` is not finite after the last step.
    pub(super) fn not_finite(&self, what: &str) -> TrainError {
        let file = self.run.files().checkpoint();
        let checkpoint = match self.saved {
            Some((epoch, step)) => {
                format!("{} (epoch {epoch}, {step} steps done)", file.display())
            }
            None => "none yet".into(),
        };
        TrainError::NotFinite {
            what: what.into(),
            epoch: self.progress.epoch(),
            step: self.progress.steps_done,
            learning_rate: self.progress.learning_rate.unwrap_or_default(),
            checkpoint,
        }
    }
}

/// The log line of an epoch.
pub(super) fn epoch_line(m: &EpochMetrics, best: bool) -> String {
    let validation = m.validation_accuracy.zip(m.validation_loss);
    let validation = validation.map_or_else(String::new, |(accuracy, loss)| {
        let best = if best { ", the best so far" } else { "" };
        format!("; validation accuracy {accuracy:.4}, loss {loss:.4}{best}")
    });
    format!(
        "epoch {}: training accuracy {:.4}, loss {:.4}{validation}",
        m.epoch, m.train_accuracy, m.train_loss
    )
}

/// Names the first tensor with an infinite value or NaN, as in `parameter "dense.weight"`.
pub(super) fn first_not_finite(state: &State) -> Option<String> {
    let slots = state.slots.iter().map(|(name, tensors)| (format!("{name} of"), tensors));
    let mut groups = [("parameter".into(), &state.parameters)].into_iter().chain(slots);
    groups.find_map(|(what, tensors)| {
        let bad = tensors.iter().find(|t| t.values.iter().any(|value| !value.is_finite()))?;
        Some(format!("{what} \"{}\"", bad.name))
    })
}

/// The configuration as stored in a model: a folder of images is named without its path.
fn config_for_model(config: &Config, data_name: &str) -> String {
    let mut config = config.clone();
    if config.data.source != "embedded" {
        config.data.source = data_name.to_owned();
    }
    // The path of the list would mean nothing elsewhere.
    config.data.exclude.clear();
    for models in [&mut config.training.from, &mut config.training.teacher] {
        let names = models.split(',').filter_map(|path| Path::new(path).file_name());
        *models = names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(",");
    }
    config.to_toml()
}
