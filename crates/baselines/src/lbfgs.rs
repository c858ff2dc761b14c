//! The minimum of a smooth convex function by the limited-memory BFGS method (Nocedal and Wright:
//! "Numerical optimization", 2006, algorithm 7.4).

use std::collections::VecDeque;

use crate::BaselineError;

/// Number of steps remembered, as in scikit-learn.
const MEMORY: usize = 10;
/// A step is accepted if it reduces the slope along its direction below this fraction.
const FLATTER: f64 = 0.9;
/// Relative error from rounding; function values are sums of many `f32` results.
const ROUNDING: f64 = 1e-6;
/// Largest number of lengths tried for one step.
const TRIALS: usize = 40;

/// A point with the function's value and gradient there.
#[derive(Clone)]
pub(crate) struct Point {
    pub at: Vec<f64>,
    pub value: f64,
    pub gradient: Vec<f64>,
}

/// A function: value and gradient at a point.
pub(crate) type Function<'a> = dyn FnMut(&[f64]) -> Result<(f64, Vec<f64>), BaselineError> + 'a;

/// Walks from `start` until no component of the gradient exceeds `tolerance`. Returns the point and
/// the number of steps, or `None` after `most` steps. Calls `step` with the number of each step.
pub(crate) fn minimise(
    function: &mut Function<'_>,
    start: Vec<f64>,
    tolerance: f64,
    most: usize,
    step: &mut dyn FnMut(usize),
) -> Result<Option<(Point, usize)>, BaselineError> {
    let (value, gradient) = function(&start)?;
    let mut here = Point { at: start, value, gradient };
    // The changes of the point and of the gradient in each remembered step.
    let mut memory: VecDeque<[Vec<f64>; 2]> = VecDeque::new();
    for steps in 0..=most {
        if here.gradient.iter().all(|g| g.abs() <= tolerance) {
            return Ok(Some((here, steps)));
        }
        let direction = direction(&here.gradient, &memory);
        let first = if memory.is_empty() { 1.0 / norm(&here.gradient) } else { 1.0 };
        let Some(next) = search(function, &here, &direction, first)? else { return Ok(None) };
        let changes = [difference(&next.at, &here.at), difference(&next.gradient, &here.gradient)];
        if dot(&changes[0], &changes[1]) > 0.0 {
            memory.push_back(changes);
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        here = next;
        step(steps + 1);
    }
    Ok(None)
}

/// Minus the inverse Hessian, as approximated by the memory, times the gradient.
fn direction(gradient: &[f64], memory: &VecDeque<[Vec<f64>; 2]>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut parts = Vec::new();
    for [moved, turned] in memory.iter().rev() {
        let part = dot(moved, &direction) / dot(moved, turned);
        add(&mut direction, -part, turned);
        parts.push(part);
    }
    if let Some([moved, turned]) = memory.back() {
        let scale = dot(moved, turned) / dot(turned, turned);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ([moved, turned], part) in memory.iter().zip(parts.into_iter().rev()) {
        let other = dot(turned, &direction) / dot(moved, turned);
        add(&mut direction, part - other, moved);
    }
    direction
}

/// A point along `direction` where the slope is flatter and the value not higher. The function is
/// convex, so its slope grows along the way and may be bisected.
fn search(
    function: &mut Function<'_>,
    here: &Point,
    direction: &[f64],
    first: f64,
) -> Result<Option<Point>, BaselineError> {
    let slope = dot(&here.gradient, direction);
    let (mut short, mut long, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..TRIALS {
        let mut at = here.at.clone();
        add(&mut at, length, direction);
        let (value, gradient) = function(&at)?;
        let there = dot(&gradient, direction);
        let higher = value > here.value + ROUNDING * here.value.abs();
        if higher || there > FLATTER * slope.abs() {
            long = length;
        } else if there < -FLATTER * slope.abs() {
            short = length;
        } else {
            return Ok(Some(Point { at, value, gradient }));
        }
        length = if long.is_finite() { (short + long) / 2.0 } else { 2.0 * length };
    }
    Ok(None)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// a += factor b
fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sum_i i (x_i - i)^2 + (x_i - i)^4: the minimum is known and badly scaled.
    fn valley(x: &[f64]) -> Result<(f64, Vec<f64>), BaselineError> {
        let part = |(i, x): (usize, &f64)| {
            let (i, d) = ((i + 1) as f64, x - (i + 1) as f64);
            (i * i * d * d + d.powi(4), 2.0 * i * i * d + 4.0 * d.powi(3))
        };
        let (values, gradient): (Vec<f64>, Vec<f64>) = x.iter().enumerate().map(part).unzip();
        Ok((values.iter().sum(), gradient))
    }

    #[test]
    fn a_known_minimum_is_found() {
        let mut told = 0;
        let found = minimise(&mut valley, vec![-3.0; 40], 1e-6, 500, &mut |step| told = step);
        let (point, steps) = found.unwrap().unwrap();
        assert!(steps == told && steps > 5, "{steps}");
        for (i, x) in point.at.iter().enumerate() {
            assert!((x - (i + 1) as f64).abs() < 1e-6, "{x}");
        }
        let early = minimise(&mut valley, vec![-3.0; 40], 1e-6, 5, &mut |_| {}).unwrap();
        assert!(early.is_none());
    }
}
