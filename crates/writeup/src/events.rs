//! TensorBoard's event file of a run: the curves with the epoch as step, the confusion matrix of
//! the best epoch so far, and the row of the HParams table.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use modiste_metrics::confusion;
use modiste_model::EpochMetrics;
use modiste_report::figures::Matrix;
use modiste_report::tensorboard::{EventWriter, Hyperparameter, Outcome};
use modiste_report::{ReportError, confusion_png};
use modiste_train::{Config, Event, Observer};

/// The curves by which the HParams table compares runs.
const COMPARED: [&str; 3] = ["validation/accuracy", "validation/loss", "validation/auroc"];

/// Writes the event file during the run.
#[derive(Default)]
pub struct Events {
    writer: Option<EventWriter>,
    classes: Vec<String>,
    /// The first error; nothing is written after it.
    error: Option<ReportError>,
}

impl Events {
    /// Closes the table's row: the run has done all its epochs.
    ///
    /// # Errors
    /// If this or an earlier event could not be written.
    pub fn finish(mut self) -> Result<(), ReportError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match &mut self.writer {
            Some(writer) => writer.finish(now(), Outcome::Success),
            None => Ok(()),
        }
    }

    /// If the folder has an event file, the new one cancels its entries for epochs that will be
    /// repeated: the process may have been killed between an epoch's events and its checkpoint.
    fn started(
        &mut self,
        folder: &Path,
        config: &Config,
        epochs_done: usize,
    ) -> Result<(), ReportError> {
        let mut writer = if has_events(folder) {
            EventWriter::resume(folder, epochs_done as i64 + 1, now())?
        } else {
            EventWriter::create(folder, now())?
        };
        writer.hyperparameters(now(), &hyperparameters(config), &COMPARED)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn epoch_ended(
        &mut self,
        metrics: &EpochMetrics,
        speed: f64,
        answers: Option<(&[f32], &[u16])>,
    ) -> Result<(), ReportError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let (step, m) = (metrics.epoch as i64, metrics);
        let mut values = vec![
            ("train/loss", m.train_loss as f32),
            ("train/accuracy", m.train_accuracy as f32),
            ("learning_rate", m.learning_rate as f32),
            ("images_per_second", speed as f32),
        ];
        let validated = [
            ("validation/loss", m.validation_loss),
            ("validation/accuracy", m.validation_accuracy),
            ("validation/auroc", m.validation_auroc),
        ];
        values.extend(validated.iter().filter_map(|&(tag, value)| Some((tag, value? as f32))));
        writer.scalars(step, now(), &values)?;
        let Some((logits, labels)) = answers.filter(|(_, labels)| !labels.is_empty()) else {
            return Ok(());
        };
        let counts = confusion(logits, labels, self.classes.len());
        let matrix = Matrix::new(counts, self.classes.iter().map(String::as_str));
        writer.image("validation/confusion", step, now(), &confusion_png(matrix)?)
    }

    fn try_event(&mut self, event: &Event<'_>) -> Result<(), ReportError> {
        match *event {
            Event::Started { folder, config, classes, history, .. } => {
                self.classes = classes.to_vec();
                self.started(folder, config, history.len())
            }
            Event::EpochEnded { metrics, timing, best, logits, labels } => {
                let answers = best.then_some((logits, labels));
                self.epoch_ended(metrics, timing.images_per_second, answers)
            }
            Event::Step { .. }
            | Event::Validating { .. }
            | Event::Written { .. }
            | Event::Ended { .. } => Ok(()),
        }
    }
}

impl Observer for Events {
    fn event(&mut self, event: &Event<'_>) {
        if self.error.is_none() {
            self.error = self.try_event(event).err();
        }
    }
}

/// Whether `folder` already has events. If it cannot be listed, it cannot be written either, and that
/// error is then reported.
fn has_events(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    names
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with("events.out.tfevents."))
}

/// Every field of the configuration.
fn hyperparameters(config: &Config) -> Vec<(String, Hyperparameter)> {
    let value = |text: String| match (text.parse(), text.parse()) {
        (Ok(number), _) => Hyperparameter::Number(number),
        (_, Ok(flag)) => Hyperparameter::Flag(flag),
        _ => Hyperparameter::Text(text),
    };
    config.settings().into_iter().map(|s| (s.path.to_owned(), value(s.value))).collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
