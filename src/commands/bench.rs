//! `modiste bench`: how fast this machine trains and predicts with a network, and where time goes.
//!
//! The clock's rules: two steps untimed, then steps until the time is up, medians of all. Images are
//! noise; the work does not depend on them.

use std::fmt;
use std::time::{Duration, Instant};

use modiste_cpu::{CpuEngine, CpuOptions, Isa, Profile, StepProfile};
use modiste_spec::engine::{Adam, Batch, Loss, StepOptions};
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Architecture, Engine};
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::commands::settings;
use crate::failure::Failure;
use crate::machine;
use crate::output;

/// Steps before the clock starts: they touch all memory for the first time.
const WARM_UP: u64 = 2;

/// What was measured.
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
    /// From the making of the engine to the end of the first training step.
    first_step_seconds: f64,
    /// Training steps that were timed.
    steps_timed: usize,
    peak_bytes: Option<u64>,
    /// Milliseconds of a training step outside the plan's steps: conversion, filters, loss, Adam.
    rest_milliseconds: f64,
    steps: Vec<StepCost>,
}

/// The network that was measured.
#[derive(Debug, Serialize)]
struct NetworkSize {
    #[serde(flatten)]
    settings: Architecture,
    parameters: usize,
    multiply_adds: u64,
}

/// One step of the training plan, a batch's mean.
#[derive(Debug, Serialize)]
struct StepCost {
    name: String,
    method: &'static str,
    /// Of the batch forward, as the direct method counts them.
    multiply_adds: u64,
    /// Of the batch forward, read and written at least.
    bytes: u64,
    forward_milliseconds: f64,
    backward_milliseconds: f64,
    /// Direct operations (2 a multiply-add) a second, forward, in 10^9.
    forward_gflops: f64,
    /// Likewise backward, which is twice the work.
    backward_gflops: f64,
}

/// Measures and prints.
pub fn run(args: BenchArgs) -> Result<(), Failure> {
    let isa = match &args.instruction_set {
        None => Isa::best(),
        Some(name) => Isa::named(name).ok_or_else(|| {
            let names: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
            let names = names.join(", ");
            Failure::Usage(format!("instruction set {name:?} is not to be had here; {names} are"))
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
    let training = train(&mut engine, batch, started, limit)?;
    let (images, _) = noise(&engine, batch);
    let infer = batch as f64 / median(&mut time(limit, || engine.predict(&images).map(drop))?);
    let one = &images[..images.len() / batch];
    let latency = median(&mut time(limit, || engine.predict(one).map(drop))?);
    let count = training.seconds.len() as f64;
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
        infer_images_per_second: infer,
        infer_latency_milliseconds: 1e3 * latency,
        first_step_seconds: training.first_step,
        steps_timed: training.seconds.len(),
        peak_bytes: machine::peak_bytes(),
        rest_milliseconds: 1e3 * training.profile.rest_seconds / count,
        steps: training.profile.steps.iter().map(|s| StepCost::new(s, batch, count)).collect(),
    };
    Ok(output::print_either(&bench, args.json)?)
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
    started: Instant,
    limit: Duration,
) -> anyhow::Result<Training> {
    let (images, labels) = noise(engine, batch);
    let loss = Loss::default();
    let mut step = 0;
    let mut advance = |engine: &mut CpuEngine| {
        let adam = Adam::default();
        let options = StepOptions { learning_rate: 1e-3, step, seed: 0, adam, loss: &loss };
        step += 1;
        engine.train_step(Batch { images: &images, labels: &labels }, &options).map(drop)
    };
    advance(engine)?;
    let first_step = started.elapsed().as_secs_f64();
    for _ in 1..WARM_UP {
        advance(engine)?;
    }
    engine.profiles();
    let seconds = time(limit, || advance(engine))?;
    let [profile, _] = engine.profiles();
    Ok(Training { first_step, seconds, profile })
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
fn noise(engine: &CpuEngine, batch: usize) -> (Vec<u8>, Vec<u16>) {
    let stream = Stream::new(0, Purpose::Augment, 0, 0);
    let pixels = (batch * engine.network().input_shape().len()) as u64;
    let classes = engine.network().classes();
    let images = (0..pixels).map(|i| stream.bits(i) as u8).collect();
    (images, (0..batch).map(|i| (i % classes) as u16).collect())
}

impl StepCost {
    fn new(step: &StepProfile, batch: usize, count: f64) -> Self {
        let multiply_adds = step.multiply_adds * batch as u64;
        let gflops = |factor: f64, seconds: f64| match seconds > 0.0 {
            true => factor * multiply_adds as f64 * count / seconds / 1e9,
            false => 0.0,
        };
        Self {
            name: step.name.clone(),
            method: step.method,
            multiply_adds,
            bytes: step.bytes * batch as u64,
            forward_milliseconds: 1e3 * step.forward_seconds / count,
            backward_milliseconds: 1e3 * step.backward_seconds / count,
            forward_gflops: gflops(2.0, step.forward_seconds),
            backward_gflops: gflops(4.0, step.backward_seconds),
        }
    }
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}; batch {}, {} threads, {}",
            self.network.settings, self.batch, self.threads, self.instruction_set
        )?;
        writeln!(
            f,
            "\nstep                          method     forward  backward  GFLOP/s of the direct method"
        )?;
        for s in &self.steps {
            writeln!(
                f,
                "{:<29} {:<9} {:>6.2} ms {:>6.2} ms {:>8.0} {:>6.0}",
                s.name,
                s.method,
                s.forward_milliseconds,
                s.backward_milliseconds,
                s.forward_gflops,
                s.backward_gflops
            )?;
        }
        writeln!(
            f,
            "{:<39} {:>6.2} ms",
            "conversion, filters, loss, Adam", self.rest_milliseconds
        )?;
        writeln!(f, "\ntraining   {:>9.1} images/s", self.train_images_per_second)?;
        writeln!(f, "inference  {:>9.1} images/s", self.infer_images_per_second)?;
        writeln!(f, "one image  {:>9.2} ms", self.infer_latency_milliseconds)?;
        writeln!(f, "first step {:>9.2} s after the engine's start", self.first_step_seconds)?;
        match self.peak_bytes {
            Some(bytes) => {
                writeln!(f, "memory     {:>9.0} MiB at the most", bytes as f64 / f64::from(1 << 20))
            }
            None => Ok(()),
        }
    }
}
