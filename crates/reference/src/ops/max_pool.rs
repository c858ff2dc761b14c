//! Maximum of square windows, padded with minus infinity ([`modiste_spec::padding`]).

use crate::Maps;
use modiste_spec::{Shape, padding};

/// Output (n, h', w', c) with h' = (h + 2 padding - kernel) / stride + 1.
pub fn max_pool_forward(x: &Maps, kernel: usize, stride: usize) -> Maps {
    let side = |size: usize| (size + 2 * padding(kernel) - kernel) / stride + 1;
    let shape = Shape::new(side(x.shape.height), side(x.shape.width), x.shape.channels);
    let mut y = Maps::zeros(x.n, shape);
    for (i, maximum) in maxima(x, shape, kernel, stride).into_iter().enumerate() {
        y.values[i] = x.values[maximum];
    }
    y
}

/// Each window's gradient goes to its maximum, the first of equal ones in row-major order.
pub fn max_pool_backward(x: &Maps, kernel: usize, stride: usize, dy: &Maps) -> Maps {
    let mut dx = Maps::zeros(x.n, x.shape);
    for (i, maximum) in maxima(x, dy.shape, kernel, stride).into_iter().enumerate() {
        dx.values[maximum] += dy.values[i];
    }
    dx
}

/// The smallest distance between a window's maximum and a smaller value of the window, where the
/// gradient would jump, relative to the largest value.
pub fn max_pool_margin(x: &Maps, y: &Maps, kernel: usize, stride: usize) -> f64 {
    let mut margin = f64::INFINITY;
    let mut largest = 0f64;
    each_window(x, y.shape, kernel, stride, |i, window| {
        let below = window.map(|position| y.values[i] - x.values[position]);
        margin = below.filter(|&gap| gap > 0.0).fold(margin, f64::min);
        largest = largest.max(y.values[i].abs());
    });
    margin / largest
}

/// For every output (n, h', w', c) the position of its maximum in x.
fn maxima(x: &Maps, output: Shape, kernel: usize, stride: usize) -> Vec<usize> {
    let mut positions = Vec::with_capacity(x.n * output.len());
    each_window(x, output, kernel, stride, |_, window| {
        let larger = |best, other| if x.values[other] > x.values[best] { other } else { best };
        positions.extend(window.reduce(larger));
    });
    positions
}

/// Calls `visit` for every output (n, h', w', c) with its position and those of its window in x, in
/// row-major order. A window's middle always lies on the map, so no window is all padding.
fn each_window(
    x: &Maps,
    output: Shape,
    kernel: usize,
    stride: usize,
    mut visit: impl FnMut(usize, &mut dyn Iterator<Item = usize>),
) {
    let range = |out: usize, size: usize| {
        let start = out * stride;
        start.saturating_sub(padding(kernel))..(start + kernel - padding(kernel)).min(size)
    };
    let c = output.channels;
    for i in 0..x.n * output.len() {
        let (n, row) = (i / output.len(), i / (c * output.width) % output.height);
        let columns = range(i / c % output.width, x.shape.width);
        let rows = range(row, x.shape.height);
        let pixels = rows.flat_map(|h| columns.clone().map(move |w| (h, w)));
        visit(i, &mut pixels.map(|(h, w)| x.at(n, h, w) + i % c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};

    #[test]
    fn gradient_is_the_finite_difference() {
        for (kernel, stride) in [(1, 2), (2, 2), (4, 1), (3, 1), (3, 2), (3, 3), (5, 2), (5, 3)] {
            for (n, shape) in [(3, Shape::new(5, 7, 3)), (1, Shape::new(6, 4, 1))] {
                let x = random_maps(n, shape, 1);
                let dy = random_maps(n, max_pool_forward(&x, kernel, stride).shape, 2);
                let dx = max_pool_backward(&x, kernel, stride, &dy);
                expect_gradient("dx", &x.values, &dx.values, |x| {
                    let x = Maps::new(n, shape, x.to_vec());
                    dot(&max_pool_forward(&x, kernel, stride).values, &dy.values)
                });
            }
        }
    }

    #[test]
    fn padding_is_under_every_value_and_the_first_of_equals_takes_the_gradient() {
        let x = Maps::new(1, Shape::new(2, 2, 1), vec![-3.0, -1.0, -1.0, -2.0]);
        let y = max_pool_forward(&x, 3, 1);
        assert_eq!(y.values, [-1.0; 4]);
        let dx = max_pool_backward(&x, 3, 1, &y.map(|_| 1.0));
        assert_eq!(dx.values, [0.0, 4.0, 0.0, 0.0]);
    }

    #[test]
    fn margin_is_the_smallest_gap_below_a_maximum() {
        let x = Maps::new(1, Shape::new(1, 4, 1), vec![4.0, 3.0, 1.0, 1.0]);
        assert_eq!(max_pool_margin(&x, &max_pool_forward(&x, 3, 1), 3, 1), 0.25);
        let flat = x.map(|_| 1.0);
        assert_eq!(max_pool_margin(&flat, &max_pool_forward(&flat, 3, 1), 3, 1), f64::INFINITY);
    }
}
