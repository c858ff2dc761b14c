//! The engine: plans, parameters and one arena, behind `modiste_spec::Engine`.

use crate::infer::Inference;
use crate::limits::{self, Limits};
use crate::loss::cross_entropy;
use crate::lower::{Layout, Mode, lower};
use crate::machine::{Extent, MOST_SHARDS, Machine};
use crate::norm::Lanes;
use crate::plan::Plan;
use crate::profile::{Clock, Profile};
use crate::run::Run;
use crate::trace::{Event, events};
use crate::weights::Weights;
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::optimizer::{AdamStep, adam, sum_shards};
use modiste_kernels::pool::{MAX_PARTS, Parts};
use modiste_spec::engine::{Adam, Batch, EngineError, State, StepOptions, StepOutcome, Tensor};
use modiste_spec::{Engine, Network};

/// How an engine is made.
#[derive(Clone, Copy, Debug)]
pub struct CpuOptions {
    /// The largest training batch, in images; prediction takes any number.
    pub batch: usize,
    /// Threads, the caller's included; at least 1.
    pub threads: usize,
    /// The instruction set.
    pub isa: Isa,
    /// Whether 3x3 convolutions are computed directly instead of by Winograd's method: about half as
    /// fast, with less rounding. For comparisons.
    pub direct: bool,
}

impl CpuOptions {
    /// Whether the engine can divide such batches.
    ///
    /// # Errors
    /// If a batch is empty or too large.
    pub fn check(&self) -> Result<(), EngineError> {
        if self.batch == 0 || self.batch > MAX_PARTS {
            let text = format!("a batch of {} images: 1 to {MAX_PARTS} fit", self.batch);
            return Err(EngineError::Batch(text));
        }
        Ok(())
    }
}

impl Default for CpuOptions {
    /// Batches of 64, all processors, the fastest instruction set of the host and the fastest methods.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self { batch: 64, threads, isa: Isa::best(), direct: false }
    }
}

/// A network compiled for this host's processor.
pub struct CpuEngine {
    network: Network,
    options: CpuOptions,
    machine: Machine,
    training: Plan,
    weights: Weights,
    training_lanes: Vec<Lanes>,
    inference: Inference,
    /// Parameters, then running statistics.
    flat: Memory,
    first_moments: Memory,
    second_moments: Memory,
    /// (shards, trainable).
    gradients: Memory,
    /// Values and gradients of a training batch.
    arena: Memory,
    /// Whether the filters for inference are those of `flat`.
    fresh: bool,
    training_clock: Clock,
}

impl CpuEngine {
    /// Compiles a network; its parameters are zero until a state is loaded.
    ///
    /// # Errors
    /// If the batch is empty or larger than the engine can divide.
    pub fn new(network: &Network, options: CpuOptions) -> Result<Self, EngineError> {
        options.check()?;
        let layout = Layout::new(network, options.direct);
        let mut weights = layout.weights(&network.parameters());
        let [training, inference] =
            [Mode::Training, Mode::Inference].map(|mode| lower(network, mode, &layout));
        let no_memory =
            |e| EngineError::Unsupported(format!("memory and threads for the network: {e}"));
        let machine =
            Machine::new(options.isa, options.threads, &[&training]).map_err(no_memory)?;
        // Smaller batches have no more shards.
        let shards = Extent::of_shards(options.batch).shards;
        let training_lanes = training.buffers.iter().map(|b| Lanes::new(b.lanes, shards)).collect();
        let arena = training.arena.saturating_mul(options.batch);
        let memory = |len: usize| Memory::zeroed(len).map_err(no_memory);
        weights.allocate().map_err(no_memory)?;
        let threads = machine.pool.threads();
        let inference = Inference::new(inference, &weights, threads).map_err(no_memory)?;
        let mut engine = Self {
            training_clock: Clock::new(&training),
            network: network.clone(),
            options,
            machine,
            training_lanes,
            flat: memory(weights.len)?,
            first_moments: memory(weights.trainable)?,
            second_moments: memory(weights.trainable)?,
            gradients: memory(shards * weights.trainable)?,
            arena: memory(arena)?,
            training,
            inference,
            weights,
            fresh: false,
        };
        engine.load_state(&State::initial(network, 0))?;
        Ok(engine)
    }

    /// Where training and inference have spent their time since the last call.
    pub fn profiles(&mut self) -> [Profile; 2] {
        let training = Profile::new(&self.training, &self.training_clock);
        self.training_clock.reset();
        [training, self.inference.profile()]
    }

    /// Begins or ends to note when every step runs; what was noted before is forgotten.
    pub fn trace(&mut self, on: bool) {
        self.training_clock.trace(on);
        self.inference.trace(on);
    }

    /// What was noted since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        let mut all = events("training", 0, &self.training, &mut self.training_clock);
        all.extend(self.inference.events());
        all
    }

    /// What the machine can do at best with this engine's threads and instruction set.
    ///
    /// # Errors
    /// If the system gives no memory for the copies.
    pub fn limits(&mut self) -> std::io::Result<Limits> {
        limits::measure(&mut self.machine)
    }

    fn check(&self, batch: &Batch<'_>) -> Result<(), EngineError> {
        let fail = |text: String| Err(EngineError::Batch(text));
        let (n, image) = (batch.labels.len(), self.network.input_shape().len());
        if n == 0 || n > self.options.batch {
            return fail(format!("a batch of {n} images; 1 to {} fit", self.options.batch));
        }
        if batch.images.len() != n * image {
            return fail(format!("{} pixels for {n} images of {image}", batch.images.len()));
        }
        let classes = self.network.classes();
        match batch.labels.iter().find(|&&label| usize::from(label) >= classes) {
            Some(label) => fail(format!("label {label} of {classes} classes")),
            None => Ok(()),
        }
    }

    /// Adam on everything trainable, each thread a stretch of the flat arrays.
    fn update(&mut self, options: &StepOptions<'_>, shards: usize) {
        let (weights, isa) = (&self.weights, self.options.isa);
        let (len, threads) = (weights.trainable, self.machine.pool.threads());
        let stretch = len.div_ceil(threads).next_multiple_of(16);
        let (steps, gradients) = (adam_steps(options), Parts::new(&mut self.gradients, len));
        let gradients: [&mut [f32]; MOST_SHARDS] = std::array::from_fn(|s| match s < shards {
            true => gradients.take(s),
            false => &mut [],
        });
        let flat = Parts::new(&mut self.flat[..len], stretch);
        let first = Parts::new(&mut self.first_moments, stretch);
        let second = Parts::new(&mut self.second_moments, stretch);
        let gradients = gradients.map(|g| Parts::new(g, stretch));
        self.machine.pool.run(&|thread| {
            let start = thread * stretch;
            if start >= len {
                return;
            }
            let (p, m, v) = (flat.take(thread), first.take(thread), second.take(thread));
            let g = gradients[0].take(thread);
            for other in &gradients[1..shards] {
                sum_shards(isa, g, other.take(thread));
            }
            for slot in weights.parameters.iter().filter(|slot| slot.start < len) {
                let from = slot.start.clamp(start, start + p.len()) - start;
                let to = (slot.start + slot.len).clamp(start, start + p.len()) - start;
                let range = from..to;
                let step = steps[usize::from(slot.decays)];
                let [p, m, v] = [&mut *p, &mut *m, &mut *v].map(|x| &mut x[range.clone()]);
                adam(isa, step, &g[range.clone()], p, m, v);
            }
        });
    }

    fn refresh(&mut self) {
        if self.fresh {
            return;
        }
        let Machine { isa, pool, .. } = &mut self.machine;
        self.inference.refresh(*isa, pool, &self.weights, &self.flat);
        self.fresh = true;
    }

    fn tensors(&self, values: &[f32], trained_alone: bool) -> Vec<Tensor> {
        let parameters = self.network.parameters();
        let all = parameters.iter().zip(&self.weights.parameters);
        let wanted = all.filter(|(p, _)| p.kind.trainable() || !trained_alone);
        let tensor = |(p, slot): (&modiste_spec::Parameter, &crate::weights::Slot)| Tensor {
            name: p.name.clone(),
            shape: p.shape.clone(),
            values: slot.unpack(values),
        };
        wanted.map(tensor).collect()
    }

    fn load_moments(&self, tensors: &[Tensor], flat: &mut [f32]) {
        flat.fill(0.0);
        let parameters = self.network.parameters();
        let slots = parameters.iter().zip(&self.weights.parameters);
        let trained = slots.filter(|(p, _)| p.kind.trainable());
        for ((_, slot), tensor) in trained.zip(tensors) {
            slot.pack(&tensor.values, flat);
        }
    }
}

/// The step for parameters that do not decay and for those that do.
fn adam_steps(options: &StepOptions<'_>) -> [AdamStep; 2] {
    let Adam { beta1, beta2, epsilon, weight_decay } = options.adam;
    let t = (options.step + 1) as f64;
    let step = |decay: f64| AdamStep {
        beta1: beta1 as f32,
        beta2: beta2 as f32,
        keep1: (1.0 - beta1) as f32,
        keep2: (1.0 - beta2) as f32,
        rate: (options.learning_rate / (1.0 - beta1.powf(t))) as f32,
        root: (1.0 / (1.0 - beta2.powf(t)).sqrt()) as f32,
        epsilon: epsilon as f32,
        shrink: (1.0 - options.learning_rate * decay) as f32,
    };
    [step(0.0), step(weight_decay)]
}

impl Engine for CpuEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        let threads = self.machine.pool.threads();
        format!(
            "cpu {} {threads} thread{}{}",
            self.options.isa.name(),
            ["s", ""][usize::from(threads == 1)],
            ["", ", direct convolutions"][usize::from(self.options.direct)]
        )
    }

    fn train_step(
        &mut self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError> {
        self.check(&batch)?;
        self.training_clock.images = batch.labels.len();
        self.training_clock.start();
        let extent = Extent::of_shards(batch.labels.len());
        let machine = &mut self.machine;
        self.weights.refresh(machine.isa, &mut machine.pool, &self.flat);
        self.training_clock.rest("filters");
        let mut run = Run {
            machine,
            plan: &self.training,
            weights: &self.weights,
            flat: &mut self.flat,
            arena: &mut self.arena,
            lanes: &mut self.training_lanes,
            extent,
            key: (options.seed, options.step),
            clock: &mut self.training_clock,
        };
        run.forward(batch.images);
        let outcome = cross_entropy(run.plan, run.arena, batch.labels, options.loss);
        run.clock.rest("loss");
        run.backward(&mut self.gradients);
        self.training_clock.start();
        self.update(options, extent.shards);
        self.training_clock.rest("adam");
        self.fresh = false;
        Ok(outcome)
    }

    fn predict(&mut self, images: &[u8]) -> Result<Vec<f32>, EngineError> {
        let image = self.network.input_shape().len();
        if !images.len().is_multiple_of(image) {
            let text = format!("{} pixels are no whole number of images of {image}", images.len());
            return Err(EngineError::Batch(text));
        }
        self.refresh();
        let classes = self.network.classes();
        let mut logits = vec![0.0; images.len() / image * classes];
        let Machine { isa, pool, .. } = &mut self.machine;
        let chunks = images.chunks(MAX_PARTS * image);
        for (pixels, logits) in chunks.zip(logits.chunks_mut(MAX_PARTS * classes)) {
            self.inference.predict(*isa, pool, pixels, logits);
        }
        Ok(logits)
    }

    fn state(&self) -> State {
        State {
            parameters: self.tensors(&self.flat, false),
            first_moments: self.tensors(&self.first_moments, true),
            second_moments: self.tensors(&self.second_moments, true),
        }
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        for (slot, tensor) in self.weights.parameters.iter().zip(&state.parameters) {
            slot.pack(&tensor.values, &mut self.flat);
        }
        let mut moments = std::mem::take(&mut self.first_moments);
        self.load_moments(&state.first_moments, &mut moments);
        self.first_moments = moments;
        let mut moments = std::mem::take(&mut self.second_moments);
        self.load_moments(&state.second_moments, &mut moments);
        self.second_moments = moments;
        self.fresh = false;
        Ok(())
    }
}
