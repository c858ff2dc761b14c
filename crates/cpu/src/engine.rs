//! The engine: plans, parameters and one arena, behind `modiste_spec::Engine`.

use crate::clock::Clock;
use crate::infer::Inference;
use crate::limits::{self, Limits};
use crate::loss::cross_entropy;
use crate::lower::{Layout, Mode, lower};
use crate::machine::{Extent, Machine};
use crate::norm::Lanes;
use crate::optimiser::{MOST_SLOTS, Trained};
use crate::orthogonal::Matrices;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::ranks::Ranks;
use crate::run::Run;
use crate::trace::{Event, events};
use crate::weights::{Slot, Weights};
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::pool::MAX_PARTS;
use modiste_spec::engine::{
    AVERAGE, Batch, EngineError, Exchange, Optimiser, State, Step, Tensor, Totals,
    Weights as Which, part,
};
use modiste_spec::{Engine, Network, Parameter};
use std::collections::BTreeMap;
use std::ops::Range;

/// Options of an engine.
#[derive(Clone, Copy, Debug)]
pub struct CpuOptions {
    /// Largest training batch, in images; prediction takes any number.
    pub batch: usize,
    /// Number of threads, including the caller's; at least 1.
    pub threads: usize,
    /// The instruction set.
    pub isa: Isa,
    /// Whether 3x3 convolutions are computed directly instead of by Winograd's method: about half
    /// as fast, with smaller rounding errors. For comparisons.
    pub direct: bool,
}

impl CpuOptions {
    /// Checks that the engine can divide batches of this size.
    ///
    /// # Errors
    /// If a batch is empty or too large.
    pub fn check(&self) -> Result<(), EngineError> {
        if self.batch == 0 || self.batch > MAX_PARTS {
            let text = format!("a batch of {} images; 1 to {MAX_PARTS} are possible", self.batch);
            return Err(EngineError::Batch(text));
        }
        Ok(())
    }
}

impl Default for CpuOptions {
    /// Batches of 64, all processors, the host's fastest instruction set and the fastest methods.
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
    /// Slots by name: trainable parameters only, or all like `flat` ([`AVERAGE`]).
    slots: BTreeMap<String, Memory>,
    /// Work space for Muon, from its first step on.
    matrices: Option<Matrices>,
    /// (shards, trainable).
    gradients: Memory,
    /// Values and gradients of a training batch.
    arena: Memory,
    /// Logits of a training batch (n, classes).
    logits: Vec<f32>,
    /// Results of the steps not asked for yet: number, loss, correct images, images.
    outcomes: Vec<(u64, f64, usize, usize)>,
    ranks: Ranks,
    /// The weights that the filters for inference are folded from.
    folded: Option<Which>,
    training_clock: Clock,
}

impl CpuEngine {
    /// Compiles a network; its parameters are zero until a state is loaded.
    ///
    /// # Errors
    /// If the batch is empty or larger than the engine can divide.
    pub fn new(network: &Network, options: CpuOptions) -> Result<Self, EngineError> {
        options.check()?;
        if network.trainable() == 0 {
            return Err(EngineError::Unsupported("a network without anything to train".into()));
        }
        let layout = Layout::new(network, options.direct);
        let mut weights = layout.weights(&network.parameters());
        let [training, inference] =
            [Mode::Training, Mode::Inference].map(|mode| lower(network, mode, &layout));
        let machine =
            Machine::new(options.isa, options.threads, &[&training]).map_err(no_memory)?;
        // Smaller batches have at most as many shards.
        let shards = Extent::of_shards(options.batch).shards;
        let training_lanes = Lanes::of(&training, shards);
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
            slots: BTreeMap::new(),
            matrices: None,
            gradients: memory(shards * weights.trainable)?,
            arena: memory(arena)?,
            training,
            inference,
            weights,
            logits: vec![0.0; options.batch * network.classes()],
            outcomes: Vec::with_capacity(64),
            ranks: Ranks::default(),
            folded: None,
        };
        engine.load_state(&State::initial(network, 0))?;
        Ok(engine)
    }

    /// Shares the work with other engines of the same network and options from now on: given the
    /// same state, batches and steps, each ends with the same bits as a single engine.
    pub fn with_exchange(mut self, exchange: Box<dyn Exchange>) -> Self {
        self.ranks = Ranks::new(exchange);
        self
    }

    /// The time spent in training and inference since the last call, by step.
    pub fn profiles(&mut self) -> [Profile; 2] {
        let training = Profile::new(&self.training, &self.training_clock);
        self.training_clock.reset();
        [training, self.inference.profile()]
    }

    /// Starts or stops recording when every step runs; earlier records are dropped.
    pub fn trace(&mut self, on: bool) {
        self.training_clock.trace(on);
        self.inference.trace(on);
    }

    /// The events recorded since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        let mut all = events("training", 0, &self.training, &mut self.training_clock);
        all.extend(self.inference.events());
        all
    }

    /// Measures the machine's limits with this engine's threads and instruction set.
    ///
    /// # Errors
    /// If the memory for the copies cannot be allocated.
    pub fn limits(&mut self) -> std::io::Result<Limits> {
        limits::measure(&mut self.machine)
    }

    /// Allocates the slots of the optimiser.
    fn prepare_slots(&mut self, step: &Step<'_>) -> Result<(), EngineError> {
        for name in step.optimiser.slots() {
            if !self.slots.contains_key(*name) {
                let zeros = Memory::zeroed(self.weights.trainable).map_err(no_memory)?;
                self.slots.insert((*name).into(), zeros);
            }
        }
        Ok(())
    }

    /// Runs the optimiser and updates the average.
    fn update(&mut self, step: &Step<'_>, shards: usize) -> Result<(), EngineError> {
        let (names, averages) = (step.optimiser.slots(), step.average.is_some());
        let mut slots: [&mut [f32]; MOST_SLOTS] = [&mut [], &mut []];
        let mut average: &mut [f32] = &mut [];
        for (name, memory) in &mut self.slots {
            if let Some(at) = names.iter().position(|wanted| wanted == name) {
                slots[at] = memory;
            } else if averages && name == AVERAGE {
                average = memory;
            }
        }
        let starts = averages && average.is_empty();
        if matches!(step.optimiser, Optimiser::Muon(_)) && self.matrices.is_none() {
            let (parameters, threads) = (self.network.parameters(), self.machine.pool.threads());
            let matrices = Matrices::new(&parameters, &self.weights, threads);
            self.matrices = Some(matrices.map_err(no_memory)?);
        }
        let trained = Trained {
            weights: &self.weights,
            flat: &mut self.flat,
            gradients: &mut self.gradients,
            shards,
            slots,
            average,
            matrices: self.matrices.as_mut(),
        };
        trained.update(self.options.isa, &mut self.machine.pool, step);
        if starts {
            let mut first = Memory::zeroed(self.weights.len).map_err(no_memory)?;
            first.copy_from_slice(&self.flat);
            self.slots.insert(AVERAGE.into(), first);
        }
        Ok(())
    }

    /// Folds the filters for inference from these weights, unless done already.
    fn refresh(&mut self, weights: Which) -> Result<(), EngineError> {
        if self.folded == Some(weights) {
            return Ok(());
        }
        let flat: &[f32] = match weights {
            Which::Current => &self.flat,
            Which::Average => self.slots.get(AVERAGE).ok_or_else(|| {
                EngineError::State(
                    "there are no averaged weights: no step has kept an average".into(),
                )
            })?,
        };
        let Machine { isa, pool, .. } = &mut self.machine;
        self.inference.refresh(*isa, pool, &self.weights, flat);
        self.folded = Some(weights);
        Ok(())
    }

    /// The tensors of the parameters for which `wanted` is true.
    fn tensors(&self, values: &[f32], wanted: impl Fn(&Parameter) -> bool) -> Vec<Tensor> {
        let tensor = |(p, slot): (Parameter, &Slot)| Tensor {
            name: p.name,
            shape: p.shape,
            values: slot.unpack(values),
        };
        let all = self.network.parameters().into_iter().zip(&self.weights.parameters);
        all.filter(|(p, _)| wanted(p)).map(tensor).collect()
    }

    /// Packs the tensors of the slot `name` of a state into a flat array.
    fn pack(&self, name: &str, tensors: &[Tensor]) -> Result<Memory, EngineError> {
        let len = if name == AVERAGE { self.weights.len } else { self.weights.trainable };
        let mut flat = Memory::zeroed(len).map_err(no_memory)?;
        let parameters = self.network.parameters();
        let all = parameters.iter().zip(&self.weights.parameters);
        let wanted = all.filter(|(p, _)| State::slot_has(name, p));
        for ((_, slot), tensor) in wanted.zip(tensors) {
            slot.pack(&tensor.values, &mut flat);
        }
        Ok(flat)
    }
}

fn no_memory(error: std::io::Error) -> EngineError {
    EngineError::Unsupported(format!("memory and threads for the network: {error}"))
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

    fn beside(&self, network: &Network) -> Result<Box<dyn Engine>, EngineError> {
        // A batch of one reserves the least memory for training, which is never used.
        Ok(Box::new(Self::new(network, CpuOptions { batch: 1, ..self.options })?))
    }

    fn share(&self, images: usize) -> Range<usize> {
        let extent = self.ranks.extent(images);
        extent.first..extent.first + extent.images
    }

    fn any(&mut self, wish: bool) -> Result<bool, EngineError> {
        self.ranks.any(wish)
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        step.check(&self.network)?;
        let n = batch.check(&self.network, |images| self.share(images))?;
        if n > self.options.batch {
            let text = format!("a batch of {n} images; 1 to {} are possible", self.options.batch);
            return Err(EngineError::Batch(text));
        }
        self.prepare_slots(step)?;
        let extent = self.ranks.extent(n);
        self.training_clock.images = extent.images;
        self.training_clock.start();
        let machine = &mut self.machine;
        self.weights.refresh(machine.isa, &mut machine.pool, &self.flat);
        self.training_clock.rest("filters");
        self.folded = None;
        let mut run = Run {
            machine,
            plan: &self.training,
            weights: &self.weights,
            flat: &mut self.flat,
            arena: &mut self.arena,
            lanes: &mut self.training_lanes,
            extent,
            ranks: &mut self.ranks,
            frozen: &|position| step.rate(position) == 0.0,
            key: (step.seed, step.number),
            clock: &mut self.training_clock,
        };
        run.forward(batch.images)?;
        let logits = &mut self.logits[..n * self.network.classes()];
        run.logits(logits)?;
        let (plan, arena) = (run.plan, &mut *run.arena);
        let outcome = cross_entropy(plan, arena, extent, logits, batch.targets, step.loss);
        run.clock.rest("loss");
        run.backward(&mut self.gradients)?;
        self.training_clock.start();
        // With several ranks, the gradients are already added up.
        let alone = self.ranks.position().1 == 1;
        self.update(step, if alone { extent.shards } else { 1 })?;
        self.training_clock.rest("optimiser");
        self.outcomes.push((step.number, outcome.loss, outcome.correct, n));
        Ok(())
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        for (number, loss, correct, images) in self.outcomes.drain(..) {
            sums.add(number, loss, correct, images);
        }
        Ok(())
    }

    fn predict(&mut self, images: &[u8], weights: Which) -> Result<Vec<f32>, EngineError> {
        let image = self.network.input_shape().len();
        if !images.len().is_multiple_of(image) {
            let text =
                format!("{} pixels are not a whole number of images of {image}", images.len());
            return Err(EngineError::Batch(text));
        }
        self.refresh(weights)?;
        let (n, classes) = (images.len() / image, self.network.classes());
        let mut logits = vec![0.0; n * classes];
        let (rank, ranks) = self.ranks.position();
        let own = part(n, rank, ranks);
        let pixels = &images[own.start * image..own.end * image];
        let Machine { isa, pool, .. } = &mut self.machine;
        let chunks = pixels.chunks(MAX_PARTS * image);
        let own = &mut logits[own.start * classes..own.end * classes];
        for (pixels, logits) in chunks.zip(own.chunks_mut(MAX_PARTS * classes)) {
            self.inference.predict(*isa, pool, pixels, logits);
        }
        self.ranks.gather(&mut logits, |rank, ranks| rank * n / ranks * classes)?;
        Ok(logits)
    }

    fn state(&mut self) -> State {
        let slot = |(name, values): (&String, &Memory)| {
            (name.clone(), self.tensors(values, |p| State::slot_has(name, p)))
        };
        State {
            parameters: self.tensors(&self.flat, |_| true),
            slots: self.slots.iter().map(slot).collect(),
        }
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        let packed = |(name, tensors): (&String, &Vec<Tensor>)| {
            Ok((name.clone(), self.pack(name, tensors)?))
        };
        self.slots = state.slots.iter().map(packed).collect::<Result<_, EngineError>>()?;
        for (slot, tensor) in self.weights.parameters.iter().zip(&state.parameters) {
            slot.pack(&tensor.values, &mut self.flat);
        }
        self.folded = None;
        Ok(())
    }
}
