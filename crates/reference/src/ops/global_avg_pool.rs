//! Mean over all pixels.

use crate::Maps;
use modiste_spec::Shape;

/// (n, h, w, c) to (n, 1, 1, c).
pub fn global_avg_pool_forward(x: &Maps) -> Maps {
    let c = x.shape.channels;
    let mut y = Maps::zeros(x.n, Shape::new(1, 1, c));
    for (i, &value) in x.values.iter().enumerate() {
        y.values[i / x.shape.len() * c + i % c] += value;
    }
    y.map(|sum| sum / x.shape.pixels() as f64)
}

/// The gradient of the mean, in equal parts on every pixel.
pub fn global_avg_pool_backward(shape: Shape, dy: &Maps) -> Maps {
    let mut dx = Maps::zeros(dy.n, shape);
    for (i, dx) in dx.values.iter_mut().enumerate() {
        let from = i / shape.len() * shape.channels + i % shape.channels;
        *dx = dy.values[from] / shape.pixels() as f64;
    }
    dx
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};

    #[test]
    fn gradient_is_the_finite_difference() {
        for (n, shape) in [(3, Shape::new(5, 7, 3)), (1, Shape::new(1, 1, 2))] {
            let (x, dy) =
                (random_maps(n, shape, 1), random_maps(n, Shape::new(1, 1, shape.channels), 2));
            let dx = global_avg_pool_backward(shape, &dy);
            expect_gradient("dx", &x.values, &dx.values, |x| {
                dot(&global_avg_pool_forward(&Maps::new(n, shape, x.to_vec())).values, &dy.values)
            });
        }
    }
}
