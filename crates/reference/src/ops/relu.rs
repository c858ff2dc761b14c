//! The larger of x and 0.

use crate::Maps;

/// max(x, 0).
pub fn relu_forward(x: &Maps) -> Maps {
    x.map(|v| v.max(0.0))
}

/// `dy` where x is above 0, else 0.
pub fn relu_backward(x: &Maps, dy: &Maps) -> Maps {
    let pairs = x.values.iter().zip(&dy.values);
    Maps::new(x.n, x.shape, pairs.map(|(&x, &dy)| if x > 0.0 { dy } else { 0.0 }).collect())
}

/// The smallest distance of a value from 0, where the gradient jumps, relative to the largest value.
/// Exact zeros do not count: they have a cause, such as a mask, that applies to every engine.
pub fn relu_margin(x: &Maps) -> f64 {
    let sizes = || x.values.iter().map(|v| v.abs()).filter(|&v| v > 0.0);
    sizes().fold(f64::INFINITY, f64::min) / sizes().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};
    use modiste_spec::Shape;

    #[test]
    fn gradient_is_the_finite_difference() {
        let shape = Shape::new(5, 7, 3);
        let (x, dy) = (random_maps(2, shape, 1), random_maps(2, shape, 2));
        expect_gradient("dx", &x.values, &relu_backward(&x, &dy).values, |x| {
            dot(&relu_forward(&Maps::new(2, shape, x.to_vec())).values, &dy.values)
        });
    }

    #[test]
    fn the_gradient_at_zero_is_zero() {
        let x = Maps::new(1, Shape::new(1, 3, 1), vec![0.0, -0.0, 1e-300]);
        let dy = x.map(|_| 1.0);
        assert_eq!(relu_backward(&x, &dy).values, [0.0, 0.0, 1.0]);
    }

    #[test]
    fn margin_is_the_smallest_of_those_not_zero() {
        let x = Maps::new(1, Shape::new(1, 4, 1), vec![0.0, -0.5, 0.25, -4.0]);
        assert_eq!(relu_margin(&x), 0.0625);
    }
}
