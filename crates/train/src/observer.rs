//! Events of the loop for observers: progress bars, TensorBoard, tests.

use std::path::Path;

use modiste_model::{EpochMetrics, EpochRow, Timing};
use modiste_spec::Network;

use crate::{Config, Outcome};

/// Something that happened. Epochs and steps count from 1.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The run starts, or continues from its checkpoint.
    Started {
        /// The run folder.
        folder: &'a Path,
        /// The configuration.
        config: &'a Config,
        /// The network.
        network: &'a Network,
        /// The name of each class.
        classes: &'a [String],
        /// Training images.
        images: usize,
        /// Steps per epoch.
        steps: usize,
        /// The epochs done before; empty for a new run.
        history: &'a [EpochRow],
        /// Steps of the current epoch done before.
        steps_done: usize,
    },
    /// A training step was done.
    Step {
        /// The epoch.
        epoch: usize,
        /// The planned number of epochs.
        epochs: usize,
        /// The step within the epoch.
        step: usize,
        /// Steps per epoch.
        steps: usize,
        /// Mean training loss of the epoch so far.
        loss: f64,
        /// Training accuracy of the epoch so far.
        accuracy: f64,
        /// The learning rate of this step.
        learning_rate: f64,
        /// Speed since the epoch began or was resumed.
        images_per_second: f64,
    },
    /// Some validation images were predicted.
    Validating {
        /// The epoch.
        epoch: usize,
        /// Images predicted so far.
        done: usize,
        /// Validation images.
        images: usize,
    },
    /// An epoch has been evaluated; its files are not written yet.
    EpochEnded {
        /// Metrics of the epoch.
        metrics: &'a EpochMetrics,
        /// Its duration.
        timing: &'a Timing,
        /// Whether it is the best so far.
        best: bool,
        /// Validation logits (n, classes).
        logits: &'a [f32],
        /// Validation labels (n).
        labels: &'a [u16],
    },
    /// A file of the run is safely on disk.
    Written {
        /// The file.
        file: &'a Path,
    },
    /// The loop is about to return.
    Ended {
        /// The outcome.
        outcome: &'a Outcome,
    },
}

/// Watches a run. Closures that take an [`Event`] are observers.
pub trait Observer {
    /// Receives an event; training waits until this returns.
    fn event(&mut self, event: &Event<'_>);
}

impl<F: FnMut(&Event<'_>)> Observer for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// Several observers, called in order.
impl Observer for Vec<Box<dyn Observer + '_>> {
    fn event(&mut self, event: &Event<'_>) {
        for observer in self {
            observer.event(event);
        }
    }
}
