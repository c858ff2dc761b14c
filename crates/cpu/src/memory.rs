//! Estimates the memory of an engine before any of it is allocated.

use modiste_kernels::orthogonal::scratch_len;
use modiste_kernels::padded;
use modiste_spec::Network;
use modiste_spec::engine::{Muon, Optimiser};

use crate::engine::CpuOptions;
use crate::infer::slab_images;
use crate::lower::{Layout, Mode, lower};
use crate::machine::Extent;

/// Copies of the parameters while the files of a run are written and read again, as
/// `benchmarks/memory.py` measured them.
const FILES: u64 = 7;

/// Estimates the bytes that training `network` takes: maps and gradients of a batch, gradients of its
/// shards, parameters with the optimiser's state and their positions, filters in other layouts, the
/// matrices of Muon, the maps of the threads that predict, and what a training keeps beside the
/// [`CpuEngine`](crate::CpuEngine): the best model, and a checkpoint as values and as bytes. Other
/// scratch memory of the threads, some megabytes each, is left out.
pub fn engine_bytes(network: &Network, options: &CpuOptions, optimiser: &Optimiser) -> u64 {
    let layout = Layout::new(network, options.direct);
    let [training, inference] =
        [Mode::Training, Mode::Inference].map(|mode| lower(network, mode, &layout));
    let [arena, batch, trainable, threads] =
        [training.arena, options.batch, network.trainable(), options.threads].map(|n| n as u64);
    let shards = Extent::of_shards(options.batch.max(1)).shards as u64;
    let predicting = (inference.arena * slab_images(&inference)) as u64 * threads;
    let (moments, matrices) = match optimiser {
        Optimiser::Muon(_) => (2, largest_scratch(network).saturating_mul(threads)),
        Optimiser::Adam(_) => (2, 0),
        Optimiser::Sgd(_) => (1, 0),
    };
    let state = 1 + moments;
    let (positions, best, checkpoint) = (1, 1, 2 * state);
    let copies = shards + state + positions + best + checkpoint + FILES;
    let values = arena
        .saturating_mul(batch)
        .saturating_add(copies.saturating_mul(trainable))
        .saturating_add(layout.derived_values())
        .saturating_add(predicting)
        .saturating_add(matrices);
    values.saturating_mul(size_of::<f32>() as u64)
}

/// Scratch memory for the largest of Muon's matrices, in values.
fn largest_scratch(network: &Network) -> u64 {
    let parameters = network.parameters();
    let chosen = Muon::matrices(&parameters);
    let matrices = parameters.iter().zip(chosen).filter(|(_, chosen)| *chosen);
    let wanted = matrices.map(|(p, _)| scratch_len((p.len() / p.shape[0], padded(p.shape[0]))));
    wanted.max().unwrap_or(0) as u64
}
