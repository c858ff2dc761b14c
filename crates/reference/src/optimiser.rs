//! The optimisers and the averaged weights, in the order of PyTorch's `AdamW`, `SGD` and
//! `AveragedModel`.

use modiste_spec::engine::{Adam, Optimiser, Sgd, Step};

/// One trained tensor with what the optimiser keeps for it, in the order of [`Optimiser::slots`].
pub(crate) struct Trained<'a> {
    /// The values.
    pub values: &'a mut [f64],
    /// The optimiser's slots.
    pub slots: Vec<&'a mut Vec<f64>>,
    /// Whether weight decay applies.
    pub decays: bool,
    /// The learning rate of this tensor.
    pub learning_rate: f64,
}

/// Moves `tensor` against `gradient`.
pub(crate) fn update(tensor: Trained<'_>, gradient: &[f64], step: &Step<'_>) {
    match step.optimiser {
        Optimiser::Adam(adam) => adam_step(tensor, gradient, adam, step.number),
        Optimiser::Sgd(sgd) => sgd_step(tensor, gradient, sgd),
    }
}

fn adam_step(tensor: Trained<'_>, gradient: &[f64], adam: Adam, number: u64) {
    let Trained { values, mut slots, decays, learning_rate: rate } = tensor;
    let [first, second] = &mut slots[..] else { unreachable!("Adam has two slots") };
    let time = (number + 1) as f64;
    let correction1 = 1.0 - adam.beta1.powf(time);
    let correction2 = 1.0 - adam.beta2.powf(time);
    let decay = if decays { 1.0 - rate * adam.weight_decay } else { 1.0 };
    for (i, &g) in gradient.iter().enumerate() {
        let m = adam.beta1 * first[i] + (1.0 - adam.beta1) * g;
        let v = adam.beta2 * second[i] + (1.0 - adam.beta2) * g * g;
        let step = (m / correction1) / ((v / correction2).sqrt() + adam.epsilon);
        values[i] = values[i] * decay - rate * step;
        (first[i], second[i]) = (m, v);
    }
}

fn sgd_step(tensor: Trained<'_>, gradient: &[f64], sgd: Sgd) {
    let Trained { values, mut slots, decays, learning_rate: rate } = tensor;
    let velocity = &mut slots[0];
    let decay = if decays { sgd.weight_decay } else { 0.0 };
    for (i, &g) in gradient.iter().enumerate() {
        let g = if sgd.decoupled { g } else { g + decay * values[i] };
        let v = sgd.momentum * velocity[i] + g;
        let step = if sgd.nesterov { g + sgd.momentum * v } else { v };
        let shrink = if sgd.decoupled { 1.0 - rate * decay } else { 1.0 };
        values[i] = values[i] * shrink - rate * step;
        velocity[i] = v;
    }
}

/// Moves the averaged weights towards `values`.
pub(crate) fn follow(average: &mut [f64], values: &[f64], decay: f64) {
    for (average, value) in average.iter_mut().zip(values) {
        *average += (1.0 - decay) * (value - *average);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor<'a>(values: &'a mut [f64], slots: &'a mut [Vec<f64>]) -> Trained<'a> {
        Trained { values, slots: slots.iter_mut().collect(), decays: true, learning_rate: 0.1 }
    }

    #[test]
    fn two_steps_of_adam_worked_by_hand() {
        let adam = Adam { epsilon: 0.1, weight_decay: 0.5, ..Adam::default() };
        let (mut x, mut slots) = ([1.0, 1.0], [vec![0.0; 2], vec![0.0; 2]]);
        adam_step(tensor(&mut x, &mut slots), &[2.0, 0.0], adam, 0);
        // Corrected moments of the first step are g and g^2: 0.95 - 0.1 * 2 / 2.1, and 0.95 alone.
        let first = x[0];
        assert!((first - (0.95 - 0.2 / 2.1)).abs() < 1e-12 && x[1] == 0.95);
        // m = 0.9 * 0.2 - 0.1 = 0.08, v = 0.999 * 0.004 + 0.001 = 0.004996.
        adam_step(tensor(&mut x, &mut slots), &[-1.0, 0.0], adam, 1);
        let update = (0.08 / 0.19) / ((0.004996f64 / 0.001999).sqrt() + 0.1);
        assert!((x[0] - (first * 0.95 - 0.1 * update)).abs() < 1e-12);
    }

    #[test]
    fn two_steps_of_momentum_worked_by_hand() {
        for (nesterov, decoupled, expected) in [
            // g = 2 + 0.5 x 1 = 2.5, v = 2.5, 1 - 0.1 x 2.5; then g = -1 + 0.375, v = 1.25 - 0.625.
            (false, false, [0.75, 0.75 - 0.1 * 0.625]),
            // The first step is 2.5 + 0.5 x 2.5 long.
            (true, false, [0.625, 0.625 - 0.1 * (-0.6875 + 0.5 * 0.5625)]),
            // 0.95 - 0.1 x 2; then v = 0.5 x 2 - 1.
            (false, true, [0.75, 0.75 * 0.95]),
        ] {
            let sgd = Sgd { momentum: 0.5, nesterov, weight_decay: 0.5, decoupled };
            let (mut x, mut slots) = ([1.0], [vec![0.0]]);
            for (gradient, expected) in [2.0, -1.0].into_iter().zip(expected) {
                sgd_step(tensor(&mut x, &mut slots), &[gradient], sgd);
                assert!((x[0] - expected).abs() < 1e-12, "{nesterov} {decoupled}: {}", x[0]);
            }
        }
    }
}
