//! Maximum of each channel over all pixels.

use crate::Maps;
use modiste_spec::Shape;

/// Output (n, 1, 1, c).
pub fn global_max_pool_forward(x: &Maps) -> Maps {
    let shape = Shape::new(1, 1, x.shape.channels);
    Maps::new(x.n, shape, maxima(x).into_iter().map(|at| x.values[at]).collect())
}

/// Each channel's gradient goes to its maximum, the first of equal ones.
pub fn global_max_pool_backward(x: &Maps, dy: &Maps) -> Maps {
    let mut dx = Maps::zeros(x.n, x.shape);
    maxima(x).into_iter().zip(&dy.values).for_each(|(at, dy)| dx.values[at] += dy);
    dx
}

/// The smallest distance of a value below its channel's maximum, where the gradient jumps, relative
/// to the largest value. Exactly equal values do not count: they are equal in every engine.
pub fn global_max_pool_margin(x: &Maps) -> f64 {
    let largest = x.values.iter().fold(0f64, |a, v| a.max(v.abs()));
    let best = maxima(x);
    let gaps = x.values.iter().enumerate().map(|(i, value)| {
        let of = i / x.shape.len() * x.shape.channels + i % x.shape.channels;
        x.values[best[of]] - value
    });
    gaps.filter(|&gap| gap > 0.0).fold(f64::INFINITY, f64::min) / largest
}

/// Position of each maximum, (n, c).
fn maxima(x: &Maps) -> Vec<usize> {
    let channels = x.shape.channels;
    let best = |(n, c): (usize, usize)| {
        let pixels = (0..x.shape.pixels()).map(|pixel| n * x.shape.len() + pixel * channels + c);
        pixels.reduce(|best, at| if x.values[at] > x.values[best] { at } else { best })
    };
    let all = (0..x.n).flat_map(|n| (0..channels).map(move |c| (n, c)));
    all.map(|of| best(of).expect("a map has a pixel")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};

    #[test]
    fn gradient_is_the_finite_difference() {
        let shape = Shape::new(4, 3, 5);
        let (x, dy) = (random_maps(2, shape, 1), random_maps(2, Shape::new(1, 1, 5), 2));
        expect_gradient("dx", &x.values, &global_max_pool_backward(&x, &dy).values, |x| {
            dot(&global_max_pool_forward(&Maps::new(2, shape, x.to_vec())).values, &dy.values)
        });
    }

    #[test]
    fn the_first_of_equals_takes_the_gradient_and_gaps_are_margins() {
        let x = Maps::new(1, Shape::new(2, 2, 1), vec![-3.0, -1.0, -1.0, -2.0]);
        assert_eq!(global_max_pool_forward(&x).values, [-1.0]);
        let dy = Maps::new(1, Shape::new(1, 1, 1), vec![2.0]);
        assert_eq!(global_max_pool_backward(&x, &dy).values, [0.0, 2.0, 0.0, 0.0]);
        assert_eq!(global_max_pool_margin(&x), 1.0 / 3.0);
    }
}
