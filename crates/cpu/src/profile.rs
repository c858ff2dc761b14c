//! Profiles: the time of each step, with the operations and bytes that it needs.

use crate::clock::{Clock, Pass};
use crate::plan::{Method, Plan, Region, Step, StepKind};
use modiste_kernels::stem;
use modiste_kernels::winograd::{Block, FREQUENCIES, tiles};
use std::ops::Range;

/// The cost of one step of the plan, or of a group of steps that run together.
#[derive(Clone, Debug)]
pub struct StepProfile {
    /// Name of the last node that the step computes; for a group, that of the first step and the
    /// number of others.
    pub name: String,
    /// The method: `winograd`, `pointwise`, `patches`, `copy`, `max_pool`, `mean_pool`, `add`.
    pub method: &'static str,
    /// Multiply-adds of one image forward, as the direct method counts them, padding included.
    pub multiply_adds: u64,
    /// Multiply-adds that the method really performs; with Winograd's, without transforms, a
    /// quarter plus the waste at the edges.
    pub products: u64,
    /// Bytes of one image that a forward step must read and write at least.
    pub bytes: u64,
    /// Seconds of the forward pass.
    pub forward_seconds: f64,
    /// Seconds of the backward pass.
    pub backward_seconds: f64,
}

/// The profile of a plan.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Every step, in order.
    pub steps: Vec<StepProfile>,
    /// Seconds spent outside steps: conversion of images, filter transforms, loss, Adam.
    pub rest_seconds: f64,
}

impl Profile {
    pub(crate) fn new(plan: &Plan, clock: &Clock) -> Self {
        let of_group = |range: &Range<usize>| {
            let (group, seconds) = (&plan.steps[range.clone()], clock.steps[range.start]);
            let more = match group.len() {
                1 => String::new(),
                n => format!(" + {}", n - 1),
            };
            StepProfile {
                name: format!("{}{more}", group[0].name),
                method: method(&group[0].kind),
                multiply_adds: group.iter().map(|step| multiply_adds(plan, step)).sum(),
                products: group.iter().map(|step| products(plan, step)).sum(),
                bytes: bytes(plan, group),
                forward_seconds: seconds[Pass::Forward as usize],
                backward_seconds: seconds[Pass::Backward as usize],
            }
        };
        let steps = plan.groups.iter().map(of_group).collect();
        Self { steps, rest_seconds: clock.rest }
    }
}

fn method(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Conv(conv) => match conv.method {
            Method::Winograd => "winograd",
            Method::Pointwise => "pointwise",
            Method::Stem(_) => "stem",
            Method::Patches(_) => "patches",
        },
        StepKind::Copy(_) => "copy",
        StepKind::MaxPool(_) => "max_pool",
        StepKind::MeanPool(_) => "mean_pool",
        StepKind::Flatten => "flatten",
        StepKind::Add { .. } => "add",
    }
}

fn multiply_adds(plan: &Plan, step: &Step) -> u64 {
    let StepKind::Conv(conv) = &step.kind else { return 0 };
    let taps = match conv.method {
        Method::Winograd => 9,
        Method::Pointwise => 1,
        Method::Stem(_) => stem::TAPS,
        Method::Patches(window) => window.kernel * window.kernel,
    };
    let pixels = plan.buffers[step.to.buffer].pixels();
    (pixels * taps * step.from.place.lanes * step.to.lanes) as u64
}

fn products(plan: &Plan, step: &Step) -> u64 {
    let winograd = matches!(&step.kind, StepKind::Conv(conv) if conv.method == Method::Winograd);
    if !winograd {
        return multiply_adds(plan, step);
    }
    let to = &plan.buffers[step.to.buffer];
    let block = Block::new(1, (to.height, to.width), 0..tiles(to.height));
    let rows: usize = (0..FREQUENCIES).map(|f| block.tiles_of(f).len()).sum();
    (rows * step.from.place.lanes * step.to.lanes) as u64
}

/// Bytes read, once per group, plus bytes written by each of its steps.
fn bytes(plan: &Plan, group: &[Step]) -> u64 {
    let pixels = |place: &Region| plan.buffers[place.buffer].pixels() * place.lanes;
    let read: usize = group[0].sources().map(|source| pixels(&source.place)).sum();
    let written: usize = group.iter().map(|step| pixels(&step.to)).sum();
    4 * (read + written) as u64
}
