//! Warns once if training makes no progress.

use modiste_data::Dataset;
use modiste_model::EpochMetrics;
use modiste_train::{Event, Observer, at_chance};

use crate::output;

/// An observer that wraps another one and adds the warning.
pub struct WarningObserver<O> {
    inner: O,
    /// Validation images of each class.
    counts: Vec<usize>,
    history: Vec<EpochMetrics>,
    told: bool,
}

impl<O: Observer> WarningObserver<O> {
    /// Watches a run on `data`, prints nothing if `quiet`, and passes all events on to `inner`.
    pub fn new(inner: O, data: &Dataset, quiet: bool) -> Self {
        let counts = data.validation.class_counts(data.classes.len()).unwrap_or_default();
        Self { inner, counts, history: Vec::new(), told: quiet }
    }
}

impl<O: Observer> Observer for WarningObserver<O> {
    fn event(&mut self, event: &Event<'_>) {
        self.inner.event(event);
        match event {
            Event::Started { history, .. } => {
                self.history = history.iter().map(|row| row.metrics).collect();
            }
            Event::EpochEnded { metrics, .. } => {
                self.history.push(**metrics);
                if let Some(line) = at_chance(&self.history, &self.counts).filter(|_| !self.told) {
                    output::note(&format!("modiste: note: {line}"));
                    self.told = true;
                }
            }
            Event::Step { .. }
            | Event::Validating { .. }
            | Event::Written { .. }
            | Event::Ended { .. } => {}
        }
    }
}
