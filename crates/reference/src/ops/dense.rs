//! Fully connected layer with bias on a 1x1 map.

use crate::Maps;
use modiste_spec::Shape;

/// Gradients of a dense layer.
pub struct DenseGradients {
    /// By the input (n, 1, 1, c).
    pub dx: Maps,
    /// By the weights (units, c).
    pub dweight: Vec<f64>,
    /// By the bias (units).
    pub dbias: Vec<f64>,
}

/// (n, 1, 1, c) to (n, 1, 1, units); `weight` is (units, c), `bias` (units).
pub fn dense_forward(x: &Maps, weight: &[f64], bias: &[f64]) -> Maps {
    let (c, units) = (x.shape.channels, bias.len());
    let mut y = Maps::zeros(x.n, Shape::new(1, 1, units));
    for n in 0..x.n {
        for unit in 0..units {
            let row = weight[unit * c..][..c].iter().zip(&x.values[n * c..][..c]);
            y.values[n * units + unit] = bias[unit] + row.map(|(w, x)| w * x).sum::<f64>();
        }
    }
    y
}

/// Gradients by input, weights and bias from `dy` (n, 1, 1, units).
pub fn dense_backward(x: &Maps, weight: &[f64], dy: &Maps) -> DenseGradients {
    let (c, units) = (x.shape.channels, dy.shape.channels);
    let mut dx = Maps::zeros(x.n, x.shape);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; units]);
    for n in 0..x.n {
        for unit in 0..units {
            let dy = dy.values[n * units + unit];
            dbias[unit] += dy;
            for i in 0..c {
                dx.values[n * c + i] += weight[unit * c + i] * dy;
                dweight[unit * c + i] += x.values[n * c + i] * dy;
            }
        }
    }
    DenseGradients { dx, dweight, dbias }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random, random_maps};

    #[test]
    fn gradients_are_finite_differences() {
        for (n, c, units) in [(1, 3, 5), (3, 7, 2), (2, 1, 1)] {
            let shape = Shape::new(1, 1, c);
            let x = random_maps(n, shape, 1);
            let (weight, bias) = (random(units * c, 2), random(units, 3));
            let dy = random_maps(n, Shape::new(1, 1, units), 4);
            let found = dense_backward(&x, &weight, &dy);
            let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
                let x = Maps::new(n, shape, x.to_vec());
                dot(&dense_forward(&x, weight, bias).values, &dy.values)
            };
            expect_gradient("dx", &x.values, &found.dx.values, |x| loss(x, &weight, &bias));
            expect_gradient("dweight", &weight, &found.dweight, |w| loss(&x.values, w, &bias));
            expect_gradient("dbias", &bias, &found.dbias, |b| loss(&x.values, &weight, b));
        }
    }
}
