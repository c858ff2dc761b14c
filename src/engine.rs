//! Chooses the engine; the only place that names one.

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_spec::engine::EngineError;
use modiste_spec::{Engine, Network};

use crate::ranks;

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

/// An engine with the given options.
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
