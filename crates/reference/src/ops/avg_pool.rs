//! Mean of square windows that do not overlap.

use crate::Maps;
use modiste_spec::Shape;

/// Output (n, h / kernel, w / kernel, c); remaining rows and columns are dropped.
pub fn avg_pool_forward(x: &Maps, kernel: usize) -> Maps {
    let shape = Shape::new(x.shape.height / kernel, x.shape.width / kernel, x.shape.channels);
    let mut y = Maps::zeros(x.n, shape);
    each_pair(x, &y.clone(), kernel, |from, to| y.values[to] += x.values[from]);
    y.map(|sum| sum / (kernel * kernel) as f64)
}

/// Each window's gradient in equal parts; dropped rows and columns get none.
pub fn avg_pool_backward(x: &Maps, kernel: usize, dy: &Maps) -> Maps {
    let mut dx = Maps::zeros(x.n, x.shape);
    let part = 1.0 / (kernel * kernel) as f64;
    each_pair(x, dy, kernel, |from, to| dx.values[from] += part * dy.values[to]);
    dx
}

/// Calls `visit` with the positions in x and y of every value and the mean it is part of.
fn each_pair(x: &Maps, y: &Maps, kernel: usize, mut visit: impl FnMut(usize, usize)) {
    for n in 0..x.n {
        for row in 0..y.shape.height * kernel {
            for column in 0..y.shape.width * kernel {
                for c in 0..x.shape.channels {
                    let to = y.at(n, row / kernel, column / kernel) + c;
                    visit(x.at(n, row, column) + c, to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};

    #[test]
    fn gradient_is_the_finite_difference() {
        for (n, kernel) in [(1, 1), (3, 2), (1, 3), (2, 5)] {
            let shape = Shape::new(5, 7, 3);
            let x = random_maps(n, shape, 1);
            let dy = random_maps(n, avg_pool_forward(&x, kernel).shape, 2);
            let dx = avg_pool_backward(&x, kernel, &dy);
            expect_gradient("dx", &x.values, &dx.values, |x| {
                let x = Maps::new(n, shape, x.to_vec());
                dot(&avg_pool_forward(&x, kernel).values, &dy.values)
            });
        }
    }

    #[test]
    fn incomplete_windows_are_dropped() {
        let x = Maps::new(1, Shape::new(2, 3, 1), vec![1.0, 2.0, 9.0, 3.0, 4.0, 9.0]);
        let y = avg_pool_forward(&x, 2);
        assert_eq!((y.shape, &y.values[..]), (Shape::new(1, 1, 1), &[2.5][..]));
        let dx = avg_pool_backward(&x, 2, &y.map(|_| 1.0));
        assert_eq!(dx.values, [0.25, 0.25, 0.0, 0.25, 0.25, 0.0]);
    }
}
