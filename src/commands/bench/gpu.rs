//! `modiste bench --engine gpu`: the speed of a GPU, and the time of each shader if it can be measured.
//!
//! Steps are queued [`QUEUED`] at a time, as in training, and each group is timed as a whole.

use std::fmt;
use std::time::{Duration, Instant};

use modiste_gpu::ShaderTime;
use modiste_spec::Engine;
use modiste_spec::engine::{EngineError, Totals, Weights};
use serde::Serialize;

use super::{NetworkSize, Steps, WARM_UP, median, noise, time};
use crate::cli::BenchArgs;
use crate::commands::settings;
use crate::engine;
use crate::failure::Failure;
use crate::output;

/// Steps that are queued before the program waits for them.
const QUEUED: usize = 16;

/// The measured speeds.
#[derive(Debug, Serialize)]
struct GpuBench {
    engine: String,
    batch: usize,
    network: NetworkSize,
    train_images_per_second: f64,
    infer_images_per_second: f64,
    /// Median time of a single image, in milliseconds.
    infer_latency_milliseconds: f64,
    /// Seconds from the creation of the engine to the end of the first training step.
    first_step_seconds: f64,
    /// Groups of steps that were timed.
    groups_timed: usize,
    /// Mean time of each shader of a training step, in their order; none if the GPU cannot tell.
    shaders: Vec<ShaderTime>,
}

/// Measures and prints the results.
pub fn run(args: BenchArgs) -> Result<(), Failure> {
    check_effect(&args)?;
    let (config, _) = settings::build(&args.base, &[&args.network.0, &args.data.0])?;
    let network = config.network(&config.load_data()?)?;
    let batch = args.batch.unwrap_or(config.training.batch);
    let options = engine::on_gpu(&args.engine, batch);
    let limit = Duration::from_secs_f64(args.seconds);
    let optimiser = config.training.optimiser;
    let started = Instant::now();
    let mut engine = modiste_gpu::engine(&network, &options)?;
    let mut steps = Steps::new(&engine, batch, optimiser);
    steps.advance(&mut engine)?;
    let first_step_seconds = started.elapsed().as_secs_f64();
    for _ in 1..WARM_UP {
        steps.advance(&mut engine)?;
    }
    let mut groups = time(limit, || group(&mut steps, engine.as_mut()))?;
    let (images, _) = noise(&engine, batch);
    let one = &images[..images.len() / batch];
    let [many, single] = [&images[..], one].map(|images| predictions(&mut engine, images, limit));
    let bench = GpuBench {
        engine: engine.describe(),
        batch,
        network: NetworkSize {
            settings: config.network.clone(),
            parameters: network.trainable(),
            multiply_adds: network.multiply_adds(),
        },
        groups_timed: groups.len(),
        train_images_per_second: (QUEUED * batch) as f64 / median(&mut groups),
        infer_images_per_second: batch as f64 / many?,
        infer_latency_milliseconds: 1e3 * single?,
        first_step_seconds,
        shaders: modiste_gpu::shader_times(&network, &options, &optimiser)?,
    };
    Ok(output::print_either(&bench, args.json)?)
}

/// Rejects options that would have no effect.
fn check_effect(args: &BenchArgs) -> Result<(), Failure> {
    let given = [
        ("--threads", args.threads.is_some()),
        ("--instruction-set", args.instruction_set.is_some()),
        ("--direct", args.direct),
        ("--trace", args.trace.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            Err(Failure::Usage(format!("{option}: has no effect with --engine gpu")))
        }
        None => Ok(()),
    }
}

/// Queues a group of steps and waits for them.
fn group(steps: &mut Steps, engine: &mut dyn Engine) -> Result<(), EngineError> {
    for _ in 0..QUEUED {
        steps.submit(engine)?;
    }
    engine.totals(&mut Totals::default())
}

/// Median seconds of a prediction of `images`.
fn predictions(engine: &mut dyn Engine, images: &[u8], limit: Duration) -> anyhow::Result<f64> {
    let mut seconds = time(limit, || engine.predict(images, Weights::Current).map(drop))?;
    Ok(median(&mut seconds))
}

impl fmt::Display for GpuBench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; batch {}, {}", self.network.settings, self.batch, self.engine)?;
        if !self.shaders.is_empty() {
            writeln!(f, "\n{:<52} {:>10}  GFLOP/s", "shader of a training step", "ms")?;
        }
        for ShaderTime { name, milliseconds, gflops } in &self.shaders {
            writeln!(f, "{name:<52} {milliseconds:>10.4} {gflops:>8.0}")?;
        }
        if !self.shaders.is_empty() {
            let all: f64 = self.shaders.iter().map(|shader| shader.milliseconds).sum();
            writeln!(f, "{:<52} {all:>10.4}\n", "all shaders")?;
        }
        writeln!(f, "training   {:>9.1} images/s", self.train_images_per_second)?;
        writeln!(f, "inference  {:>9.1} images/s", self.infer_images_per_second)?;
        writeln!(f, "one image  {:>9.2} ms", self.infer_latency_milliseconds)?;
        writeln!(f, "first step {:>9.2} s after the engine's start", self.first_step_seconds)
    }
}
