//! Adam in one pass over flat arrays.

use crate::isa::vectorised;

/// One step's numbers, the bias corrections worked in.
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
        let (p, m, v) = (&mut p[..n], &mut m[..n], &mut v[..n]);
        for i in 0..n {
            m[i] = step.beta1 * m[i] + step.keep1 * g[i];
            v[i] = step.beta2 * v[i] + step.keep2 * (g[i] * g[i]);
            let root = v[i].sqrt() * step.root + step.epsilon;
            p[i] = step.shrink * p[i] - step.rate * m[i] / root;
        }
    }
}

vectorised! {
    /// sum += shard.
    pub fn sum_shards(sum: &mut [f32], shard: &[f32]) {
        for (to, from) in sum.iter_mut().zip(shard) {
            *to += from;
        }
    }
}
