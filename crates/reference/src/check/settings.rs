//! How exact an engine has to be, and with what options it is tried.

use modiste_spec::engine::{Adam, Loss, StepOptions};

/// Allowed errors, each relative to the largest value of the tensor.
///
/// A tensor whose values are all small beside those of the other tensors carries their rounding
/// errors, so that its largest value counts as at least [`Self::floor`] of the largest of all.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Of the logits, and of the loss of a first step.
    pub output: f64,
    /// Of gradients and of the running statistics after one step.
    pub gradient: f64,
    /// Of later losses, and of what ten steps changed, all tensors together (relative norm of the
    /// difference). A single tensor may be [`Self::LOOSE`] times as far off: over ten steps some
    /// activation comes to lie on the other side of a ReLU's zero than it does in the reference,
    /// which moves a small tensor by percents and all of them together by next to nothing.
    pub steps: f64,
    /// Smallest scale of a tensor beside the largest of all tensors.
    pub floor: f64,
}

impl Tolerance {
    /// For engines that compute in f32. With rounding noise of a few units in the last place on
    /// every activation and gradient (eight draws), the reference itself stayed under a fifth of the
    /// first two and, where a ReLU flipped on the way, at 0.7 of the third.
    pub const F32: Self = Self { output: 1e-5, gradient: 1e-4, steps: 5e-3, floor: 1e-3 };

    /// How much further off a single tensor may be after ten steps.
    pub const LOOSE: f64 = 25.0;
}

/// What stays the same over the steps of a check.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Loss settings.
    pub loss: Loss,
    /// Optimiser settings.
    pub adam: Adam,
    /// The learning rate.
    pub learning_rate: f64,
    /// The run's seed.
    pub seed: u64,
}

impl Default for Settings {
    /// Adam's epsilon is 1e-3 here. With the usual 1e-8 a step is about the sign of the gradient,
    /// and where the gradient is all rounding error two right engines step in opposite directions;
    /// with an epsilon of the gradients' own size a step is as exact as the gradient. The rate is low
    /// so that errors do not grow from step to step until a ReLU of the last layers flips.
    fn default() -> Self {
        let adam = Adam { epsilon: 1e-3, ..Adam::default() };
        Self { loss: Loss::default(), adam, learning_rate: 1e-4, seed: 5 }
    }
}

impl Settings {
    /// Label smoothing, a weight for each of `classes`, weight decay, and other moments.
    pub fn demanding(classes: usize) -> Self {
        let weights = (0..classes).map(|c| 0.5 + 0.25 * c as f32).collect();
        let usual = Self::default();
        Self {
            loss: Loss { label_smoothing: 0.1, class_weights: Some(weights) },
            adam: Adam { weight_decay: 0.5, beta1: 0.8, beta2: 0.99, ..usual.adam },
            ..usual
        }
    }

    /// The options of the step after `step` others.
    pub fn options(&self, step: u64) -> StepOptions<'_> {
        let Self { learning_rate, seed, adam, ref loss } = *self;
        StepOptions { learning_rate, step, seed, adam, loss }
    }
}
