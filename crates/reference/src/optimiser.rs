//! The optimisers and the averaged weights, in the order of PyTorch's `AdamW`, `SGD` and
//! `AveragedModel`.

use modiste_spec::engine::{Adam, Muon, Optimiser, Sgd, Step};

/// One trained tensor with its slots, in the order of [`Optimiser::slots`].
pub(crate) struct Trained<'a> {
    /// The values.
    pub values: &'a mut [f64],
    /// The optimiser's slots.
    pub slots: Vec<&'a mut Vec<f64>>,
    /// Whether weight decay applies.
    pub decays: bool,
    /// The learning rate of this tensor.
    pub learning_rate: f64,
    /// Its sizes in PyTorch's order.
    pub shape: &'a [usize],
    /// Whether it is one of [`Muon::matrices`].
    pub matrix: bool,
}

/// Updates `tensor` with `gradient`.
pub(crate) fn update(tensor: Trained<'_>, gradient: &[f64], step: &Step<'_>) {
    match step.optimiser {
        Optimiser::Adam(adam) => adam_step(tensor, gradient, adam, step.number),
        Optimiser::Sgd(sgd) => sgd_step(tensor, gradient, sgd),
        Optimiser::Muon(muon) => muon_step(tensor, gradient, muon),
    }
}

fn adam_step(tensor: Trained<'_>, gradient: &[f64], adam: Adam, number: u64) {
    let Trained { values, mut slots, decays, learning_rate: rate, .. } = tensor;
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
    let Trained { values, mut slots, decays, learning_rate: rate, .. } = tensor;
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

fn muon_step(tensor: Trained<'_>, gradient: &[f64], muon: Muon) {
    let Muon { momentum, nesterov, matrix_rate, weight_decay } = muon;
    if !tensor.matrix {
        let sgd = Sgd { momentum, nesterov, weight_decay, decoupled: true };
        return sgd_step(tensor, gradient, sgd);
    }
    let Trained { values, mut slots, decays, learning_rate, shape, .. } = tensor;
    let velocity = &mut slots[0];
    let mut step = Vec::with_capacity(gradient.len());
    for (v, &g) in velocity.iter_mut().zip(gradient) {
        *v = momentum * *v + g;
        step.push(if nesterov { g + momentum * *v } else { *v });
    }
    let step = orthogonal(&step, shape[0]);
    let rate = learning_rate * matrix_rate;
    let shrink = if decays { 1.0 - rate * weight_decay } else { 1.0 };
    for (value, step) in values.iter_mut().zip(step) {
        *value = *value * shrink - rate * Muon::scale(shape) * step;
    }
}

/// Newton-Schulz iterations on a matrix of `rows` rows, as [`Muon`] defines them.
fn orthogonal(x: &[f64], rows: usize) -> Vec<f64> {
    let [a, b, c] = Muon::COEFFICIENTS;
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(Muon::EPSILON);
    let mut x: Vec<f64> = x.iter().map(|x| x / norm).collect();
    for _ in 0..Muon::ITERATIONS {
        let gram = product(&x, &transposed(&x, rows), rows);
        let square = product(&gram, &gram, rows);
        let polynomial: Vec<f64> =
            gram.iter().zip(&square).map(|(gram, square)| b * gram + c * square).collect();
        let moved = product(&polynomial, &x, rows);
        x.iter_mut().zip(moved).for_each(|(x, moved)| *x = a * *x + moved);
    }
    x
}

/// The product of a matrix of `rows` rows with a second one.
fn product(left: &[f64], right: &[f64], rows: usize) -> Vec<f64> {
    let inner = left.len() / rows;
    let columns = right.len() / inner;
    let mut out = vec![0.0; rows * columns];
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        for (left, right) in left[row * inner..].iter().zip(right.chunks_exact(columns)) {
            out.iter_mut().zip(right).for_each(|(out, right)| *out += left * right);
        }
    }
    out
}

fn transposed(x: &[f64], rows: usize) -> Vec<f64> {
    let columns = x.len() / rows;
    (0..x.len()).map(|i| x[i % rows * columns + i / rows]).collect()
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
        let slots = slots.iter_mut().collect();
        Trained { values, slots, decays: true, learning_rate: 0.1, shape: &[1, 1], matrix: true }
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

    /// One value is a matrix of 1 x 1 whose orthogonal matrix is its sign, as far as five iterations
    /// go: x <- 3.4445 x - 4.775 x^3 + 2.0315 x^5 from 1.
    #[test]
    fn a_step_of_muon_worked_by_hand() {
        let muon = Muon { momentum: 0.5, nesterov: true, matrix_rate: 2.0, weight_decay: 0.5 };
        let mut sign = 1.0f64;
        for _ in 0..5 {
            sign = 3.4445 * sign - 4.775 * sign.powi(3) + 2.0315 * sign.powi(5);
        }
        let (mut x, mut slots) = ([1.0], [vec![0.0]]);
        muon_step(tensor(&mut x, &mut slots), &[-8.0], muon);
        assert!((x[0] - (0.9 + 0.2 * sign)).abs() < 1e-6, "{}", x[0]);
        assert_eq!(slots[0], [-8.0]);
    }

    /// The singular values end between 0.7 and 1.2, whatever they were.
    #[test]
    fn five_iterations_make_the_rows_nearly_orthonormal() {
        let x = [3.0, 1.0, 0.0, -2.0, 1.0, 4.0, 0.5, 0.0];
        let near = orthogonal(&x, 2);
        let gram = product(&near, &transposed(&near, 2), 2);
        let (mean, half) = ((gram[0] + gram[3]) / 2.0, (gram[0] - gram[3]) / 2.0);
        let apart = half.hypot(gram[1]);
        let singular = [(mean - apart).sqrt(), (mean + apart).sqrt()];
        assert!(singular.iter().all(|value| (0.65..1.25).contains(value)), "{singular:?}");
    }
}
