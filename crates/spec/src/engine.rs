//! What an engine owes its callers: train one batch, predict, hand its state over and take it back.

use crate::Network;

/// The largest pixel value: a network's input is pixel / `PIXEL_MAX`.
pub const PIXEL_MAX: f32 = 255.0;

/// One batch of training images; any number of images from 1 up to the engine's batch size.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels (n, h, w, c).
    pub images: &'a [u8],
    /// Class of each image (n).
    pub labels: &'a [u16],
}

/// Cross-entropy as PyTorch's `cross_entropy` defines it, mean over the batch.
///
/// With class weights w and smoothing e over C classes, the loss of the batch is
/// `((1 - e) sum_i -w[y_i] log p_i[y_i] + e / C sum_i sum_c -w[c] log p_i[c]) / sum_i w[y_i]`.
/// Where all those weights are 0, which PyTorch calls not a number, loss and gradient are 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// e, from 0 to under 1.
    pub label_smoothing: f64,
    /// w, one a class; `None` stands for ones.
    pub class_weights: Option<Vec<f32>>,
}

/// Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub epsilon: f64,
    /// Each step first multiplies every weight by 1 - learning rate x this.
    pub weight_decay: f64,
}

impl Default for Adam {
    /// The standard parameters, no decay.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// All that a training step needs to know beside the batch.
#[derive(Clone, Debug)]
pub struct StepOptions<'a> {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// Steps made before this one: keys dropout masks and, plus one, Adam's bias correction.
    pub step: u64,
    /// The run's seed: keys dropout masks.
    pub seed: u64,
    /// Optimiser settings.
    pub adam: Adam,
    /// Loss settings.
    pub loss: &'a Loss,
}

/// What a training step saw, before it changed the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// Loss of the batch as [`Loss`] defines it.
    pub loss: f64,
    /// Images whose largest logit was the right one (the first of equals counts).
    pub correct: usize,
}

/// A named tensor in PyTorch's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The parameter's name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Everything that changes while training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub parameters: Vec<Tensor>,
    /// Adam's first moments of the trainable parameters, in that order; empty stands for zeros.
    pub first_moments: Vec<Tensor>,
    /// Adam's second moments, likewise.
    pub second_moments: Vec<Tensor>,
}

impl State {
    /// The state before the first step.
    pub fn initial(network: &Network, seed: u64) -> Self {
        let parameters = network.parameters();
        let tensors = parameters.iter().enumerate().map(|(position, p)| Tensor {
            name: p.name.clone(),
            shape: p.shape.clone(),
            values: p.initial_values(seed, position),
        });
        Self { parameters: tensors.collect(), ..Self::default() }
    }

    /// Checks that names, shapes and sizes are those of `network`.
    ///
    /// # Errors
    /// Names the first tensor that does not fit.
    pub fn check(&self, network: &Network) -> Result<(), EngineError> {
        let all = network.parameters();
        let expected: Vec<_> = all.iter().map(|p| (&p.name, &p.shape)).collect();
        let trained = all.iter().filter(|p| p.kind.trainable());
        let trained: Vec<_> = trained.map(|p| (&p.name, &p.shape)).collect();
        check_tensors("parameter", &self.parameters, &expected)?;
        for (what, moments) in
            [("first moment", &self.first_moments), ("second moment", &self.second_moments)]
        {
            if !moments.is_empty() {
                check_tensors(what, moments, &trained)?;
            }
        }
        Ok(())
    }
}

fn check_tensors(
    what: &str,
    tensors: &[Tensor],
    expected: &[(&String, &Vec<usize>)],
) -> Result<(), EngineError> {
    let fail = |text: String| Err(EngineError::State(format!("{what} {text}")));
    for (i, (name, shape)) in expected.iter().enumerate() {
        let Some(tensor) = tensors.get(i) else {
            return fail(format!("\"{name}\" is missing"));
        };
        if tensor.name != **name {
            return fail(format!("\"{}\" stands where \"{name}\" belongs", tensor.name));
        }
        if tensor.shape != **shape || tensor.values.len() != shape.iter().product::<usize>() {
            return fail(format!("\"{name}\" has shape {:?}, not {shape:?}", tensor.shape));
        }
    }
    match tensors.get(expected.len()) {
        Some(extra) => fail(format!("\"{}\" is not part of the network", extra.name)),
        None => Ok(()),
    }
}

/// Why an engine refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A state of another network.
    #[error("{0}")]
    State(String),
    /// A batch that does not fit.
    #[error("{0}")]
    Batch(String),
    /// A network that this engine cannot run.
    #[error("{0}")]
    Unsupported(String),
}

/// Runs a network: the training loop knows nothing else of an engine.
///
/// Engines draw dropout masks from [`crate::random`] alone, so that all draw the same.
pub trait Engine {
    /// The network that runs.
    fn network(&self) -> &Network;

    /// Device, instruction set and threads in a few words, for provenance.
    fn describe(&self) -> String;

    /// One step: forward, backward, Adam, running statistics.
    ///
    /// # Errors
    /// If the batch does not fit the network or is larger than the engine was made for.
    fn train_step(
        &mut self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError>;

    /// Logits (n, classes) of images (n, h, w, c), with running statistics and without dropout; any n.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images.
    fn predict(&mut self, images: &[u8]) -> Result<Vec<f32>, EngineError>;

    /// A copy of all that training changes.
    fn state(&self) -> State;

    /// Replaces all that training changes; empty moments become zeros.
    ///
    /// # Errors
    /// If the state is not of this network; then nothing was replaced.
    fn load_state(&mut self, state: &State) -> Result<(), EngineError>;
}

/// A boxed engine is an engine, so that what takes one takes any.
impl<E: Engine + ?Sized> Engine for Box<E> {
    fn network(&self) -> &Network {
        (**self).network()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn train_step(
        &mut self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError> {
        (**self).train_step(batch, options)
    }

    fn predict(&mut self, images: &[u8]) -> Result<Vec<f32>, EngineError> {
        (**self).predict(images)
    }

    fn state(&self) -> State {
        (**self).state()
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        (**self).load_state(state)
    }
}
