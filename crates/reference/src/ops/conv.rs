//! Square convolution (cross-correlation) with zero padding of half the kernel.

use crate::Maps;
use modiste_spec::Shape;

/// Gradients of a convolution.
pub struct ConvGradients {
    /// By the input (n, h, w, c).
    pub dx: Maps,
    /// By the weights (k, c, kernel, kernel).
    pub dweight: Vec<f64>,
    /// By the bias (k).
    pub dbias: Vec<f64>,
}

/// One combination of an output pixel, an input pixel and a position in the kernel.
struct Tap {
    /// Position of the output pixel's first channel.
    y: usize,
    /// Position of the input pixel's first channel.
    x: usize,
    /// Row x kernel + column within the kernel.
    place: usize,
}

/// Output (n, h', w', k) with h' = (h + 2 (kernel / 2) - kernel) / stride + 1.
///
/// `weight` is (k, c, kernel, kernel), `bias` (k); k follows from the weights.
pub fn conv_forward(
    x: &Maps,
    weight: &[f64],
    bias: Option<&[f64]>,
    kernel: usize,
    stride: usize,
) -> Maps {
    let (c, area) = (x.shape.channels, kernel * kernel);
    let mut y = Maps::zeros(x.n, output_shape(x, weight, kernel, stride));
    let k = y.shape.channels;
    if let Some(bias) = bias {
        y.values.chunks_exact_mut(k).for_each(|pixel| pixel.copy_from_slice(bias));
    }
    let weight = by_place(weight, c, area);
    let places = Windows::of(x, &y, kernel, stride);
    places.each_tap(|tap| {
        let y = &mut y.values[tap.y..][..k];
        for input in 0..c {
            let weight = &weight[(tap.place * c + input) * k..][..k];
            for output in 0..k {
                y[output] += weight[output] * x.values[tap.x + input];
            }
        }
    });
    y
}

/// Gradients by input, weights and bias from `dy` (n, h', w', k).
pub fn conv_backward(
    x: &Maps,
    weight: &[f64],
    kernel: usize,
    stride: usize,
    dy: &Maps,
) -> ConvGradients {
    let dx = conv_input_gradient(x, weight, kernel, stride, dy);
    let (c, k, area) = (x.shape.channels, dy.shape.channels, kernel * kernel);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; k]);
    for pixel in dy.values.chunks_exact(k) {
        for (sum, &dy) in dbias.iter_mut().zip(pixel) {
            *sum += dy;
        }
    }
    Windows::of(x, dy, kernel, stride).each_tap(|tap| {
        let dy = &dy.values[tap.y..][..k];
        for input in 0..c {
            let dweight = &mut dweight[(tap.place * c + input) * k..][..k];
            for output in 0..k {
                dweight[output] += x.values[tap.x + input] * dy[output];
            }
        }
    });
    ConvGradients { dx, dweight: by_output(&dweight, c, area), dbias }
}

/// The gradient with respect to the input alone, given `dy` (n, h', w', k).
pub fn conv_input_gradient(
    x: &Maps,
    weight: &[f64],
    kernel: usize,
    stride: usize,
    dy: &Maps,
) -> Maps {
    let (c, k) = (x.shape.channels, dy.shape.channels);
    let weight = by_place_turned(weight, c, kernel * kernel);
    let mut dx = Maps::zeros(x.n, x.shape);
    Windows::of(x, dy, kernel, stride).each_tap(|tap| {
        let (dy, dx) = (&dy.values[tap.y..][..k], &mut dx.values[tap.x..][..c]);
        for output in 0..k {
            let weight = &weight[(tap.place * k + output) * c..][..c];
            for input in 0..c {
                dx[input] += weight[input] * dy[output];
            }
        }
    });
    dx
}

/// Reorders (k, c, kernel, kernel) to (kernel, kernel, c, k), so that loops run over neighbours,
/// which makes the whole test suite several times faster.
fn by_place(weight: &[f64], c: usize, area: usize) -> Vec<f64> {
    let k = weight.len() / (c * area);
    let from = |i: usize| (i % k * c + i / k % c) * area + i / (k * c);
    (0..weight.len()).map(|i| weight[from(i)]).collect()
}

/// Reorders (k, c, kernel, kernel) to (kernel, kernel, k, c), so that sums over output channels run over neighbours.
fn by_place_turned(weight: &[f64], c: usize, area: usize) -> Vec<f64> {
    let k = weight.len() / (c * area);
    let from = |i: usize| (i / c % k * c + i % c) * area + i / (k * c);
    (0..weight.len()).map(|i| weight[from(i)]).collect()
}

/// The inverse of [`by_place`].
fn by_output(weight: &[f64], c: usize, area: usize) -> Vec<f64> {
    let k = weight.len() / (c * area);
    let from = |i: usize| (i % area * c + i / area % c) * k + i / (area * c);
    (0..weight.len()).map(|i| weight[from(i)]).collect()
}

fn output_shape(x: &Maps, weight: &[f64], kernel: usize, stride: usize) -> Shape {
    let side = |size: usize| (size + 2 * (kernel / 2) - kernel) / stride + 1;
    let k = weight.len() / (x.shape.channels * kernel * kernel);
    Shape::new(side(x.shape.height), side(x.shape.width), k)
}

/// The windows of a batch.
struct Windows {
    /// Shapes of the input and the output.
    shapes: [Shape; 2],
    n: usize,
    kernel: usize,
    stride: usize,
}

impl Windows {
    fn of(x: &Maps, y: &Maps, kernel: usize, stride: usize) -> Self {
        Self { shapes: [x.shape, y.shape], n: x.n, kernel, stride }
    }

    /// Calls `visit` with every tap of the batch, except those on the padding. They are not
    /// collected first, because a large kernel has thousands per pixel.
    fn each_tap(&self, mut visit: impl FnMut(Tap)) {
        let Self { shapes: [x, y], n, kernel, stride } = *self;
        let inside = |out: usize, place: usize, size: usize| {
            (out * stride + place).checked_sub(kernel / 2).filter(|&position| position < size)
        };
        let first_channel = |shape: Shape, n: usize, row: usize, column: usize| {
            ((n * shape.height + row) * shape.width + column) * shape.channels
        };
        for n in 0..n {
            for row in 0..y.height {
                for column in 0..y.width {
                    for place in 0..kernel * kernel {
                        let Some(h) = inside(row, place / kernel, x.height) else { continue };
                        let Some(w) = inside(column, place % kernel, x.width) else { continue };
                        let y = first_channel(y, n, row, column);
                        visit(Tap { y, x: first_channel(x, n, h, w), place });
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random, random_maps};

    fn check(n: usize, shape: Shape, k: usize, kernel: usize, stride: usize) {
        let x = random_maps(n, shape, 1);
        let weight = random(k * shape.channels * kernel * kernel, 2);
        let bias = random(k, 3);
        let y = conv_forward(&x, &weight, Some(&bias), kernel, stride);
        let dy = random_maps(n, y.shape, 4);
        let found = conv_backward(&x, &weight, kernel, stride, &dy);
        let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
            let x = Maps::new(n, shape, x.to_vec());
            dot(&conv_forward(&x, weight, Some(bias), kernel, stride).values, &dy.values)
        };
        expect_gradient("dx", &x.values, &found.dx.values, |x| loss(x, &weight, &bias));
        expect_gradient("dweight", &weight, &found.dweight, |w| loss(&x.values, w, &bias));
        expect_gradient("dbias", &bias, &found.dbias, |b| loss(&x.values, &weight, b));
    }

    #[test]
    fn gradients_are_finite_differences() {
        for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (3, 3), (5, 1), (5, 2), (5, 3)] {
            check(3, Shape::new(5, 7, 3), 2, kernel, stride);
            check(1, Shape::new(6, 4, 1), 3, kernel, stride);
        }
        check(2, Shape::new(1, 2, 2), 2, 5, 1); // the kernel hangs over on both sides
    }

    #[test]
    fn a_small_case_worked_by_hand() {
        // One row 1 2 3; the kernel's middle row is 10 20 30, so y = 20 a + 30 b at the left edge.
        let x = Maps::new(1, Shape::new(1, 3, 1), vec![1.0, 2.0, 3.0]);
        let weight = [9.0, 9.0, 9.0, 10.0, 20.0, 30.0, 9.0, 9.0, 9.0];
        let y = conv_forward(&x, &weight, Some(&[0.5]), 3, 1);
        assert_eq!(y.values, [80.5, 140.5, 80.5]);
        assert_eq!(conv_forward(&x, &weight, None, 3, 2).values, [80.0, 80.0]);
    }
}
