//! Reports the progress of a run to Python and checks for Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use modiste_data::Dataset;
use modiste_model::EpochMetrics;
use modiste_train::{Event, Observer, at_chance};
use pyo3::prelude::*;
use serde_json::{Value, json};

/// Shortest time between two reports of steps.
const PAUSE: Duration = Duration::from_millis(100);

/// An observer that calls `tell` with events as JSON, and stops the run if that raises an exception.
pub struct Watch<'a> {
    tell: &'a Py<PyAny>,
    stop: &'a AtomicBool,
    told: Instant,
    raised: Option<PyErr>,
    /// Validation images of each class.
    counts: Vec<usize>,
    history: Vec<EpochMetrics>,
    warned: bool,
}

impl<'a> Watch<'a> {
    /// Observes a run on `data`; setting `stop` ends it.
    pub fn new(tell: &'a Py<PyAny>, data: &Dataset, stop: &'a AtomicBool) -> Self {
        let counts = data.validation.class_counts(data.classes.len()).unwrap_or_default();
        let (told, history) = (Instant::now(), Vec::new());
        Self { tell, stop, told, raised: None, counts, history, warned: false }
    }

    /// Reports a line about the run.
    pub fn note(&mut self, line: &str) {
        self.say(&json!({ "event": "note", "text": line }));
    }

    /// The first exception.
    pub fn raised(self) -> Option<PyErr> {
        self.raised
    }

    fn say(&mut self, event: &Value) {
        self.told = Instant::now();
        if self.raised.is_some() {
            return;
        }
        let said = Python::attach(|py| {
            self.tell.call1(py, (event.to_string(),))?;
            py.check_signals()
        });
        if let Err(error) = said {
            self.raised = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Observer for Watch<'_> {
    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { folder, config, network, images, history, steps_done, .. } => {
                self.history = history.iter().map(|row| row.metrics).collect();
                self.say(&json!({
                    "event": "started", "folder": folder.display().to_string(),
                    "parameters": network.trainable(), "images": images,
                    "epochs": config.training.epochs, "epochs_done": history.len(),
                    "steps_done": steps_done,
                }));
            }
            Event::Step {
                epoch,
                epochs,
                step,
                steps,
                loss,
                accuracy,
                learning_rate,
                images_per_second,
            } if self.told.elapsed() >= PAUSE => {
                self.say(&json!({
                    "event": "step", "epoch": epoch, "epochs": epochs, "step": step, "steps": steps,
                    "loss": loss, "accuracy": accuracy, "learning_rate": learning_rate,
                    "images_per_second": images_per_second,
                }));
            }
            Event::Validating { epoch, done, images } if self.told.elapsed() >= PAUSE => {
                self.say(&json!({
                    "event": "validating", "epoch": epoch, "done": done, "images": images,
                }));
            }
            Event::EpochEnded { metrics, timing, best, .. } => {
                self.history.push(*metrics);
                let mut event = json!(metrics);
                event["event"] = json!("epoch");
                event["seconds"] = json!(timing.seconds);
                event["images_per_second"] = json!(timing.images_per_second);
                event["best"] = json!(best);
                self.say(&event);
                let warned = at_chance(&self.history, &self.counts).filter(|_| !self.warned);
                if let Some(line) = warned {
                    self.warned = true;
                    self.note(&line);
                }
            }
            Event::Step { .. }
            | Event::Validating { .. }
            | Event::Written { .. }
            | Event::Ended { .. } => {}
        }
    }
}
