//! A training step allocates no memory, on no thread.

use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_reference::check::batch;
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, Step};
use modiste_spec::{Engine, InceptionResNet, Shape};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_step_allocates_nothing() {
    let settings = InceptionResNet { length: 1, width: 3, ..InceptionResNet::default() };
    let network = settings.network(Shape::new(28, 28, 1), 10).unwrap();
    let options = CpuOptions { batch: 8, threads: 2, isa: Isa::best(), direct: false };
    let mut engine = CpuEngine::new(&network, options).unwrap();
    let (images, labels) = batch(&network, 8, 1);
    let loss = Loss::default();
    let optimiser = Optimiser::Adam(Adam::default());
    let mut step = |number| {
        let (loss, average) = (&loss, Some(0.9));
        let step =
            Step { number, seed: 1, learning_rate: 1e-3, optimiser, loss, rates: &[], average };
        engine.train_step(Batch::of_classes(&images, &labels), &step).unwrap()
    };
    step(0);
    let region = Region::new(ALLOCATOR);
    step(1);
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0), "{change:?}");
}
