//! The engine: sends batches, queues steps, fetches results and states.

use crate::device::Device;
use crate::kernel::{Dispatch, compile};
use crate::layout::Layout;
use crate::lower::{Plan, RESULTS, Shared, lower};
use crate::memory::{BufferId, Memory};
use crate::step::{StepNumbers, rates_of};
use crate::targets::{answers, masses};
use crate::{GpuOptions, ShaderTime, optimiser};
use modiste_spec::engine::{
    AVERAGE, Batch, EngineError, Muon, Optimiser, State, Step, Totals, Weights,
};
use modiste_spec::{Engine, Network};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest batch.
const MOST_IMAGES: usize = 4096;

/// Trains and runs a network on a GPU.
///
/// [`Engine::submit`] queues a step and returns; activations, gradients, parameters and the optimiser's
/// state stay in the GPU's memory. The same steps on the same device and driver give the same bits.
pub struct GpuEngine {
    network: Network,
    batch: usize,
    layout: Layout,
    device: Arc<Device>,
    memory: Memory,
    shared: Shared,
    training: Vec<Dispatch>,
    predicting: Vec<Dispatch>,
    /// The kernels of each kind of optimiser that a step has asked for.
    optimisers: BTreeMap<&'static str, Vec<Dispatch>>,
    averaging: Option<Dispatch>,
    /// Buffers of slots by name; those that are not in use are kept for later.
    slots: BTreeMap<String, Slot>,
    /// The rates in the GPU's memory.
    rates: Vec<[f32; 4]>,
    /// Number and images of each step whose results were not fetched.
    pending: Vec<(u64, usize)>,
    /// Results that were fetched to make room for others.
    fetched: Totals,
}

/// The buffer of a slot.
#[derive(Clone, Copy, Debug)]
struct Slot {
    buffer: BufferId,
    used: bool,
}

impl GpuEngine {
    /// Prepares `network` for batches of up to `options.batch` images, with parameters that are all zero.
    ///
    /// # Errors
    /// If there is no such GPU, it lacks something, or the batch does not fit into its memory.
    pub fn new(network: &Network, options: &GpuOptions) -> Result<Self, EngineError> {
        let GpuOptions { batch, device } = options;
        if !(1..=MOST_IMAGES).contains(batch) {
            let text = format!("a batch of {batch} images; 1 to {MOST_IMAGES} are possible");
            return Err(EngineError::Batch(text));
        }
        Self::on(Device::shared(device.as_deref())?, network, *batch)
    }

    fn on(device: Arc<Device>, network: &Network, batch: usize) -> Result<Self, EngineError> {
        let layout = Layout::new(network);
        let Plan { sizes, shared, training, predicting, contents } = lower(network, &layout, batch);
        let most = device.device.limits().max_compute_workgroups_per_dimension;
        let mut kernels = training.iter().chain(&predicting);
        kernels.try_for_each(|kernel| kernel.check(batch, most))?;
        let memory = Memory::create(&device, &sizes, shared.step, batch)?;
        for (buffer, words) in contents {
            device.queue.write_buffer(memory.buffer(buffer), 0, bytemuck::cast_slice(&words));
        }
        let [training, predicting] =
            [training, predicting].map(|kernels| compile(&device, &memory, &kernels));
        device.check()?;
        Ok(Self {
            network: network.clone(),
            batch,
            layout,
            device,
            memory,
            shared,
            training,
            predicting,
            optimisers: BTreeMap::new(),
            averaging: None,
            slots: BTreeMap::new(),
            rates: Vec::new(),
            pending: Vec::new(),
            fetched: Totals::default(),
        })
    }

    /// Bytes of the GPU's memory that the engine uses.
    pub fn bytes(&self) -> u64 {
        self.memory.bytes
    }

    fn write(&self, buffer: BufferId, bytes: &[u8]) {
        self.device.queue.write_buffer(self.memory.buffer(buffer), 0, bytes);
    }

    /// Sends images; a buffer is written in words.
    fn write_images(&self, images: &[u8]) {
        let whole = images.len() / 4 * 4;
        self.write(self.shared.pixels, &images[..whole]);
        if whole < images.len() {
            let mut word = [0; 4];
            word[..images.len() - whole].copy_from_slice(&images[whole..]);
            let buffer = self.memory.buffer(self.shared.pixels);
            self.device.queue.write_buffer(buffer, whole as u64, &word);
        }
    }

    /// The buffer of a slot, filled with zeros if it was not in use.
    fn slot(&mut self, name: &str) -> Result<BufferId, EngineError> {
        if let Some(slot) = self.slots.get_mut(name) {
            let fresh = !std::mem::replace(&mut slot.used, true);
            let buffer = slot.buffer;
            if fresh {
                self.write(buffer, bytemuck::cast_slice(&vec![0f32; self.layout.len]));
            }
            return Ok(buffer);
        }
        let buffer = self.memory.add(&self.device, name, self.layout.len)?;
        self.slots.insert(name.to_owned(), Slot { buffer, used: true });
        Ok(buffer)
    }

    /// Makes the kernels of an optimiser and its slots ready.
    fn prepare(&mut self, wanted: &Optimiser) -> Result<(), EngineError> {
        let slots = wanted.slots().iter().map(|name| self.slot(name));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        if self.optimisers.contains_key(wanted.kind()) {
            return Ok(());
        }
        let (mut failed, device, memory) = (None, &self.device, &mut self.memory);
        let step = memory.step;
        let mut ask = |what: &str, values: usize| {
            memory.add(device, what, values).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                step
            })
        };
        let (kernels, contents) =
            optimiser::kernels(wanted, &self.layout, &self.shared, &slots, &mut ask);
        if let Some(error) = failed {
            return Err(error);
        }
        for (buffer, words) in contents {
            self.write(buffer, bytemuck::cast_slice(&words));
        }
        let dispatches = compile(&self.device, &self.memory, &kernels);
        self.optimisers.insert(wanted.kind(), dispatches);
        self.device.check()
    }

    /// Whether averaged weights exist; makes room for them.
    fn prepare_average(&mut self) -> Result<bool, EngineError> {
        let exists = self.slots.get(AVERAGE).is_some_and(|slot| slot.used);
        let average = self.slot(AVERAGE)?;
        if self.averaging.is_none() {
            let kernel = optimiser::average(&self.layout, &self.shared, average);
            self.averaging = compile(&self.device, &self.memory, &[kernel]).pop();
        }
        Ok(exists)
    }

    /// Sends the rates of a step if they are not those of the step before.
    fn write_rates(&mut self, step: &Step<'_>) {
        let parameters = self.layout.parameters.iter().enumerate();
        let rates = parameters.map(|(i, p)| {
            let matrix = self.layout.matrices[i].then(|| Muon::scale(&p.shape));
            rates_of(step, i, p.kind.decays(), matrix)
        });
        let rates: Vec<[f32; 4]> = rates.collect();
        if rates != self.rates {
            self.write(self.shared.rates, bytemuck::cast_slice(&rates));
            self.rates = rates;
        }
    }

    /// Runs the kernels of the last step again, one after the other, and returns the time of each, with its
    /// work in 10^9 operations in place of a rate; empty if the GPU has no clock for that.
    pub(crate) fn timed_step(
        &self,
        images: usize,
        optimiser: &Optimiser,
    ) -> Result<Vec<ShaderTime>, EngineError> {
        let Device { device, queue, .. } = &*self.device;
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(Vec::new());
        }
        let more = self.optimisers.get(optimiser.kind()).into_iter().flatten();
        let all: Vec<&Dispatch> = self.training.iter().chain(more).collect();
        let mut times = Vec::with_capacity(all.len());
        for part in all.chunks(wgpu::QUERY_SET_MAX_QUERIES as usize / 2) {
            let clock = Clock::new(device, part.len());
            let mut encoder = device.create_command_encoder(&Default::default());
            for (i, dispatch) in part.iter().enumerate() {
                dispatch.record(&mut clock.begin(&mut encoder, i), images);
            }
            clock.resolve(&mut encoder);
            queue.submit([encoder.finish()]);
            let bytes = self.device.read(&clock.buffer, 16 * part.len() as u64)?;
            let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
            let milliseconds = f64::from(queue.get_timestamp_period()) * 1e-6;
            times.extend(part.iter().zip(ticks.chunks_exact(2)).map(|(dispatch, ticks)| {
                ShaderTime {
                    name: dispatch.label.clone(),
                    milliseconds: ticks[1].saturating_sub(ticks[0]) as f64 * milliseconds,
                    gflops: 1e-9 * (dispatch.operations * images as u64) as f64,
                }
            }));
        }
        Ok(times)
    }

    /// Queues the kernels of a step: everything in one submission.
    fn run(&self, step: &Step<'_>, images: usize, averaged: Option<bool>) {
        let mut encoder = self.device.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let optimiser = self.optimisers.get(step.optimiser.kind()).into_iter().flatten();
        let average = self.averaging.iter().filter(|_| averaged == Some(true));
        for dispatch in self.training.iter().chain(optimiser).chain(average) {
            dispatch.record(&mut pass, images);
        }
        drop(pass);
        if averaged == Some(false) {
            // The first average is a copy.
            let from = self.memory.buffer(self.shared.parameters);
            let to = self.memory.buffer(self.slots[AVERAGE].buffer);
            encoder.copy_buffer_to_buffer(from, 0, to, 0, 4 * self.layout.len as u64);
        }
        self.device.queue.submit([encoder.finish()]);
    }

    /// Fetches the results of the steps that are pending and adds them to `sums`.
    fn fetch(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        if self.pending.is_empty() {
            return self.device.check();
        }
        let results = self.memory.buffer(self.shared.results);
        let bytes = self.device.read(results, 8 * self.pending.len() as u64)?;
        let values: Vec<f32> = floats(&bytes);
        for ((number, images), result) in self.pending.drain(..).zip(values.chunks_exact(2)) {
            sums.add(number, f64::from(result[0]), result[1] as usize, images);
        }
        Ok(())
    }

    /// Logits of up to a batch of images with the active weights.
    fn predict_batch(&self, images: &[u8], count: usize) -> Result<Vec<f32>, EngineError> {
        self.write_images(images);
        self.write(self.shared.step, &StepNumbers::predicting(count).bytes());
        let mut encoder = self.device.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        self.predicting.iter().for_each(|dispatch| dispatch.record(&mut pass, count));
        drop(pass);
        self.device.queue.submit([encoder.finish()]);
        let logits = self.memory.buffer(self.shared.logits);
        Ok(floats(&self.device.read(logits, 4 * (count * self.network.classes()) as u64)?))
    }

    /// Makes `weights` those that predict.
    fn activate(&self, weights: Weights) -> Result<(), EngineError> {
        let from = match weights {
            Weights::Current => self.shared.parameters,
            Weights::Average => match self.slots.get(AVERAGE) {
                Some(Slot { buffer, used: true }) => *buffer,
                _ => return Err(EngineError::State("these weights have no average".into())),
            },
        };
        let mut encoder = self.device.device.create_command_encoder(&Default::default());
        let [from, to] = [from, self.shared.active].map(|buffer| self.memory.buffer(buffer));
        encoder.copy_buffer_to_buffer(from, 0, to, 0, 4 * self.layout.len as u64);
        self.device.queue.submit([encoder.finish()]);
        Ok(())
    }

    fn read_values(&self, buffer: BufferId) -> Result<Vec<f32>, EngineError> {
        let bytes = self.device.read(self.memory.buffer(buffer), 4 * self.layout.len as u64)?;
        Ok(floats(&bytes))
    }
}

/// Bytes from the GPU as floats.
fn floats(bytes: &[u8]) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(bytes)
}

/// Timestamps at the beginning and end of passes.
struct Clock {
    queries: wgpu::QuerySet,
    buffer: wgpu::Buffer,
    passes: u32,
}

impl Clock {
    fn new(device: &wgpu::Device, passes: usize) -> Self {
        let passes = passes as u32;
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: 2 * passes,
        });
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: 16 * u64::from(passes),
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Self { queries, buffer, passes }
    }

    /// Begins pass `i`.
    fn begin<'e>(&self, encoder: &'e mut wgpu::CommandEncoder, i: usize) -> wgpu::ComputePass<'e> {
        let first = 2 * i as u32;
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            }),
        })
    }

    /// Writes all timestamps to the buffer.
    fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2 * self.passes, &self.buffer, 0);
    }
}

impl Engine for GpuEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        let info = &self.device.info;
        format!("gpu, {} ({}, {}), f32", info.name, info.backend, info.driver)
    }

    fn beside(&self, network: &Network) -> Result<Box<dyn Engine>, EngineError> {
        Ok(Box::new(Self::on(self.device.clone(), network, self.batch)?))
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        step.check(&self.network)?;
        let images = batch.check(&self.network, |images| self.share(images))?;
        if images > self.batch {
            let text = format!("{images} images in a step; the engine takes {}", self.batch);
            return Err(EngineError::Batch(text));
        }
        self.device.check()?;
        if self.pending.len() == RESULTS {
            let mut sums = self.fetched;
            self.fetch(&mut sums)?;
            self.fetched = sums;
        }
        self.prepare(&step.optimiser)?;
        let averaged = match step.average {
            Some(_) => Some(self.prepare_average()?),
            None => None,
        };
        let classes = self.network.classes();
        self.write_rates(step);
        self.write_images(batch.images);
        let masses = masses(batch.targets, step.loss, images, classes);
        self.write(self.shared.masses, bytemuck::cast_slice(&masses));
        let answers = answers(batch.targets, classes);
        self.write(self.shared.answers, bytemuck::cast_slice(&answers));
        let numbers = StepNumbers::training(images, self.pending.len(), step);
        self.write(self.shared.step, &numbers.bytes());
        self.run(step, images, averaged);
        self.pending.push((step.number, images));
        self.device.check()
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        let Totals { loss, correct, images, not_finite } = std::mem::take(&mut self.fetched);
        sums.loss += loss;
        sums.correct += correct;
        sums.images += images;
        sums.not_finite = sums.not_finite.or(not_finite);
        self.fetch(sums)
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        let size = self.network.input_shape().len();
        if !images.len().is_multiple_of(size) {
            let text = format!("{} pixels are not whole images of {size}", images.len());
            return Err(EngineError::Batch(text));
        }
        self.device.check()?;
        self.activate(weights)?;
        let mut logits = Vec::with_capacity(images.len() / size * self.network.classes());
        for part in images.chunks(self.batch * size) {
            logits.extend(self.predict_batch(part, part.len() / size)?);
        }
        Ok(logits)
    }

    fn state(&mut self) -> State {
        self.try_state().unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_state(&mut self) -> Result<State, EngineError> {
        let values = self.read_values(self.shared.parameters)?;
        let mut state = State::of_parameters(self.layout.tensors(&values, |_| true));
        for (name, slot) in self.slots.iter().filter(|(_, slot)| slot.used) {
            let values = self.read_values(slot.buffer)?;
            let tensors = self.layout.tensors(&values, |p| State::slot_has(name, p));
            state.slots.insert(name.clone(), tensors);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        self.device.check()?;
        let values = self.layout.packed(&state.parameters, |_| true);
        self.write(self.shared.parameters, bytemuck::cast_slice(&values));
        self.slots.values_mut().for_each(|slot| slot.used = false);
        for (name, tensors) in &state.slots {
            let buffer = self.slot(name)?;
            self.write(buffer, bytemuck::cast_slice(&self.layout.slot(name, tensors)));
        }
        self.device.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::engine::{Adam, Loss};
    use modiste_spec::{NetworkBuilder, Op, Shape};

    fn network() -> Network {
        let mut b = NetworkBuilder::default();
        let shape = Shape::new(3, 3, 1);
        let image = b.add("image", Op::Input { shape }, &[]).unwrap();
        let row = b.add("row", Op::Flatten, &[image]).unwrap();
        let dense = b.add("dense", Op::Dense { units: 2 }, &[row]).unwrap();
        b.add("shares", Op::Softmax, &[dense]).unwrap();
        b.finish().unwrap()
    }

    /// A device of its own, because the tests break it.
    fn engine() -> GpuEngine {
        let device = std::env::var("MODISTE_GPU").unwrap_or_else(|_| "0".into());
        let device = Device::open(Some(&device)).expect("a GPU, or lavapipe");
        let mut engine = GpuEngine::on(device, &network(), 4).unwrap();
        engine.load_state(&State::initial(&network(), 1)).unwrap();
        engine
    }

    fn step(loss: &Loss, number: u64) -> Step<'_> {
        let optimiser = Optimiser::Adam(Adam::default());
        let (seed, learning_rate, average) = (0, 1e-3, None);
        Step { number, seed, learning_rate, optimiser, loss, rates: &[], average }
    }

    #[test]
    fn a_lost_device_is_an_error_of_every_later_call() {
        let (mut engine, loss) = (engine(), Loss::default());
        let batch = Batch::of_classes(&[7; 18], &[1, 0]);
        engine.train_step(batch, &step(&loss, 0)).unwrap();
        engine.device.device.destroy();
        let mut sums = Totals::default();
        let _ = engine.submit(batch, &step(&loss, 1));
        let failures = [
            engine.totals(&mut sums).unwrap_err(),
            engine.submit(batch, &step(&loss, 2)).unwrap_err(),
            engine.predict(&[0; 9], Weights::Current).unwrap_err(),
            engine.try_state().unwrap_err(),
        ];
        for error in failures {
            assert!(matches!(&error, EngineError::Device(text) if !text.contains('\n')), "{error}");
        }
    }

    #[test]
    fn results_beyond_those_that_the_device_keeps_are_fetched_between() {
        let (mut engine, loss) = (engine(), Loss::default());
        let steps = RESULTS + 5;
        for number in 0..steps {
            let batch = Batch::of_classes(&[7; 18], &[1, 0]);
            engine.submit(batch, &step(&loss, number as u64)).unwrap();
        }
        let mut sums = Totals::default();
        engine.totals(&mut sums).unwrap();
        assert_eq!(sums.images, 2 * steps);
    }

    #[test]
    fn windows_of_more_taps_than_workgroups_are_refused() {
        let mut b = NetworkBuilder::default();
        let shape = Shape::new(2, 2, 97);
        let image = b.add("image", Op::Input { shape }, &[]).unwrap();
        let conv = Op::Conv { kernel: 255, stride: 1, channels: 1, bias: false };
        let conv = b.add("huge", conv, &[image]).unwrap();
        let mean = b.add("mean", Op::GlobalAvgPool, &[conv]).unwrap();
        b.add("shares", Op::Softmax, &[mean]).unwrap();
        let device = std::env::var("MODISTE_GPU").unwrap_or_else(|_| "0".into());
        let options = GpuOptions { batch: 1, device: Some(device) };
        let found = GpuEngine::new(&b.finish().unwrap(), &options).map(|_| ()).unwrap_err();
        // 255 x 255 taps, for each of which there are two tiles of 64 channels.
        let line =
            "huge gradient by filter: takes 130050 workgroups, more than the GPU's limit of 65535";
        assert_eq!(found, EngineError::Unsupported(line.into()));
    }

    #[test]
    fn batches_out_of_range_are_refused() {
        for (batch, n) in [(0, 0), (MOST_IMAGES + 1, MOST_IMAGES + 1)] {
            let options = GpuOptions { batch, device: Some("0".into()) };
            let found = GpuEngine::new(&network(), &options).map(|_| ()).unwrap_err();
            assert_eq!(
                found,
                EngineError::Batch(format!("a batch of {n} images; 1 to 4096 are possible"))
            );
        }
        let loss = Loss::default();
        let found = engine().submit(Batch::of_classes(&[0; 45], &[0; 5]), &step(&loss, 0));
        let line = "5 images in a step; the engine takes 4";
        assert_eq!(found, Err(EngineError::Batch(line.into())));
    }
}
