//! One training pass of a plan over a batch: the steps forward and backward.
//!
//! Every step follows one pattern: the stretches of the arena that it touches are borrowed
//! disjointly and cut into images, sums are cut into shards, and each thread takes its own.

mod conv;
mod dropout;
mod simple;
mod sums;

pub(crate) use simple::{flatten, move_lanes};

use crate::clock::{Clock, Pass};
use crate::machine::{Extent, Machine};
use crate::norm::Lanes;
use crate::plan::{Buffer, Plan, Region, Step, StepKind};
use crate::ranks::Ranks;
use crate::weights::Weights;
use modiste_kernels::elementwise;
use modiste_kernels::pool::Parts;
use modiste_spec::engine::EngineError;
use std::ops::Range;

/// Why `get_disjoint_mut` cannot fail.
pub(crate) const APART: &str = "the arena keeps the stretches of one step apart";

/// The data of one pass.
pub(crate) struct Run<'a> {
    pub machine: &'a mut Machine,
    pub plan: &'a Plan,
    pub weights: &'a Weights,
    /// Parameters and running statistics.
    pub flat: &'a mut [f32],
    pub arena: &'a mut [f32],
    /// The lanes of each buffer.
    pub lanes: &'a mut [Lanes],
    pub extent: Extent,
    /// The ranks that compute the other shards.
    pub ranks: &'a mut Ranks,
    /// Whether the running statistics of a parameter are frozen and normalise the batch.
    pub frozen: &'a dyn Fn(usize) -> bool,
    /// Seed and step, which determine dropout masks.
    pub key: (u64, u64),
    pub clock: &'a mut Clock,
}

impl Run<'_> {
    /// Converts the images and runs all steps; the logits are then in their place of the plan.
    ///
    /// # Errors
    /// If the other ranks cannot be reached.
    pub fn forward(&mut self, pixels: &[u8]) -> Result<(), EngineError> {
        self.clock.start();
        self.convert(pixels);
        self.clock.rest("conversion");
        let plan = self.plan;
        for range in &plan.groups {
            let group = &plan.steps[range.clone()];
            self.prepare_norms(group);
            // A rank without images only takes part in the exchange.
            if self.extent.images > 0 {
                self.group_forward(group);
            }
            self.finish_norms(group)?;
            self.clock.step(range.start, Pass::Forward);
        }
        Ok(())
    }

    /// The logits (images of the batch, classes) after [`Self::forward`].
    ///
    /// # Errors
    /// If the other ranks cannot be reached.
    pub fn logits(&mut self, logits: &mut [f32]) -> Result<(), EngineError> {
        let (plan, extent) = (self.plan, self.extent);
        let (classes, lanes) = (plan.classes.len(), plan.buffers[plan.logits.buffer].lanes);
        let rows = self.arena[plan.logits(extent.images)].chunks_exact(lanes);
        for (to, row) in logits[extent.first * classes..].chunks_exact_mut(classes).zip(rows) {
            for (to, &lane) in to.iter_mut().zip(&plan.classes) {
                *to = row[plan.logits.offset + lane];
            }
        }
        self.ranks.gather_images(extent, logits, classes)
    }

    fn group_forward(&mut self, group: &[Step]) {
        let step = &group[0];
        match &step.kind {
            StepKind::Conv(_) => self.convs_forward(group),
            StepKind::Copy(copy) => self.copy_forward(step, copy),
            StepKind::MaxPool(window) => self.max_forward(step, *window),
            StepKind::MeanPool(kernel) => self.mean_forward(step, *kernel),
            StepKind::Flatten => self.flatten_forward(step),
            StepKind::Add { other, scale, floor } => self.add_forward(step, *other, *scale, *floor),
        }
    }

    /// Runs all steps backward from the logits' gradient; `gradients` are (shards, trainable).
    /// With several ranks, the first row is then the sum of all.
    ///
    /// # Errors
    /// If the other ranks cannot be reached.
    pub fn backward(&mut self, gradients: &mut [f32]) -> Result<(), EngineError> {
        let plan = self.plan;
        self.clock.start();
        for range in plan.groups.iter().rev() {
            let group = &plan.steps[range.clone()];
            for step in group {
                self.finish_gradient_of_norm(step, gradients)?;
            }
            if self.extent.images > 0 {
                self.group_backward(group, gradients);
            }
            self.clock.step(range.start, Pass::Backward);
        }
        let isa = self.machine.isa;
        self.ranks.sum_shards(isa, self.extent, gradients, self.weights.trainable)
    }

    fn group_backward(&mut self, group: &[Step], gradients: &mut [f32]) {
        let step = &group[0];
        match &step.kind {
            StepKind::Conv(_) => self.convs_backward(group, gradients),
            StepKind::Copy(copy) => self.copy_backward(step, copy),
            StepKind::MaxPool(window) => self.max_backward(step, *window),
            StepKind::MeanPool(kernel) => self.mean_backward(step, *kernel),
            StepKind::Flatten => self.flatten_backward(step),
            StepKind::Add { other, scale, floor } => self.add_backward(step, other, *scale, *floor),
        }
    }

    fn finish_gradient_of_norm(
        &mut self,
        step: &Step,
        gradients: &mut [f32],
    ) -> Result<(), EngineError> {
        let Some(norm) = &step.norm else { return Ok(()) };
        self.gather_sums(step.to)?;
        let counts = (self.extent.shards, self.values_of_lane(step.to));
        let lanes = &mut self.lanes[step.to.buffer];
        lanes.finish_backward(norm, step.to, counts, self.weights, self.flat, gradients);
        if (self.frozen)(norm.mean) {
            lanes.forget_statistics(step.to);
        }
        Ok(())
    }

    /// Before a forward step: sets the pilots of the normalisations that follow.
    fn prepare_norms(&mut self, group: &[Step]) {
        for step in group {
            if let Some(norm) = &step.norm {
                self.lanes[step.to.buffer].set_pilot(norm, step.to, self.weights, self.flat);
            }
        }
    }

    /// After a forward step: computes scale and shift of the outputs from the batch's statistics.
    fn finish_norms(&mut self, group: &[Step]) -> Result<(), EngineError> {
        for step in group {
            let Some(norm) = &step.norm else { continue };
            if (self.frozen)(norm.mean) {
                let lanes = &mut self.lanes[step.to.buffer];
                lanes.use_running(norm, step.to, self.weights, self.flat);
                continue;
            }
            self.gather_sums(step.to)?;
            let counts = (self.extent.shards, self.values_of_lane(step.to));
            let lanes = &mut self.lanes[step.to.buffer];
            lanes.finish_forward(norm, step.to, counts, self.weights, self.flat);
        }
        Ok(())
    }

    /// Fetches the other ranks' sums over a buffer's lanes.
    fn gather_sums(&mut self, place: Region) -> Result<(), EngineError> {
        let lanes = self.plan.buffers[place.buffer].lanes;
        self.ranks.gather_shards(self.extent, &mut self.lanes[place.buffer].sums, 2 * lanes)
    }

    fn buffer(&self, place: Region) -> &Buffer {
        &self.plan.buffers[place.buffer]
    }

    /// Number of values over which a lane is normalised.
    fn values_of_lane(&self, place: Region) -> usize {
        self.extent.all * self.buffer(place).pixels()
    }

    fn values(&self, place: Region) -> Range<usize> {
        let (buffer, n) = (self.buffer(place), self.extent.images);
        buffer.start * n..(buffer.start + buffer.image()) * n
    }

    /// The stretch of a place's gradient; empty if none is needed.
    fn gradients(&self, place: Region) -> Range<usize> {
        let (buffer, n) = (self.buffer(place), self.extent.images);
        if !buffer.trained {
            return 0..0;
        }
        buffer.gradient_start * n..(buffer.gradient_start + buffer.image()) * n
    }

    fn convert(&mut self, pixels: &[u8]) {
        let place = Region { buffer: self.plan.image, offset: 0, lanes: 0 };
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
