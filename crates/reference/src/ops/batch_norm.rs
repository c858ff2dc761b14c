//! Batch normalisation with a trained shift and optionally a trained scale (Ioffe and Szegedy 2015).

use crate::Maps;

/// Mean and variance of every channel over (n, h, w).
pub struct Statistics {
    /// Means (c).
    pub mean: Vec<f64>,
    /// Biased variances (c): divided by the count.
    pub variance: Vec<f64>,
    /// Values per channel: n x h x w.
    pub count: usize,
}

impl Statistics {
    /// The batch's own statistics, in two passes.
    pub fn of(x: &Maps) -> Self {
        let count = x.n * x.shape.pixels();
        let mean = channel_means(x, |_, value| value);
        let variance = channel_means(x, |channel, value| (value - mean[channel]).powi(2));
        Self { mean, variance, count }
    }

    /// Variances for the running statistics: unbiased, as in PyTorch. A channel with a single value
    /// has no unbiased variance; its biased one, 0, is used.
    pub fn unbiased_variance(&self) -> Vec<f64> {
        let factor = self.count as f64 / (self.count.max(2) - 1) as f64;
        self.variance.iter().map(|v| v * factor).collect()
    }
}

/// (x - mean) / sqrt(variance + epsilon) x scale + shift; without a scale it is 1.
pub fn batch_norm_forward(
    x: &Maps,
    mean: &[f64],
    variance: &[f64],
    (scale, shift): (Option<&[f64]>, &[f64]),
    epsilon: f64,
) -> Maps {
    let mut y = x.clone();
    for pixel in y.values.chunks_exact_mut(x.shape.channels) {
        for (c, value) in pixel.iter_mut().enumerate() {
            let normalised = (*value - mean[c]) / (variance[c] + epsilon).sqrt();
            *value = normalised * scale.map_or(1.0, |scale| scale[c]) + shift[c];
        }
    }
    y
}

/// Gradients of a batch normalisation.
pub struct BatchNormGradients {
    /// By the input (n, h, w, c).
    pub dx: Maps,
    /// By the scale (c), whether it is trained or not.
    pub dscale: Vec<f64>,
    /// By the shift (c).
    pub dshift: Vec<f64>,
}

/// Gradients with respect to input, scale and shift if the batch's own statistics normalised it, so the
/// gradient also flows through mean and variance.
pub fn batch_norm_backward(
    x: &Maps,
    scale: Option<&[f64]>,
    epsilon: f64,
    dy: &Maps,
) -> BatchNormGradients {
    let channels = x.shape.channels;
    let Statistics { mean, variance, count } = Statistics::of(x);
    let deviation: Vec<f64> = variance.iter().map(|v| (v + epsilon).sqrt()).collect();
    let normalised = |i: usize| (x.values[i] - mean[i % channels]) / deviation[i % channels];
    let (mut sum, mut product) = (vec![0.0; channels], vec![0.0; channels]);
    for (i, &dy) in dy.values.iter().enumerate() {
        sum[i % channels] += dy;
        product[i % channels] += dy * normalised(i);
    }
    let mut dx = Maps::zeros(x.n, x.shape);
    for (i, dx) in dx.values.iter_mut().enumerate() {
        let c = i % channels;
        let through_statistics = (sum[c] + normalised(i) * product[c]) / count as f64;
        let factor = scale.map_or(1.0, |scale| scale[c]) / deviation[c];
        *dx = (dy.values[i] - through_statistics) * factor;
    }
    BatchNormGradients { dx, dscale: product, dshift: sum }
}

/// Gradients if running statistics, which are constants, normalised it.
pub fn running_backward(
    x: &Maps,
    (mean, variance): (&[f64], &[f64]),
    scale: Option<&[f64]>,
    epsilon: f64,
    dy: &Maps,
) -> BatchNormGradients {
    let zeros = vec![0.0; variance.len()];
    let (mut dx, mut dscale, mut dshift) = (dy.clone(), zeros.clone(), zeros);
    for (i, value) in dx.values.iter_mut().enumerate() {
        let c = i % variance.len();
        let deviation = (variance[c] + epsilon).sqrt();
        dshift[c] += *value;
        dscale[c] += *value * (x.values[i] - mean[c]) / deviation;
        *value *= scale.map_or(1.0, |scale| scale[c]) / deviation;
    }
    BatchNormGradients { dx, dscale, dshift }
}

fn channel_means(x: &Maps, f: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; x.shape.channels];
    for pixel in x.values.chunks_exact(x.shape.channels) {
        for (c, &value) in pixel.iter().enumerate() {
            sums[c] += f(c, value);
        }
    }
    let count = (x.n * x.shape.pixels()) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random, random_maps};
    use modiste_spec::Shape;

    const EPSILON: f64 = 1e-3;

    fn forward(x: &Maps, scale: Option<&[f64]>, shift: &[f64]) -> Maps {
        let own = Statistics::of(x);
        batch_norm_forward(x, &own.mean, &own.variance, (scale, shift), EPSILON)
    }

    #[test]
    fn gradients_are_finite_differences() {
        for (n, shape) in
            [(1, Shape::new(5, 7, 3)), (3, Shape::new(2, 3, 1)), (3, Shape::new(1, 1, 4))]
        {
            let (x, shift) = (random_maps(n, shape, 1), random(shape.channels, 2));
            let (dy, scale) = (random_maps(n, shape, 3), random(shape.channels, 4));
            let found = batch_norm_backward(&x, Some(&scale), EPSILON, &dy);
            let loss = |x: &[f64], scale: &[f64], shift: &[f64]| {
                let x = Maps::new(n, shape, x.to_vec());
                dot(&forward(&x, Some(scale), shift).values, &dy.values)
            };
            expect_gradient("dx", &x.values, &found.dx.values, |x| loss(x, &scale, &shift));
            expect_gradient("dscale", &scale, &found.dscale, |s| loss(&x.values, s, &shift));
            expect_gradient("dshift", &shift, &found.dshift, |s| loss(&x.values, &scale, s));
            let ones = vec![1.0; shape.channels];
            let [plain, one] =
                [None, Some(&ones[..])].map(|s| batch_norm_backward(&x, s, EPSILON, &dy).dx);
            assert_eq!(plain, one);
        }
    }

    #[test]
    fn the_gradient_through_running_statistics_is_the_finite_difference() {
        let shape = Shape::new(2, 3, 4);
        let (x, dy) = (random_maps(2, shape, 1), random_maps(2, shape, 2));
        let (mean, shift, variance) = (random(4, 3), random(4, 4), [0.5, 1.0, 2.0, 0.0]);
        let scale = random(4, 5);
        for scale in [None, Some(&scale[..])] {
            let found = running_backward(&x, (&mean, &variance), scale, EPSILON, &dy);
            let loss = |x: &[f64], scale: Option<&[f64]>, shift: &[f64]| {
                let x = Maps::new(2, shape, x.to_vec());
                let y = batch_norm_forward(&x, &mean, &variance, (scale, shift), EPSILON);
                dot(&y.values, &dy.values)
            };
            expect_gradient("dx", &x.values, &found.dx.values, |x| loss(x, scale, &shift));
            let ones = [1.0; 4];
            let scale = scale.unwrap_or(&ones);
            let by_scale = |s: &[f64]| loss(&x.values, Some(s), &shift);
            expect_gradient("dscale", scale, &found.dscale, by_scale);
            let by_shift = |s: &[f64]| loss(&x.values, Some(scale), s);
            expect_gradient("dshift", &shift, &found.dshift, by_shift);
        }
    }

    #[test]
    fn a_single_value_becomes_the_shift_and_passes_no_gradient() {
        let x = Maps::new(1, Shape::new(1, 1, 2), vec![3.0, -4.0]);
        assert_eq!(forward(&x, None, &[0.25, 0.5]).values, [0.25, 0.5]);
        let dy = Maps::new(1, x.shape, vec![1.0, 2.0]);
        let found = batch_norm_backward(&x, None, EPSILON, &dy);
        assert_eq!((found.dx.values, found.dshift), (vec![0.0, 0.0], vec![1.0, 2.0]));
        assert_eq!(Statistics::of(&x).unbiased_variance(), [0.0, 0.0]);
    }

    #[test]
    fn statistics_worked_by_hand() {
        let own = Statistics::of(&Maps::new(2, Shape::new(1, 2, 1), vec![1.0, 2.0, 4.0, 5.0]));
        assert_eq!((own.mean[0], own.variance[0], own.count), (3.0, 2.5, 4));
        assert!((own.unbiased_variance()[0] - 10.0 / 3.0).abs() < 1e-15);
    }
}
