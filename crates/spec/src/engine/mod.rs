//! The contract of engines: train on batches, predict, return and load the state.

mod batch;
mod exchange;
mod loss;
mod optimiser;
mod state;
mod totals;

pub use batch::{Batch, Targets};
pub use exchange::{Exchange, part};
pub use loss::Loss;
pub use optimiser::{Adam, Muon, Optimiser, Sgd};
pub use state::{AVERAGE, State, Tensor};
pub use totals::Totals;

use crate::Network;
use std::ops::Range;

/// The largest pixel value: a network's input is pixel / `PIXEL_MAX`.
pub const PIXEL_MAX: f32 = 255.0;

/// Everything about a training step except its batch.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Number of steps before this one; used for dropout masks and, plus one, for Adam's bias
    /// correction.
    pub number: u64,
    /// The run's seed; used for dropout masks.
    pub seed: u64,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// The rule by which the gradient changes the parameters.
    pub optimiser: Optimiser,
    /// The loss to minimise.
    pub loss: &'a Loss,
    /// A factor of the learning rate for each of [`Network::parameters`], in that order; empty for
    /// ones. 0 freezes a parameter: no update, no decay, unchanged optimiser slots. If the factor
    /// of a batch normalisation's running mean is 0, running mean and variance stay fixed and
    /// normalise the batch in place of its own statistics (PyTorch's `eval()` of that layer); other
    /// factors do not affect statistics.
    pub rates: &'a [f32],
    /// Decay of the averaged weights, from 0 to below 1; `None` keeps no average.
    ///
    /// After the step, the average a of parameters and running statistics p becomes
    /// a + (1 - decay) (p - a); the first such step copies them (PyTorch's `AveragedModel` with
    /// `get_ema_multi_avg_fn` and `use_buffers`).
    pub average: Option<f64>,
}

impl Step<'_> {
    /// The factor of the learning rate for parameter `position` of [`Network::parameters`].
    pub fn rate(&self, position: usize) -> f64 {
        self.rates.get(position).map_or(1.0, |&rate| f64::from(rate))
    }

    /// Checks that loss and rates fit `network`.
    ///
    /// # Errors
    /// Names what has the wrong number of values.
    pub fn check(&self, network: &Network) -> Result<(), EngineError> {
        self.loss.check(network.classes())?;
        if self.rates.is_empty() {
            return Ok(());
        }
        let (given, all) = (self.rates.len(), network.parameters().len());
        match given == all {
            true => Ok(()),
            false => Err(EngineError::Batch(format!("{given} rates for {all} parameters"))),
        }
    }
}

/// The weights that a network predicts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// The current parameters.
    #[default]
    Current,
    /// Their average ([`Step::average`]), running statistics included.
    Average,
}

/// Why an engine failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The state belongs to another network.
    #[error("{0}")]
    State(String),
    /// The batch or step does not fit.
    #[error("{0}")]
    Batch(String),
    /// The engine cannot run this network.
    #[error("{0}")]
    Unsupported(String),
    /// The device is not there, does not open, or was lost; an engine that returns this is unusable.
    #[error("{0}")]
    Device(String),
    /// The other ranks cannot be reached.
    #[error("exchange with the other ranks: {0}")]
    Exchange(String),
}

impl From<std::io::Error> for EngineError {
    /// An error of an [`Exchange`].
    fn from(error: std::io::Error) -> Self {
        Self::Exchange(error.to_string())
    }
}

/// Runs a network; this is all that the training loop knows about an engine.
///
/// Engines draw dropout masks only from [`crate::random`], so all draw the same masks.
pub trait Engine {
    /// The network that runs.
    fn network(&self) -> &Network;

    /// Device, instruction set and threads in a few words, for provenance.
    fn describe(&self) -> String;

    /// An engine like this one for another network, which only predicts and shares no work with other
    /// ranks; its state must still be loaded.
    ///
    /// # Errors
    /// If this kind of engine cannot run the network, or cannot run beside another one.
    fn beside(&self, network: &Network) -> Result<Box<dyn Engine>, EngineError> {
        let classes = network.classes();
        let text = format!("{}: cannot run a teacher of {classes} classes", self.describe());
        Err(EngineError::Unsupported(text))
    }

    /// The range of a step's `images` that this engine takes; all, unless it shares the work with
    /// other ranks ([`Exchange`]).
    fn share(&self, images: usize) -> Range<usize> {
        0..images
    }

    /// Whether `wish` is true on any rank that shares the work. All ranks call this together, and
    /// all get the same answer.
    ///
    /// # Errors
    /// If the others cannot be reached.
    fn any(&mut self, wish: bool) -> Result<bool, EngineError> {
        Ok(wish)
    }

    /// One step: forward, backward, optimiser, running statistics, average. It may return before the
    /// work is done; [`Self::totals`] waits.
    ///
    /// # Errors
    /// If the batch does not fit the network or is larger than the engine's batch size; then nothing has
    /// changed. If the exchange with other ranks fails; then the engine is unusable.
    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError>;

    /// Waits for all submitted steps and adds the results of those since the last call to `sums`,
    /// in order. So the sums do not depend on when they are asked for.
    ///
    /// # Errors
    /// If a step failed after [`Self::submit`] had returned.
    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError>;

    /// Runs one step to its end, for callers that can wait. Returns its totals, including those of
    /// earlier steps that have not been asked for.
    ///
    /// # Errors
    /// As [`Self::submit`] and [`Self::totals`].
    fn train_step(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<Totals, EngineError> {
        self.submit(batch, step)?;
        let mut totals = Totals::default();
        self.totals(&mut totals)?;
        Ok(totals)
    }

    /// Logits (n, classes) of images (n, h, w, c), with running statistics and without dropout, for
    /// any n.
    ///
    /// An engine that shares its work predicts its part and gathers the others'; all ranks must
    /// call this with the same images.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images, or there is no average.
    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError>;

    /// A copy of everything that training changes, after all submitted steps.
    ///
    /// # Panics
    /// If a device was lost; [`Self::try_state`] says so instead.
    fn state(&mut self) -> State;

    /// The same, for callers that must not panic.
    ///
    /// # Errors
    /// If the state lies on a device that was lost.
    fn try_state(&mut self) -> Result<State, EngineError> {
        Ok(self.state())
    }

    /// Replaces everything that training changes; missing optimiser slots start at zero.
    ///
    /// # Errors
    /// If the state belongs to another network; then nothing has changed.
    fn load_state(&mut self, state: &State) -> Result<(), EngineError>;
}

/// A boxed engine is an engine, too.
impl<E: Engine + ?Sized> Engine for Box<E> {
    fn network(&self) -> &Network {
        (**self).network()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn beside(&self, network: &Network) -> Result<Box<dyn Engine>, EngineError> {
        (**self).beside(network)
    }

    fn share(&self, images: usize) -> Range<usize> {
        (**self).share(images)
    }

    fn any(&mut self, wish: bool) -> Result<bool, EngineError> {
        (**self).any(wish)
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        (**self).submit(batch, step)
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        (**self).totals(sums)
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        (**self).predict(images, weights)
    }

    fn state(&mut self) -> State {
        (**self).state()
    }

    fn try_state(&mut self) -> Result<State, EngineError> {
        (**self).try_state()
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        (**self).load_state(state)
    }
}
