//! Central finite differences, which check every backward function.

use crate::Maps;
use modiste_spec::Shape;
use modiste_spec::random::{Purpose, Stream};

/// Half the distance of the two points; the error is about STEP^2 from the curvature and
/// 1e-16 / STEP from rounding.
const STEP: f64 = 1e-5;
/// Allowed error relative to the gradient's largest value.
const TOLERANCE: f64 = 1e-8;

/// Numbers between -1 and 1.
pub(crate) fn random(count: usize, seed: u64) -> Vec<f64> {
    let stream = Stream::new(seed, Purpose::Bootstrap, 0, 0);
    (0..count as u64).map(|i| 2.0 * stream.unit(i) - 1.0).collect()
}

/// Maps of numbers between -1 and 1.
pub(crate) fn random_maps(n: usize, shape: Shape, seed: u64) -> Maps {
    Maps::new(n, shape, random(n * shape.len(), seed))
}

/// The sum of products: a loss whose gradient with respect to `a` is `b`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Checks every value of `gradient` against the differences of `loss` around `x`.
pub(crate) fn expect_gradient(
    what: &str,
    x: &[f64],
    gradient: &[f64],
    loss: impl Fn(&[f64]) -> f64,
) {
    assert_eq!(x.len(), gradient.len(), "{what} has another size");
    let largest = gradient.iter().fold(1e-3f64, |largest, v| largest.max(v.abs()));
    let mut point = x.to_vec();
    for i in 0..x.len() {
        let [up, down] = [STEP, -STEP].map(|step| {
            point[i] = x[i] + step;
            loss(&point)
        });
        point[i] = x[i];
        let expected = (up - down) / (2.0 * STEP);
        let error = (gradient[i] - expected).abs() / largest;
        assert!(error < TOLERANCE, "{what}[{i}] is {}, the difference {expected}", gradient[i]);
    }
}
