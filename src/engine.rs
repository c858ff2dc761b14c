//! Chooses the engine; the only place that names one.

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_gpu::GpuOptions;
use modiste_spec::engine::EngineError;
use modiste_spec::{Engine, Network};

use crate::cli::{EngineArgs, EngineKind};
use crate::failure::Failure;
use crate::ranks;

/// Images that a GPU predicts at once.
const PREDICTED_AT_ONCE: usize = 256;

/// An engine for `network` that trains on or predicts up to `batch` images at once with `threads`
/// threads; its state must still be loaded. If this process is one of several ranks, the engine shares
/// the work with theirs.
///
/// # Errors
/// If the engine cannot run the network.
pub fn new(
    network: &Network,
    batch: usize,
    threads: usize,
) -> Result<Box<dyn Engine>, EngineError> {
    with(network, CpuOptions { batch, threads, ..CpuOptions::default() })
}

/// An engine that only predicts, any number of images at once.
///
/// # Errors
/// As [`new`].
pub fn for_prediction(network: &Network, threads: usize) -> Result<Box<dyn Engine>, EngineError> {
    // A batch of one reserves the least memory for training, which is never used.
    new(network, 1, threads)
}

/// Checks that engines accept training batches of this size, whatever the network.
///
/// # Errors
/// If the batch is empty or too large.
pub fn check_batch(batch: usize) -> Result<(), EngineError> {
    CpuOptions { batch, ..CpuOptions::default() }.check()
}

/// A CPU engine with the given options.
///
/// # Errors
/// As [`new`].
pub fn with(network: &Network, options: CpuOptions) -> Result<Box<dyn Engine>, EngineError> {
    let engine = CpuEngine::new(network, options)?;
    Ok(Box::new(match ranks::exchange() {
        Some(exchange) => engine.with_exchange(exchange),
        None => engine,
    }))
}

/// Checks that the choice of an engine makes sense.
///
/// # Errors
/// If a GPU is named for the CPU engine, or this process is one of several ranks that want GPUs.
pub fn check(chosen: &EngineArgs) -> Result<(), Failure> {
    let fail = |text: &str| Err(Failure::Usage(text.to_owned()));
    match chosen.engine {
        EngineKind::Cpu if chosen.device.is_some() => {
            fail("--device: has no effect without --engine gpu")
        }
        EngineKind::Gpu if ranks::several() => {
            fail("--engine gpu: works in one process only; start it without ranks")
        }
        EngineKind::Cpu | EngineKind::Gpu => Ok(()),
    }
}

/// The chosen engine: on the CPU with these options, or on a GPU with their batch.
///
/// # Errors
/// As [`new`], or if there is no such GPU or its memory is too small.
pub fn chosen(
    network: &Network,
    chosen: &EngineArgs,
    options: CpuOptions,
) -> Result<Box<dyn Engine>, EngineError> {
    match chosen.engine {
        EngineKind::Cpu => with(network, options),
        EngineKind::Gpu => modiste_gpu::engine(network, &on_gpu(chosen, options.batch)),
    }
}

/// The chosen engine for prediction only, any number of images at once.
///
/// # Errors
/// As [`chosen`].
pub fn chosen_for_prediction(
    network: &Network,
    chosen: &EngineArgs,
    threads: usize,
) -> Result<Box<dyn Engine>, EngineError> {
    match chosen.engine {
        EngineKind::Cpu => for_prediction(network, threads),
        EngineKind::Gpu => modiste_gpu::engine(network, &on_gpu(chosen, PREDICTED_AT_ONCE)),
    }
}

/// The options of a GPU engine.
pub fn on_gpu(chosen: &EngineArgs, batch: usize) -> GpuOptions {
    GpuOptions { batch, device: chosen.device.clone() }
}
