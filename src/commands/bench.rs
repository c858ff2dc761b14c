//! `modiste bench`: how fast this machine trains and predicts with a network, and where the time goes.
//!
//! Two steps run untimed, then steps are timed until the time is up; figures are medians. Images are
//! noise; the work does not depend on them.

mod gpu;
mod table;
mod trace;

use std::time::{Duration, Instant};

use anyhow::Context;
use modiste_cpu::{CpuEngine, CpuOptions, Isa, Profile, StepProfile};
use modiste_spec::engine::{Batch, EngineError, Loss, Optimiser, Step, Totals, Weights};
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Architecture, Engine, Network};
use serde::Serialize;

use crate::cli::{BenchArgs, EngineKind};
use crate::commands::settings;
use crate::engine;
use crate::failure::Failure;
use crate::machine;
use crate::output;

/// Steps before timing starts: they touch all memory for the first time.
const WARM_UP: u64 = 2;

/// The measured speeds and costs.
#[derive(Debug, Serialize)]
struct Bench {
    threads: usize,
    batch: usize,
    instruction_set: &'static str,
    network: NetworkSize,
    train_images_per_second: f64,
    infer_images_per_second: f64,
    /// Median time of a single image, in milliseconds.
    infer_latency_milliseconds: f64,
    /// Seconds from the creation of the engine to the end of the first training step.
    first_step_seconds: f64,
    /// Training steps that were timed.
    steps_timed: usize,
    peak_bytes: Option<u64>,
    limits: Limits,
    /// Milliseconds of a training step outside the plan's steps: conversion, filters, loss, optimiser.
    rest_milliseconds: f64,
    steps: Vec<StepCost>,
    /// Steps of prediction, without backward times; each thread works on its own images.
    infer_steps: Vec<StepCost>,
}

/// The machine's upper limits, measured in the same run.
#[derive(Clone, Copy, Debug, Serialize)]
struct Limits {
    /// Matrix products in the first-level cache, all threads, in 10^9 operations per second.
    gflops: f64,
    /// Bytes read and written when copying large arrays, all threads, in 10^9 bytes per second.
    gigabytes_per_second: f64,
}

/// The network that was measured.
#[derive(Debug, Serialize)]
struct NetworkSize {
    #[serde(flatten)]
    settings: Architecture,
    parameters: usize,
    multiply_adds: u64,
}

/// The mean cost of one step of a plan, for one batch.
#[derive(Debug, Serialize)]
struct StepCost {
    name: String,
    method: &'static str,
    /// Multiply-adds of the batch, forward, as the direct method counts them.
    multiply_adds: u64,
    /// Bytes that the batch must read and write at least, forward.
    bytes: u64,
    forward_milliseconds: f64,
    backward_milliseconds: f64,
    /// Operations of the direct method (2 per multiply-add) per second, forward, in 10^9.
    forward_gflops: f64,
    /// The same for the backward pass, which is twice the work.
    backward_gflops: f64,
    /// The shortest possible time of the forward pass by the limits (products of the method, bytes),
    /// divided by the time taken. In prediction, bytes stay in the caches and are not counted.
    roofline_share: f64,
}

/// Measures and prints the results.
pub fn run(args: BenchArgs) -> Result<(), Failure> {
    engine::check(&args.engine)?;
    if args.engine.engine == EngineKind::Gpu {
        return gpu::run(args);
    }
    let isa = match &args.instruction_set {
        None => Isa::best(),
        Some(name) => Isa::named(name).ok_or_else(|| {
            let names: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
            let names = names.join(", ");
            Failure::Usage(format!(
                "instruction set {name:?} is not available on this machine; available: {names}"
            ))
        })?,
    };
    let (config, _) = settings::build(&args.base, &[&args.network.0, &args.data.0])?;
    let network = config.network(&config.load_data()?)?;
    let batch = args.batch.unwrap_or(config.training.batch);
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let started = Instant::now();
    let mut engine =
        CpuEngine::new(&network, CpuOptions { batch, threads, isa, direct: args.direct })?;
    let limit = Duration::from_secs_f64(args.seconds);
    let optimiser = config.training.optimiser;
    let training = train(&mut engine, batch, optimiser, started, limit)?;
    let prediction = predict(&mut engine, batch, limit)?;
    let peak_bytes = machine::peak_bytes(); // before the arrays of the limits are allocated
    let limits = Limits::measure(&mut engine)?;
    if let Some(path) = &args.trace {
        trace::record(&mut engine, batch, optimiser, path)?;
    }
    let count = training.seconds.len() as f64;
    // In prediction every thread spends its own time on a step, so times add up over threads.
    let workers = (prediction.seconds.len() * threads.min(batch)) as f64;
    let bench = Bench {
        threads,
        batch,
        instruction_set: isa.name(),
        network: NetworkSize {
            settings: config.network.clone(),
            parameters: network.trainable(),
            multiply_adds: network.multiply_adds(),
        },
        train_images_per_second: batch as f64 / median(&mut training.seconds.clone()),
        infer_images_per_second: batch as f64 / median(&mut prediction.seconds.clone()),
        infer_latency_milliseconds: 1e3 * prediction.latency,
        first_step_seconds: training.first_step,
        steps_timed: training.seconds.len(),
        peak_bytes,
        rest_milliseconds: 1e3 * training.profile.rest_seconds / count,
        limits,
        steps: step_costs(&training.profile, batch, count, limits, Bound::Both),
        infer_steps: step_costs(&prediction.profile, batch, workers, limits, Bound::Products),
    };
    Ok(output::print_either(&bench, args.json)?)
}

/// Training speed of this machine in images per second: the median over one second of steps.
///
/// # Errors
/// If the engine cannot be created.
pub fn training_speed(
    network: &Network,
    batch: usize,
    optimiser: Optimiser,
    threads: usize,
) -> anyhow::Result<f64> {
    let options = CpuOptions { batch, threads, isa: Isa::best(), direct: false };
    let mut engine = CpuEngine::new(network, options)?;
    let mut training =
        train(&mut engine, batch, optimiser, Instant::now(), Duration::from_secs(1))?;
    Ok(batch as f64 / median(&mut training.seconds))
}

/// The timed training steps.
struct Training {
    first_step: f64,
    seconds: Vec<f64>,
    profile: Profile,
}

fn train(
    engine: &mut CpuEngine,
    batch: usize,
    optimiser: Optimiser,
    started: Instant,
    limit: Duration,
) -> anyhow::Result<Training> {
    let mut steps = Steps::new(engine, batch, optimiser);
    steps.advance(engine)?;
    let first_step = started.elapsed().as_secs_f64();
    for _ in 1..WARM_UP {
        steps.advance(engine)?;
    }
    engine.profiles();
    let seconds = time(limit, || steps.advance(engine))?;
    let [profile, _] = engine.profiles();
    Ok(Training { first_step, seconds, profile })
}

/// The timed predictions.
struct Prediction {
    /// Seconds of each batch.
    seconds: Vec<f64>,
    profile: Profile,
    /// Median seconds of a single image.
    latency: f64,
}

fn predict(engine: &mut CpuEngine, batch: usize, limit: Duration) -> anyhow::Result<Prediction> {
    let (images, _) = noise(engine, batch);
    let seconds = time(limit, || engine.predict(&images, Weights::Current).map(drop))?;
    let [_, profile] = engine.profiles();
    let one = &images[..images.len() / batch];
    let latency = median(&mut time(limit, || engine.predict(one, Weights::Current).map(drop))?);
    Ok(Prediction { seconds, profile, latency })
}

/// Runs training steps, one after the other.
struct Steps {
    images: Vec<u8>,
    labels: Vec<u16>,
    loss: Loss,
    optimiser: Optimiser,
    made: u64,
}

impl Steps {
    fn new(engine: &dyn Engine, batch: usize, optimiser: Optimiser) -> Self {
        let (images, labels) = noise(engine, batch);
        Self { images, labels, loss: Loss::default(), optimiser, made: 0 }
    }

    /// Queues a step.
    fn submit(&mut self, engine: &mut dyn Engine) -> Result<(), EngineError> {
        let step = Step {
            number: self.made,
            seed: 0,
            learning_rate: 1e-3,
            optimiser: self.optimiser,
            loss: &self.loss,
            rates: &[],
            average: None,
        };
        self.made += 1;
        engine.submit(Batch::of_classes(&self.images, &self.labels), &step)
    }

    /// Runs a step to its end.
    fn advance(&mut self, engine: &mut dyn Engine) -> Result<(), EngineError> {
        self.submit(engine)?;
        engine.totals(&mut Totals::default())
    }
}

/// Seconds of each call until the time is up, at least three.
fn time<E: Into<anyhow::Error>>(
    limit: Duration,
    mut work: impl FnMut() -> Result<(), E>,
) -> anyhow::Result<Vec<f64>> {
    let begun = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < 3 || begun.elapsed() < limit {
        let start = Instant::now();
        work().map_err(Into::into)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Images of noise, and labels.
fn noise(engine: &dyn Engine, batch: usize) -> (Vec<u8>, Vec<u16>) {
    let stream = Stream::new(0, Purpose::Augment, 0, 0);
    let pixels = (batch * engine.network().input_shape().len()) as u64;
    let classes = engine.network().classes();
    let images = (0..pixels).map(|i| stream.bits(i) as u8).collect();
    (images, (0..batch).map(|i| (i % classes) as u16).collect())
}

impl Limits {
    fn measure(engine: &mut CpuEngine) -> anyhow::Result<Self> {
        let measured = engine.limits().context("failed to measure the machine's limits")?;
        let modiste_cpu::Limits { gflops, gigabytes_per_second } = measured;
        Ok(Self { gflops, gigabytes_per_second })
    }
}

/// Which limits the roofline of a plan's steps counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// Products and bytes.
    Both,
    /// Products only, because bytes stay in the caches.
    Products,
}

fn step_costs(
    profile: &Profile,
    batch: usize,
    count: f64,
    limits: Limits,
    bound: Bound,
) -> Vec<StepCost> {
    profile.steps.iter().map(|step| StepCost::new(step, batch, count, limits, bound)).collect()
}

impl StepCost {
    /// The cost of one batch; the step's times are totals over `count` batches.
    fn new(step: &StepProfile, batch: usize, count: f64, limits: Limits, bound: Bound) -> Self {
        let of_batch = |of_image: u64| of_image * batch as u64;
        let (multiply_adds, bytes) = (of_batch(step.multiply_adds), of_batch(step.bytes));
        let (forward, backward) = (step.forward_seconds / count, step.backward_seconds / count);
        // Without a time, as for the backward pass in prediction, the rate is 0.
        let rate = |amount: f64, seconds: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let products = 2e-9 * of_batch(step.products) as f64 / limits.gflops;
        let least = match bound {
            Bound::Both => products.max(1e-9 * bytes as f64 / limits.gigabytes_per_second),
            Bound::Products => products,
        };
        Self {
            name: step.name.clone(),
            method: step.method,
            multiply_adds,
            bytes,
            forward_milliseconds: 1e3 * forward,
            backward_milliseconds: 1e3 * backward,
            forward_gflops: rate(2e-9 * multiply_adds as f64, forward),
            backward_gflops: rate(4e-9 * multiply_adds as f64, backward),
            roofline_share: rate(least, forward),
        }
    }
}
