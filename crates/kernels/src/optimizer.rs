//! Optimisers in one pass over flat arrays.

use crate::isa::vectorised;
use crate::view::ensure_len;

/// One step's settings of Adam, including the bias corrections.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// 1 - beta1, rounded once.
    pub keep1: f32,
    /// 1 - beta2, rounded once.
    pub keep2: f32,
    /// Learning rate / (1 - beta1^t).
    pub rate: f32,
    /// 1 / sqrt(1 - beta2^t).
    pub root: f32,
    /// Added to the corrected root.
    pub epsilon: f32,
    /// Factor of the parameter before the step: 1 - learning rate * decay.
    pub shrink: f32,
}

vectorised! {
    /// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p = shrink p - rate m / (sqrt(v) root + eps).
    pub fn adam(step: AdamStep, g: &[f32], p: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        let n = g.len();
        ensure_len("parameters", p.len(), n);
        ensure_len("first moments", m.len(), n);
        ensure_len("second moments", v.len(), n);
        for i in 0..n {
            m[i] = step.beta1 * m[i] + step.keep1 * g[i];
            v[i] = step.beta2 * v[i] + step.keep2 * (g[i] * g[i]);
            let root = v[i].sqrt() * step.root + step.epsilon;
            p[i] = step.shrink * p[i] - step.rate * m[i] / root;
        }
    }
}

/// One step's settings of stochastic gradient descent with momentum.
#[derive(Clone, Copy, Debug)]
pub struct SgdStep {
    /// Decay of the velocity.
    pub momentum: f32,
    /// Share of the parameter that is added to the gradient.
    pub decay: f32,
    /// How far the parameter moves along the gradient itself.
    pub now: f32,
    /// How far it moves along the velocity.
    pub along: f32,
    /// Factor of the parameter before the step.
    pub shrink: f32,
}

vectorised! {
    /// g' = g + decay p, v = momentum v + g', p = shrink p - (now g' + along v).
    pub fn sgd(step: SgdStep, g: &[f32], p: &mut [f32], v: &mut [f32]) {
        let n = g.len();
        ensure_len("parameters", p.len(), n);
        ensure_len("velocities", v.len(), n);
        for i in 0..n {
            let g = g[i] + step.decay * p[i];
            v[i] = step.momentum * v[i] + g;
            p[i] = step.shrink * p[i] - (step.now * g + step.along * v[i]);
        }
    }
}

vectorised! {
    /// v = momentum v + g, g = now g + along v: computes the direction of a step without taking it.
    pub fn direction(momentum: f32, now: f32, along: f32, g: &mut [f32], v: &mut [f32]) {
        let n = g.len();
        ensure_len("velocities", v.len(), n);
        for i in 0..n {
            v[i] = momentum * v[i] + g[i];
            g[i] = now * g[i] + along * v[i];
        }
    }
}

vectorised! {
    /// p = shrink p - rate direction.
    pub fn move_along(shrink: f32, rate: f32, direction: &[f32], p: &mut [f32]) {
        let n = direction.len();
        ensure_len("parameters", p.len(), n);
        for i in 0..n {
            p[i] = shrink * p[i] - rate * direction[i];
        }
    }
}

vectorised! {
    /// average += towards (p - average): an average equal to p stays equal to the bit.
    pub fn follow(towards: f32, p: &[f32], average: &mut [f32]) {
        let n = p.len();
        ensure_len("averages", average.len(), n);
        for i in 0..n {
            average[i] += towards * (p[i] - average[i]);
        }
    }
}

vectorised! {
    /// sum += shard.
    pub fn sum_shards(sum: &mut [f32], shard: &[f32]) {
        ensure_len("sums", sum.len(), shard.len());
        for (to, from) in sum.iter_mut().zip(shard) {
            *to += from;
        }
    }
}
