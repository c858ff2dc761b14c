//! The optimisers: computes one step's settings for each parameter and calls the kernels.

use crate::machine::MOST_SHARDS;
use crate::orthogonal::Matrices;
use crate::weights::{Slot, Weights};
use modiste_kernels::isa::Isa;
use modiste_kernels::optimizer::{AdamStep, SgdStep, adam, direction, follow, sgd, sum_shards};
use modiste_kernels::pool::{Parts, Pool};
use modiste_spec::engine::{Muon, Optimiser, Sgd, Step};
use std::array::from_fn;
use std::ops::Range;

/// Largest number of slots of an optimiser.
pub(crate) const MOST_SLOTS: usize = 2;

/// The update of one parameter in one step.
#[derive(Clone, Copy)]
enum Update {
    Adam(AdamStep),
    Sgd(SgdStep),
    /// For Muon's matrices: replaces the gradient by the direction, for [`Matrices::update`].
    Direction {
        momentum: f32,
        now: f32,
        along: f32,
    },
}

impl Update {
    /// The update of one of Muon's matrices.
    fn direction(muon: Muon) -> Self {
        let [now, along] = look_ahead(muon.nesterov, muon.momentum).map(|factor| factor as f32);
        Self::Direction { momentum: muon.momentum as f32, now, along }
    }

    /// The update of a parameter whose learning rate has the factor `rate`.
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
            Optimiser::Sgd(sgd) => Self::sgd(sgd, learning_rate, decay(sgd.weight_decay)),
            Optimiser::Muon(Muon { momentum, nesterov, weight_decay, .. }) => {
                let sgd = Sgd { momentum, nesterov, weight_decay, decoupled: true };
                Self::sgd(sgd, learning_rate, decay(weight_decay))
            }
        }
    }

    fn sgd(sgd: Sgd, learning_rate: f64, decay: f64) -> Self {
        let [coupled, shrink] =
            if sgd.decoupled { [0.0, learning_rate * decay] } else { [decay, 0.0] };
        let [now, along] = look_ahead(sgd.nesterov, sgd.momentum);
        Self::Sgd(SgdStep {
            momentum: sgd.momentum as f32,
            decay: coupled as f32,
            now: (learning_rate * now) as f32,
            along: (learning_rate * along) as f32,
            shrink: (1.0 - shrink) as f32,
        })
    }

    fn apply(self, isa: Isa, g: &mut [f32], p: &mut [f32], slots: [&mut [f32]; MOST_SLOTS]) {
        let [first, second] = slots;
        match self {
            Self::Adam(step) => adam(isa, step, g, p, first, second),
            Self::Sgd(step) => sgd(isa, step, g, p, first),
            Self::Direction { momentum, now, along } => {
                direction(isa, momentum, now, along, g, first)
            }
        }
    }
}

/// The factors of g and of the new velocity v in a step.
fn look_ahead(nesterov: bool, momentum: f64) -> [f64; 2] {
    if nesterov { [1.0, momentum] } else { [0.0, 1.0] }
}

/// Everything that the end of a step reads and changes, in the layout of `weights`.
pub(crate) struct Trained<'a> {
    pub weights: &'a Weights,
    /// Parameters, then running statistics.
    pub flat: &'a mut [f32],
    /// (shards, trainable); the first row becomes the sum of all.
    pub gradients: &'a mut [f32],
    pub shards: usize,
    /// The optimiser's slots for trainable parameters, in the order of their names; unused ones are
    /// empty.
    pub slots: [&'a mut [f32]; MOST_SLOTS],
    /// The averaged weights, laid out like `flat`; empty if there are none yet.
    pub average: &'a mut [f32],
    /// Work space for Muon.
    pub matrices: Option<&'a mut Matrices>,
}

impl Trained<'_> {
    /// Adds up the gradients and updates everything; each thread handles a stretch of the flat arrays.
    pub fn update(mut self, isa: Isa, pool: &mut Pool, step: &Step<'_>) {
        let len = self.weights.trainable;
        self.move_values(isa, pool, step);
        if let (Some(matrices), Optimiser::Muon(muon)) = (self.matrices.take(), step.optimiser) {
            let directions = &mut self.gradients[..len];
            matrices.update(isa, pool, (muon, step), directions, &mut self.flat[..len]);
        }
        if let (Some(decay), false) = (step.average, self.average.is_empty()) {
            self.move_average(isa, pool, (1.0 - decay) as f32);
        }
    }

    /// Number of values that one thread updates.
    fn stretch(&self, pool: &Pool) -> usize {
        self.weights.trainable.div_ceil(pool.threads()).next_multiple_of(16)
    }

    /// The updates that treat each value separately.
    fn move_values(&mut self, isa: Isa, pool: &mut Pool, step: &Step<'_>) {
        let (weights, len, stretch) = (self.weights, self.weights.trainable, self.stretch(pool));
        // One update for parameters without decay and one for those with.
        let usual = [false, true].map(|decays| Update::new(step, 1.0, decays));
        let rows = Parts::new(self.gradients, len);
        let shards = self.shards;
        let gradients: [&mut [f32]; MOST_SHARDS] =
            from_fn(|s| if s < shards { rows.take(s) } else { &mut [] });
        let gradients = gradients.map(|row| Parts::new(row, stretch));
        let trained = Parts::new(&mut self.flat[..len], stretch);
        let slots = self.slots.each_mut();
        let slots = slots.map(|slot| (!slot.is_empty()).then(|| Parts::new(slot, stretch)));
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
                let update = match step.optimiser {
                    Optimiser::Muon(muon) if slot.matrix => Update::direction(muon),
                    _ if rate == 1.0 => usual[usize::from(slot.decays)],
                    _ => Update::new(step, rate, slot.decays),
                };
                let slots =
                    slots.each_mut().map(|slot| slot.get_mut(range.clone()).unwrap_or_default());
                update.apply(isa, &mut g[range.clone()], &mut p[range], slots);
            }
        });
    }

    /// Moves the averaged weights towards the current ones, running statistics included.
    fn move_average(&mut self, isa: Isa, pool: &mut Pool, towards: f32) {
        let (len, stretch) = (self.weights.trainable, self.stretch(pool));
        let (trained, statistics) = self.flat.split_at(len);
        let (average, average_statistics) = self.average.split_at_mut(len);
        let average = Parts::new(average, stretch);
        pool.run(&|thread| {
            let start = thread * stretch;
            if start < len {
                let end = len.min(start + stretch);
                follow(isa, towards, &trained[start..end], average.take(thread));
            }
        });
        follow(isa, towards, statistics, average_statistics);
    }
}

/// The part of a parameter within the stretch of `len` values from `start` on, relative to `start`.
fn overlap(slot: &Slot, start: usize, len: usize) -> Range<usize> {
    let within = |at: usize| at.clamp(start, start + len) - start;
    within(slot.start)..within(slot.start + slot.len)
}
