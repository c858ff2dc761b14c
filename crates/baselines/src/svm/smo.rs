//! Sequential minimal optimisation with working sets of second order (Fan, Chen and Lin: "Working set
//! selection using second order information", JMLR 2005), as in LIBSVM, but without shrinking.
//!
//! The unknowns are the coefficients b_i = y_i alpha_i, with y_i = 1 for the first class and -1 for
//! the second. The dual problem is then: minimise b K b / 2 - sum y_i b_i where the sum of all b_i
//! is 0 and each is in [0, C] or [-C, 0]. Its gradient is F_i = sum_j K_ij b_j - y_i, and every
//! step moves an amount from one coefficient to another.

use std::sync::atomic::{AtomicBool, Ordering};

use super::rows::Rows;
use crate::{BaselineError, SvmSettings};

/// Replacement for a curvature that is not positive, as in LIBSVM.
const FLAT: f64 = 1e-12;
/// Number of steps between two checks of whether to stop.
const LOOK: usize = 256;
/// Largest number of steps, as in LIBSVM.
const MOST_STEPS: usize = 10_000_000;

/// The fitted machine of one pair.
#[derive(Debug)]
pub(super) struct Solution {
    /// b, one per image; 0 if it is not a support vector.
    pub coefficients: Vec<f64>,
    /// Threshold for the sum of kernels.
    pub rho: f64,
    pub steps: usize,
}

/// Why a pair has no solution.
pub(super) enum Failure {
    Interrupted,
    TooManySteps,
}

impl Failure {
    pub fn of_pair(self, a: usize, b: usize) -> BaselineError {
        match self {
            Self::Interrupted => BaselineError::Interrupted,
            Self::TooManySteps => BaselineError::NotConverged {
                what: format!("the svm of classes {a} and {b}"),
                steps: MOST_STEPS,
            },
        }
    }
}

/// Solves the problem of the images of `rows`, of which the first `positive` are of the first class.
pub(super) fn solve(
    rows: &mut Rows,
    positive: usize,
    settings: &SvmSettings,
    stop: &AtomicBool,
) -> Result<Solution, Failure> {
    let mut problem = Problem::new(rows.len(), positive, settings.c);
    for steps in 0..MOST_STEPS {
        if steps % LOOK == 0 && stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        let Some((i, j)) = problem.working_set(rows, settings.tolerance) else {
            let rho = problem.rho();
            return Ok(Solution { coefficients: problem.coefficients, rho, steps });
        };
        problem.step(i, j, rows.two(i, j));
    }
    Err(Failure::TooManySteps)
}

struct Problem {
    coefficients: Vec<f64>,
    /// F
    gradient: Vec<f64>,
    /// Images of the first class.
    positive: usize,
    c: f64,
}

impl Problem {
    fn new(n: usize, positive: usize, c: f64) -> Self {
        let gradient = (0..n).map(|i| if i < positive { -1.0 } else { 1.0 }).collect();
        Self { coefficients: vec![0.0; n], gradient, positive, c }
    }

    /// The range of coefficient `i`.
    fn range(&self, i: usize) -> (f64, f64) {
        if i < self.positive { (0.0, self.c) } else { (-self.c, 0.0) }
    }

    /// The coefficient to raise, that of the steepest descent, and the one to lower, which promises
    /// the largest gain together with it. `None` if no pair violates the optimality conditions by
    /// `tolerance`.
    fn working_set(&self, rows: &mut Rows, tolerance: f64) -> Option<(usize, usize)> {
        let (mut raise, mut lowest) = (None, f64::INFINITY);
        let mut highest = f64::NEG_INFINITY;
        for (k, (&b, &f)) in self.coefficients.iter().zip(&self.gradient).enumerate() {
            let (low, high) = self.range(k);
            if b < high && f <= lowest {
                (raise, lowest) = (Some(k), f);
            }
            if b > low {
                highest = highest.max(f);
            }
        }
        let i = raise?;
        if highest - lowest < tolerance {
            return None;
        }
        let row = rows.one(i);
        let (mut lower, mut best) = (None, 0.0);
        for (k, (&b, &f)) in self.coefficients.iter().zip(&self.gradient).enumerate() {
            let slope = f - lowest;
            if b > self.range(k).0 && slope > 0.0 {
                let gain = slope * slope / curvature(row[k]);
                if gain >= best {
                    (lower, best) = (Some(k), gain);
                }
            }
        }
        Some((i, lower?))
    }

    /// Moves the best amount from coefficient `j` to `i`, as far as their ranges allow.
    fn step(&mut self, i: usize, j: usize, [row_i, row_j]: [&[f32]; 2]) {
        let room_i = self.range(i).1 - self.coefficients[i];
        let room_j = self.coefficients[j] - self.range(j).0;
        let free = (self.gradient[j] - self.gradient[i]) / curvature(row_i[j]);
        let amount = free.min(room_i).min(room_j);
        // At the end of its range a coefficient gets exactly that value, so that comparisons detect it.
        self.coefficients[i] =
            if amount == room_i { self.range(i).1 } else { self.coefficients[i] + amount };
        self.coefficients[j] =
            if amount == room_j { self.range(j).0 } else { self.coefficients[j] - amount };
        for (f, (&ki, &kj)) in self.gradient.iter_mut().zip(row_i.iter().zip(row_j)) {
            *f += amount * (f64::from(ki) - f64::from(kj));
        }
    }

    /// The mean of F over coefficients inside their ranges; if there are none, the middle of F's
    /// possible range.
    fn rho(&self) -> f64 {
        let (mut sum, mut free) = (0.0, 0);
        let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
        for (k, (&b, &f)) in self.coefficients.iter().zip(&self.gradient).enumerate() {
            let (low, high) = self.range(k);
            if b > low && b < high {
                sum += f;
                free += 1;
            } else if b < high {
                most = most.min(f);
            } else {
                least = least.max(f);
            }
        }
        if free > 0 { sum / f64::from(free) } else { (least + most) / 2.0 }
    }
}

/// K_ii + K_jj - 2 K_ij, where a kernel of an image with itself is 1.
fn curvature(kernel: f32) -> f64 {
    let curvature = 2.0 - 2.0 * f64::from(kernel);
    if curvature > 0.0 { curvature } else { FLAT }
}
