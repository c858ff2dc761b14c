//! One step of Adam with decoupled weight decay, in the order of PyTorch's `AdamW`.

use modiste_spec::engine::StepOptions;

/// One trained tensor with its moments.
pub(crate) struct Trained<'a> {
    /// The values.
    pub values: &'a mut [f64],
    /// First moments.
    pub first: &'a mut [f64],
    /// Second moments.
    pub second: &'a mut [f64],
    /// Whether weight decay applies.
    pub decays: bool,
}

/// Moves `tensor` against `gradient`.
pub(crate) fn adam_step(tensor: Trained<'_>, gradient: &[f64], options: &StepOptions<'_>) {
    let (adam, rate) = (&options.adam, options.learning_rate);
    let time = (options.step + 1) as f64;
    let correction1 = 1.0 - adam.beta1.powf(time);
    let correction2 = 1.0 - adam.beta2.powf(time);
    let decay = if tensor.decays { 1.0 - rate * adam.weight_decay } else { 1.0 };
    for (i, &g) in gradient.iter().enumerate() {
        let m = adam.beta1 * tensor.first[i] + (1.0 - adam.beta1) * g;
        let v = adam.beta2 * tensor.second[i] + (1.0 - adam.beta2) * g * g;
        let step = (m / correction1) / ((v / correction2).sqrt() + adam.epsilon);
        tensor.values[i] = tensor.values[i] * decay - rate * step;
        (tensor.first[i], tensor.second[i]) = (m, v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::engine::{Adam, Loss};

    #[test]
    fn two_steps_worked_by_hand() {
        let adam = Adam { epsilon: 0.1, weight_decay: 0.5, ..Adam::default() };
        let loss = Loss::default();
        let options = StepOptions { learning_rate: 0.1, step: 0, seed: 0, adam, loss: &loss };
        let (mut x, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
        let mut step = |step, gradient: [f64; 2]| {
            let tensor = Trained { values: &mut x, first: &mut m, second: &mut v, decays: true };
            adam_step(tensor, &gradient, &StepOptions { step, ..options });
            x
        };
        // Corrected moments of the first step are g and g^2: 0.95 - 0.1 * 2 / 2.1, and 0.95 alone.
        let first = step(0, [2.0, 0.0]);
        assert!((first[0] - (0.95 - 0.2 / 2.1)).abs() < 1e-12 && first[1] == 0.95);
        // m = 0.9 * 0.2 - 0.1 = 0.08, v = 0.999 * 0.004 + 0.001 = 0.004996.
        let second = step(1, [-1.0, 0.0]);
        let update = (0.08 / 0.19) / ((0.004996f64 / 0.001999).sqrt() + 0.1);
        assert!((second[0] - (first[0] * 0.95 - 0.1 * update)).abs() < 1e-12);
    }
}
