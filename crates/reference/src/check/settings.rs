//! The required precision of an engine, and the settings it is tested with.

use modiste_spec::Network;
use modiste_spec::engine::{Adam, Loss, Muon, Optimiser, Sgd, Step};

/// Allowed errors, each relative to the largest value of the tensor.
///
/// A tensor whose values are all small compared with those of other tensors carries their rounding
/// errors, so its largest value counts as at least [`Self::floor`] of the largest of all.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Error of the logits, and of the loss of a first step.
    pub output: f64,
    /// Error of gradients and of the running statistics after one step.
    pub gradient: f64,
    /// Error of later losses, and of the changes in ten steps, all tensors together (relative norm
    /// of the difference). A single tensor may be off by [`Self::LOOSE`] times as much: over ten
    /// steps, some activation ends up on the other side of a ReLU's zero than in the reference,
    /// which changes a small tensor by percents and all of them together by almost nothing.
    pub steps: f64,
    /// Smallest scale of a tensor relative to the largest of all tensors.
    pub floor: f64,
}

impl Tolerance {
    /// For engines that compute in f32. With rounding noise of a few units in the last place on
    /// every activation and gradient (eight draws), the reference itself stayed below a fifth of
    /// the first two and, when a ReLU flipped, at 0.7 of the third.
    pub const F32: Self = Self { output: 1e-5, gradient: 1e-4, steps: 5e-3, floor: 1e-3 };

    /// Factor by which a single tensor may be off further after ten steps.
    pub const LOOSE: f64 = 25.0;
}

/// The settings that stay the same over the steps of a check.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Loss settings.
    pub loss: Loss,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// The learning rate.
    pub learning_rate: f64,
    /// The run's seed.
    pub seed: u64,
    /// A factor of the learning rate for each parameter; empty for ones.
    pub rates: Vec<f32>,
    /// Decay of the averaged weights.
    pub average: Option<f64>,
}

/// Adam's epsilon is 1e-3 in checks. With the usual 1e-8, a step is about the sign of the gradient,
/// and where the gradient is only rounding error, two correct engines step in opposite directions;
/// with an epsilon of the size of the gradients, a step is as precise as the gradient.
const ADAM: Adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weight_decay: 0.0 };

impl Default for Settings {
    /// Adam, with a low rate, so that errors do not grow from step to step until a ReLU of the last
    /// layers flips.
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            optimiser: Optimiser::Adam(ADAM),
            learning_rate: 1e-4,
            seed: 5,
            rates: Vec::new(),
            average: None,
        }
    }
}

impl Settings {
    /// Label smoothing, a weight for each of `classes`, weight decay, and other moments.
    pub fn demanding(classes: usize) -> Self {
        let weights = (0..classes).map(|c| 0.5 + 0.25 * c as f32).collect();
        Self {
            loss: Loss { label_smoothing: 0.1, class_weights: Some(weights) },
            optimiser: Optimiser::Adam(Adam { weight_decay: 0.5, beta1: 0.8, beta2: 0.99, ..ADAM }),
            ..Self::default()
        }
    }

    /// The demanding loss with a rate for each parameter of `network`, of which every third is
    /// frozen, running means included, and averaged weights.
    pub fn uneven(network: &Network) -> Self {
        let rate = |position| [0.5, 2.0, 0.0][position % 3];
        let rates = (0..network.parameters().len()).map(rate).collect();
        Self { rates, average: Some(0.7), ..Self::demanding(network.classes()) }
    }

    /// Stochastic gradient descent in each of its forms, and Muon.
    pub fn descents() -> [Self; 5] {
        let sgd = |nesterov, decoupled| {
            Optimiser::Sgd(Sgd { momentum: 0.8, nesterov, weight_decay: 0.5, decoupled })
        };
        let muon = |nesterov, momentum| {
            Optimiser::Muon(Muon { momentum, nesterov, matrix_rate: 0.5, weight_decay: 0.5 })
        };
        let all = [
            sgd(false, false),
            sgd(true, false),
            sgd(true, true),
            muon(false, 0.95),
            muon(true, 0.8),
        ];
        all.map(|optimiser| Self {
            optimiser,
            learning_rate: 1e-3,
            average: Some(0.9),
            ..Self::default()
        })
    }

    /// The step after `number` others.
    pub fn step(&self, number: u64) -> Step<'_> {
        let Self { learning_rate, seed, optimiser, average, ref loss, ref rates } = *self;
        Step { number, seed, learning_rate, optimiser, loss, rates, average }
    }
}
