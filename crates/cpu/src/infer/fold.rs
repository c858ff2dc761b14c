//! Filters with the following normalisation folded in, in the kernels' layouts.
//!
//! With z a convolution's sums and a normalisation max(z * scale + shift, floor), the filters
//! absorb the scale and the shift becomes a bias; a residual block's factor is folded in the same
//! way.

use crate::norm::Lanes;
use crate::plan::{Conv, Method, Plan, Step, StepKind};
use crate::weights::Weights;
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::pool::{Parts, Pool, stretches};
use modiste_kernels::winograd::{FREQUENCIES, transform_filter};

/// The filters of all steps.
pub(super) struct Folded {
    /// For each step in turn: bias (k), filter (taps, c, k), and with Winograd's method (36, c, k).
    values: Memory,
    /// Start of each step's values.
    cuts: Vec<usize>,
}

/// One step's filter.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    /// (k)
    pub bias: &'a [f32],
    /// (36, c, k) for Winograd's method, else (taps, c, k).
    pub values: &'a [f32],
    /// The lower limit of the outputs: 0 with a ReLU, else minus infinity.
    pub floor: f32,
}

/// Values of a step's bias, filter and transformed filter.
fn sizes(weights: &Weights, step: &Step) -> [usize; 3] {
    let StepKind::Conv(conv) = &step.kind else { return [0; 3] };
    let of = &weights.convs[conv.weights];
    let transformed = if conv.method == Method::Winograd { FREQUENCIES * of.c * of.k } else { 0 };
    [of.k, of.taps * of.c * of.k, transformed]
}

impl Folded {
    pub fn new(plan: &Plan, weights: &Weights) -> std::io::Result<Self> {
        let mut cuts = vec![0];
        for step in &plan.steps {
            let size: usize = sizes(weights, step).iter().sum();
            cuts.push(cuts[cuts.len() - 1] + size);
        }
        Ok(Self { values: Memory::zeroed(cuts[plan.steps.len()])?, cuts })
    }

    /// The filter of step `i`.
    pub fn filter(&self, i: usize, conv: &Conv, step: &Step) -> Filter<'_> {
        let values = &self.values[self.cuts[i]..self.cuts[i + 1]];
        let (bias, values) = values.split_at(step.to.lanes);
        let values = match conv.method {
            Method::Winograd => &values[values.len() / (FREQUENCIES + 9) * 9..],
            Method::Pointwise | Method::Stem(_) | Method::Patches(_) => values,
        };
        let floor = step.norm.as_ref().map_or(conv.floor, |norm| norm.floor);
        Filter { bias, values, floor }
    }

    /// Folds the normalisations, whose scales and shifts are in `lanes`, into the parameters.
    pub fn refresh(
        &mut self,
        isa: Isa,
        pool: &mut Pool,
        plan: &Plan,
        lanes: &[Lanes],
        weights: &Weights,
        flat: &[f32],
    ) {
        let threads = pool.threads();
        for (first, cuts) in stretches(&self.cuts) {
            let steps = &plan.steps[first..first + cuts.len() - 1];
            let values = Parts::at(&mut self.values, cuts);
            pool.run(&|thread| {
                for (i, step) in steps.iter().enumerate().skip(thread).step_by(threads) {
                    let StepKind::Conv(conv) = &step.kind else { continue };
                    let [k, filter, _] = sizes(weights, step);
                    let (bias, rest) = values.take(i).split_at_mut(k);
                    let (folded, transformed) = rest.split_at_mut(filter);
                    let slot = &weights.parameters[weights.convs[conv.weights].parameter];
                    folded.copy_from_slice(&flat[slot.range()]);
                    fold(step, conv, lanes, weights, flat, bias, folded);
                    if conv.method == Method::Winograd {
                        transform_filter(isa, folded, transformed);
                    }
                }
            });
        }
    }
}

fn fold(
    step: &Step,
    conv: &Conv,
    lanes: &[Lanes],
    weights: &Weights,
    flat: &[f32],
    bias: &mut [f32],
    filter: &mut [f32],
) {
    match conv.bias {
        Some(position) => bias.copy_from_slice(&flat[weights.parameters[position].range()]),
        None => bias.fill(0.0),
    }
    let activation = lanes[step.to.buffer].activation(step.to);
    let factor = conv.residual.map_or(1.0, |(_, factor)| factor);
    for row in std::iter::once(&mut *bias).chain(filter.chunks_exact_mut(step.to.lanes)) {
        for (value, scale) in row.iter_mut().zip(activation.scale) {
            *value *= scale * factor;
        }
    }
    for (value, shift) in bias.iter_mut().zip(activation.shift) {
        *value += shift * factor;
    }
}
