//! The optimisers: one step's numbers for one parameter, and the kernel that they go to.

use crate::machine::MOST_SHARDS;
use crate::weights::{Slot, Weights};
use modiste_kernels::isa::Isa;
use modiste_kernels::optimizer::{AdamStep, SgdStep, adam, follow, sgd, sum_shards};
use modiste_kernels::pool::{Parts, Pool};
use modiste_spec::engine::{Optimiser, Step};
use std::array::from_fn;
use std::ops::Range;

/// The most slots that an optimiser keeps.
pub(crate) const MOST_SLOTS: usize = 2;

/// What an optimiser does to one parameter in one step.
#[derive(Clone, Copy)]
enum Update {
    Adam(AdamStep),
    Sgd(SgdStep),
}

impl Update {
    /// For a parameter whose learning rate has the factor `rate`.
    fn new(step: &Step<'_>, rate: f64, decays: bool) -> Self {
        let learning_rate = step.learning_rate * rate;
        let decay = |weight_decay: f64| if decays { weight_decay } else { 0.0 };
        match step.optimiser {
            Optimiser::Adam(adam) => {
                let t = (step.number + 1) as f64;
                Self::Adam(AdamStep {
                    beta1: adam.beta1 as f32,
                    beta2: adam.beta2 as f32,
                    keep1: (1.0 - adam.beta1) as f32,
                    keep2: (1.0 - adam.beta2) as f32,
                    rate: (learning_rate / (1.0 - adam.beta1.powf(t))) as f32,
                    root: (1.0 / (1.0 - adam.beta2.powf(t)).sqrt()) as f32,
                    epsilon: adam.epsilon as f32,
                    shrink: (1.0 - learning_rate * decay(adam.weight_decay)) as f32,
                })
            }
            Optimiser::Sgd(sgd) => {
                let decay = decay(sgd.weight_decay);
                let [coupled, shrink] =
                    if sgd.decoupled { [0.0, learning_rate * decay] } else { [decay, 0.0] };
                // The step is - rate (now g + along v) with the new velocity v.
                let (now, along) = if sgd.nesterov { (1.0, sgd.momentum) } else { (0.0, 1.0) };
                Self::Sgd(SgdStep {
                    momentum: sgd.momentum as f32,
                    decay: coupled as f32,
                    now: (learning_rate * now) as f32,
                    along: (learning_rate * along) as f32,
                    shrink: (1.0 - shrink) as f32,
                })
            }
        }
    }

    fn apply(self, isa: Isa, g: &[f32], p: &mut [f32], slots: [&mut [f32]; MOST_SLOTS]) {
        let [first, second] = slots;
        match self {
            Self::Adam(step) => adam(isa, step, g, p, first, second),
            Self::Sgd(step) => sgd(isa, step, g, p, first),
        }
    }
}

/// All that the end of a step reads and changes, laid out as `weights` says.
pub(crate) struct Trained<'a> {
    pub weights: &'a Weights,
    /// Parameters, then running statistics.
    pub flat: &'a mut [f32],
    /// (shards, trainable); the first row becomes the sum of all.
    pub gradients: &'a mut [f32],
    pub shards: usize,
    /// What the optimiser keeps, in the order of its names, and empty ones: trainable.
    pub slots: [&'a mut [f32]; MOST_SLOTS],
    /// The averaged weights, as `flat`; empty if there are none yet.
    pub average: &'a mut [f32],
}

impl Trained<'_> {
    /// Adds up the gradients and moves everything, each thread a stretch of the flat arrays.
    pub fn update(self, isa: Isa, pool: &mut Pool, step: &Step<'_>) {
        let Self { weights, flat, gradients, shards, slots, average } = self;
        let (len, threads) = (weights.trainable, pool.threads());
        let stretch = len.div_ceil(threads).next_multiple_of(16);
        // For parameters that do not decay and for those that do.
        let usual = [false, true].map(|decays| Update::new(step, 1.0, decays));
        let towards = step.average.map_or(0.0, |decay| (1.0 - decay) as f32);
        let rows = Parts::new(gradients, len);
        let gradients: [&mut [f32]; MOST_SHARDS] =
            from_fn(|s| if s < shards { rows.take(s) } else { &mut [] });
        let gradients = gradients.map(|row| Parts::new(row, stretch));
        let (trained, statistics) = flat.split_at_mut(len);
        let averages = !average.is_empty();
        let (average, average_statistics) = average.split_at_mut(if averages { len } else { 0 });
        let trained = Parts::new(trained, stretch);
        let slots = slots.map(|slot| (!slot.is_empty()).then(|| Parts::new(slot, stretch)));
        let average = averages.then(|| Parts::new(average, stretch));
        pool.run(&|thread| {
            let start = thread * stretch;
            if start >= len {
                return;
            }
            let (p, g) = (trained.take(thread), gradients[0].take(thread));
            for other in &gradients[1..shards] {
                sum_shards(isa, g, other.take(thread));
            }
            let mut slots = slots.each_ref().map(|slot| match slot {
                Some(parts) => parts.take(thread),
                None => &mut [],
            });
            for (position, slot) in weights.parameters.iter().enumerate() {
                let rate = step.rate(position);
                let range = overlap(slot, start, p.len());
                if range.is_empty() || rate == 0.0 {
                    continue;
                }
                let update = match rate == 1.0 {
                    true => usual[usize::from(slot.decays)],
                    false => Update::new(step, rate, slot.decays),
                };
                let slots =
                    slots.each_mut().map(|slot| slot.get_mut(range.clone()).unwrap_or_default());
                update.apply(isa, &g[range.clone()], &mut p[range], slots);
            }
            if let Some(average) = &average {
                follow(isa, towards, p, average.take(thread));
            }
        });
        if averages {
            follow(isa, towards, statistics, average_statistics);
        }
    }
}

/// The part of a parameter that lies in the stretch of `len` values from `start` on, counted from there.
fn overlap(slot: &Slot, start: usize, len: usize) -> Range<usize> {
    let within = |at: usize| at.clamp(start, start + len) - start;
    within(slot.start)..within(slot.start + slot.len)
}
