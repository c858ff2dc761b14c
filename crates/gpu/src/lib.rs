//! The GPU engine: trains and runs networks with compute shaders, on any GPU whose driver has Vulkan, Metal
//! or DirectX 12.
//!
//! [`engine`] gives an engine like any other. Without the feature `gpu` it refuses in one line, so that
//! callers need no conditions of their own. `docs/gpu.md` says how it works.

#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod engine;
#[cfg(feature = "gpu")]
mod kernel;
#[cfg(feature = "gpu")]
mod layout;
#[cfg(feature = "gpu")]
mod lower;
#[cfg(feature = "gpu")]
mod memory;
#[cfg(feature = "gpu")]
mod optimiser;
#[cfg(feature = "gpu")]
mod profile;
#[cfg(feature = "gpu")]
mod step;
#[cfg(feature = "gpu")]
mod targets;

#[cfg(feature = "gpu")]
pub use crate::engine::GpuEngine;
use modiste_spec::engine::{EngineError, Optimiser};
use modiste_spec::{Engine, Network};
use serde::Serialize;

/// How to create an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuOptions {
    /// Largest number of images of a step.
    pub batch: usize,
    /// The GPU to use: its number in the list of [`adapters`], or a part of its name; `None` for the best.
    pub device: Option<String>,
}

/// The time that a shader of a training step takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShaderTime {
    /// The node and what is done.
    pub name: String,
    /// Mean time of a step, in milliseconds.
    pub milliseconds: f64,
    /// Operations of the direct method (2 per multiply-add) per second, in 10^9; 0 for shaders without
    /// products.
    pub gflops: f64,
}

/// The GPUs of this machine, and programs that act as one, a line for each. The lines begin with the
/// numbers that [`GpuOptions::device`] takes.
///
/// # Errors
/// If this build has no GPU engine.
#[cfg(feature = "gpu")]
pub fn adapters() -> Result<Vec<String>, EngineError> {
    Ok(device::adapters().iter().map(ToString::to_string).collect())
}

/// An engine for `network` whose state must still be loaded.
///
/// # Errors
/// If there is no such GPU, it lacks something, or the batch does not fit into its memory; each in one
/// line.
#[cfg(feature = "gpu")]
pub fn engine(network: &Network, options: &GpuOptions) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(GpuEngine::new(network, options)?))
}

/// The time of each shader of a training step with a full batch, in their order; empty if the GPU has no
/// clock that shaders can be timed with.
///
/// # Errors
/// As [`engine`].
#[cfg(feature = "gpu")]
pub fn shader_times(
    network: &Network,
    options: &GpuOptions,
    optimiser: &Optimiser,
) -> Result<Vec<ShaderTime>, EngineError> {
    profile::shader_times(network, options, optimiser)
}

/// The time of each shader of a training step.
///
/// # Errors
/// Always: this build has no GPU engine.
#[cfg(not(feature = "gpu"))]
pub fn shader_times(
    _: &Network,
    _: &GpuOptions,
    _: &Optimiser,
) -> Result<Vec<ShaderTime>, EngineError> {
    Err(absent())
}

/// The GPUs of this machine.
///
/// # Errors
/// Always: this build has no GPU engine.
#[cfg(not(feature = "gpu"))]
pub fn adapters() -> Result<Vec<String>, EngineError> {
    Err(absent())
}

/// An engine for `network`.
///
/// # Errors
/// Always: this build has no GPU engine.
#[cfg(not(feature = "gpu"))]
pub fn engine(_: &Network, _: &GpuOptions) -> Result<Box<dyn Engine>, EngineError> {
    Err(absent())
}

#[cfg(not(feature = "gpu"))]
fn absent() -> EngineError {
    let text = "this build has no GPU engine; build it with: cargo install --path . --features gpu";
    EngineError::Device(text.into())
}
