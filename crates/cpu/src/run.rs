//! One training pass of a plan over a batch: the steps forwards and backwards.
//!
//! Every step follows one pattern: the arena's stretches that it touches are borrowed apart, cut
//! into images and sums into shards, and each thread takes its own.

mod conv;
mod dropout;
mod simple;
mod sums;

pub(crate) use simple::move_lanes;

use crate::machine::{Extent, Machine};
use crate::norm::Lanes;
use crate::plan::{Buffer, Kind, Place, Plan, Step};
use crate::profile::{Clock, Pass};
use crate::weights::Weights;
use modiste_kernels::elementwise;
use modiste_kernels::pool::Parts;
use std::ops::Range;

/// Why `get_disjoint_mut` cannot fail.
pub(crate) const APART: &str = "the arena keeps the stretches of one step apart";

/// What one pass works on.
pub(crate) struct Run<'a> {
    pub machine: &'a mut Machine,
    pub plan: &'a Plan,
    pub weights: &'a Weights,
    /// Parameters and running statistics.
    pub flat: &'a mut [f32],
    pub arena: &'a mut [f32],
    /// One for each buffer.
    pub lanes: &'a mut [Lanes],
    pub extent: Extent,
    /// Seed and step, which key dropout masks.
    pub key: (u64, u64),
    pub clock: &'a mut Clock,
}

impl Run<'_> {
    /// Converts the images and runs all steps; the logits then lie in the plan's place for them.
    pub fn forward(&mut self, pixels: &[u8]) {
        self.clock.start();
        self.convert(pixels);
        self.clock.rest("conversion");
        let plan = self.plan;
        for range in &plan.groups {
            let group = &plan.steps[range.clone()];
            let step = &group[0];
            self.prepare_norms(group);
            match &step.kind {
                Kind::Conv(_) => self.convs_forward(group),
                Kind::Copy(copy) => self.copy_forward(step, copy),
                Kind::MaxPool(window) => self.max_forward(step, *window),
                Kind::MeanPool(kernel) => self.mean_forward(step, *kernel),
                Kind::Add { other, scale, floor } => self.add_forward(step, other, *scale, *floor),
            }
            self.finish_norms(group);
            self.clock.step(range.start, Pass::Forward);
        }
    }

    /// Runs all steps backwards from the logits' gradient; `gradients` are (shards, trainable).
    pub fn backward(&mut self, gradients: &mut [f32]) {
        let plan = self.plan;
        self.clock.start();
        for range in plan.groups.iter().rev() {
            let group = &plan.steps[range.clone()];
            let step = &group[0];
            for step in group {
                self.finish_gradient_of_norm(step, gradients);
            }
            match &step.kind {
                Kind::Conv(_) => self.convs_backward(group, gradients),
                Kind::Copy(copy) => self.copy_backward(step, copy),
                Kind::MaxPool(window) => self.max_backward(step, *window),
                Kind::MeanPool(kernel) => self.mean_backward(step, *kernel),
                Kind::Add { other, scale, floor } => self.add_backward(step, other, *scale, *floor),
            }
            self.clock.step(range.start, Pass::Backward);
        }
    }

    fn finish_gradient_of_norm(&mut self, step: &Step, gradients: &mut [f32]) {
        if let Some(norm) = &step.norm {
            let counts = (self.extent.shards, self.values_of_lane(step.to));
            let shift = self.weights.parameters[norm.shift].range();
            let (lanes, trained) = (&mut self.lanes[step.to.buffer], &self.flat[shift.clone()]);
            lanes.finish_backward(step.to, counts, trained, &mut gradients[shift]);
        }
    }

    /// Before a forward step: the pilots of the normalisations that follow.
    fn prepare_norms(&mut self, group: &[Step]) {
        for step in group {
            if let Some(norm) = &step.norm {
                self.lanes[step.to.buffer].set_pilot(norm, step.to, self.weights, self.flat);
            }
        }
    }

    /// After a forward step: what the batch's statistics make of the outputs.
    fn finish_norms(&mut self, group: &[Step]) {
        for step in group {
            if let Some(norm) = &step.norm {
                let counts = (self.extent.shards, self.values_of_lane(step.to));
                let lanes = &mut self.lanes[step.to.buffer];
                lanes.finish_forward(norm, step.to, counts, self.weights, self.flat);
            }
        }
    }

    fn buffer(&self, place: Place) -> &Buffer {
        &self.plan.buffers[place.buffer]
    }

    /// Values over which a lane is normalised.
    fn values_of_lane(&self, place: Place) -> usize {
        self.extent.images * self.buffer(place).pixels()
    }

    fn values(&self, place: Place) -> Range<usize> {
        let (buffer, n) = (self.buffer(place), self.extent.images);
        buffer.start * n..(buffer.start + buffer.image()) * n
    }

    /// The gradient's stretch; empty where none is wanted.
    fn gradients(&self, place: Place) -> Range<usize> {
        let (buffer, n) = (self.buffer(place), self.extent.images);
        if !buffer.trained {
            return 0..0;
        }
        buffer.gradient_start * n..(buffer.gradient_start + buffer.image()) * n
    }

    fn convert(&mut self, pixels: &[u8]) {
        let place = Place { buffer: self.plan.image, offset: 0, lanes: 0 };
        let (range, len) = (self.values(place), self.buffer(place).image());
        let parts = Parts::new(&mut self.arena[range], len);
        let (isa, extent) = (self.machine.isa, self.extent);
        let queue = extent.queue();
        self.machine.pool.run(&|_| {
            for shard in queue.shards() {
                for i in extent.images_of(shard) {
                    elementwise::from_bytes(isa, &pixels[i * len..][..len], parts.take(i));
                }
            }
        });
    }
}
