//! Prediction: a separate plan, walked depth first.
//!
//! A thread takes a few images (a *slab*) through all steps before it takes the next, so that their
//! maps stay in its own cache, and waits for the other threads only at the end of the batch. A
//! single image is cut into bands of rows that the threads share step by step. There is no dropout,
//! and batch normalisation is folded into the filters ([`fold`]). An image's bits depend neither on
//! the other images of the batch nor on the threads.

mod fold;
mod steps;

use crate::clock::{Clock, Pass};
use crate::conv::{self, PREDICTION};
use crate::machine::share;
use crate::norm::Lanes;
use crate::plan::{Plan, StepKind};
use crate::profile::Profile;
use crate::scratch::{Scratch, Sizes};
use crate::trace::{Event, events};
use crate::weights::Weights;
use fold::Folded;
use modiste_kernels::elementwise;
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::pool::{Parts, Pool};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Largest size of a slab's maps in values, unless a single image has more: they fit into a second-level
/// cache of 1 to 2 MiB.
const SLAB_VALUES: usize = 192 * 1024;

/// A network compiled for prediction.
pub(crate) struct Inference {
    plan: Plan,
    /// How the lanes of normalised buffers are read; used only by copies, because convolutions have
    /// it folded in.
    lanes: Vec<Lanes>,
    folded: Folded,
    /// A bias of nothing.
    zeros: Vec<f32>,
    workers: Vec<Worker>,
    /// Largest number of images in a slab.
    slab: usize,
}

/// Number of images that a thread takes through all steps at a time.
pub(crate) fn slab_images(plan: &Plan) -> usize {
    (SLAB_VALUES / plan.arena.max(1)).max(1)
}

/// One thread's memory.
struct Worker {
    /// The maps of a slab.
    arena: Memory,
    scratch: Scratch,
    clock: Clock,
}

/// The threads that run a step: one on its slab, or all on one image.
enum StepThreads<'a> {
    Alone(&'a mut Scratch),
    Team(&'a mut Pool, &'a mut [&'a mut Scratch]),
}

impl Inference {
    /// Allocates memory for `threads` threads.
    ///
    /// # Errors
    /// If the memory cannot be allocated.
    pub fn new(plan: Plan, weights: &Weights, threads: usize) -> std::io::Result<Self> {
        let lanes = Lanes::of(&plan, 0);
        let folded = Folded::new(&plan, weights)?;
        let slab = slab_images(&plan);
        let mut sizes = Sizes::default();
        conv::grow(&mut sizes, &plan, PREDICTION);
        let worker = |_| -> std::io::Result<Worker> {
            let (scratch, clock) = (Scratch::new(sizes)?, Clock::new(&plan));
            Ok(Worker { arena: Memory::zeroed(plan.arena * slab)?, scratch, clock })
        };
        let workers = (0..threads.max(1)).map(worker).collect::<Result<_, _>>()?;
        let zeros = vec![0.0; plan.buffers.iter().map(|b| b.lanes).max().unwrap_or(0)];
        Ok(Self { lanes, folded, zeros, workers, slab, plan })
    }

    /// Folds new parameters and running statistics into the filters.
    pub fn refresh(&mut self, isa: Isa, pool: &mut Pool, weights: &Weights, flat: &[f32]) {
        let clock = &mut self.workers[0].clock;
        clock.images = 0;
        clock.start();
        for step in &self.plan.steps {
            if let Some(norm) = &step.norm {
                self.lanes[step.to.buffer].use_running(norm, step.to, weights, flat);
            }
        }
        self.folded.refresh(isa, pool, &self.plan, &self.lanes, weights, flat);
        clock.rest("filters");
    }

    /// Writes the logits of `n` images, (n, classes), to `logits`.
    pub fn predict(&mut self, isa: Isa, pool: &mut Pool, pixels: &[u8], logits: &mut [f32]) {
        let (classes, image) =
            (self.plan.classes.len(), self.plan.buffers[self.plan.image].image());
        let n = pixels.len() / image;
        let Self { plan, lanes, folded, zeros, .. } = self;
        let walk = Walk { isa, zeros, plan, lanes, folded };
        let logits = Parts::new(logits, classes);
        if n == 1 {
            let (first, others) = self.workers.split_first_mut().expect("at least one thread");
            let others = others.iter_mut().map(|worker| &mut worker.scratch);
            let mut scratch: Vec<_> = std::iter::once(&mut first.scratch).chain(others).collect();
            let threads = StepThreads::Team(pool, &mut scratch);
            walk.slab(pixels, &mut first.arena, threads, &mut first.clock);
            return walk.logits(0..1, &first.arena, &logits);
        }
        let rounds = n.div_ceil(self.slab * pool.threads());
        let slabs = n.min(rounds * pool.threads());
        let workers = Parts::new(&mut self.workers, 1);
        let next = AtomicUsize::new(0);
        pool.run(&|thread| {
            let Worker { arena, scratch, clock } = &mut workers.take(thread)[0];
            loop {
                // A slab's logits do not depend on which thread takes it.
                let slab = next.fetch_add(1, Ordering::Relaxed);
                if slab >= slabs {
                    return;
                }
                let images = share(n, slab, slabs);
                let pixels = &pixels[images.start * image..images.end * image];
                walk.slab(pixels, arena, StepThreads::Alone(scratch), clock);
                walk.logits(images, arena, &logits);
            }
        });
    }

    /// The steps and the time that all threads spent on each since the last call.
    pub fn profile(&mut self) -> Profile {
        let mut sum = Clock::new(&self.plan);
        for worker in &mut self.workers {
            sum.add(&worker.clock);
            worker.clock.reset();
        }
        Profile::new(&self.plan, &sum)
    }

    /// Starts or stops recording every step of every thread.
    pub fn trace(&mut self, on: bool) {
        self.workers.iter_mut().for_each(|worker| worker.clock.trace(on));
    }

    /// The events recorded since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        let Self { plan, workers, .. } = self;
        let of = |(thread, worker): (usize, &mut Worker)| {
            events("prediction", thread, plan, &mut worker.clock)
        };
        workers.iter_mut().enumerate().flat_map(of).collect()
    }
}

/// Everything that is read while a slab goes through the steps.
#[derive(Clone, Copy)]
struct Walk<'a> {
    isa: Isa,
    /// A bias of nothing.
    zeros: &'a [f32],
    plan: &'a Plan,
    lanes: &'a [Lanes],
    folded: &'a Folded,
}

impl Walk<'_> {
    /// Takes a slab of images through all steps.
    fn slab(
        &self,
        pixels: &[u8],
        arena: &mut [f32],
        mut threads: StepThreads<'_>,
        clock: &mut Clock,
    ) {
        let plan = self.plan;
        clock.start();
        let input = &plan.buffers[plan.image];
        let n = pixels.len() / input.image();
        clock.images = n;
        elementwise::from_bytes(self.isa, pixels, &mut arena[input.start * n..][..pixels.len()]);
        clock.rest("conversion");
        for (i, step) in plan.steps.iter().enumerate() {
            match &step.kind {
                StepKind::Conv(conv) => self.conv(i, conv, arena, n, &mut threads),
                _ => self.simple(step, arena, n),
            }
            clock.step(i, Pass::Forward);
        }
    }

    /// Copies the logits of a slab, which holds the images `images` of the batch, to `logits`.
    fn logits(&self, images: Range<usize>, arena: &[f32], logits: &Parts<'_, f32>) {
        let (place, buffer) = (self.plan.logits, &self.plan.buffers[self.plan.logits.buffer]);
        let rows = arena[buffer.start * images.len()..].chunks_exact(buffer.lanes);
        for (image, row) in images.zip(rows) {
            for (to, &lane) in logits.take(image).iter_mut().zip(&self.plan.classes) {
                *to = row[place.offset + lane];
            }
        }
    }
}
