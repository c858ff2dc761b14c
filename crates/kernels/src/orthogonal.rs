//! The nearest orthogonal matrix by Newton-Schulz iterations, for the optimiser Muon.

use crate::gemm::{Strided, gemm};
use crate::isa::{Isa, vectorised};
use crate::padded;
use crate::view::ensure_len;

/// Settings of the iteration X <- X (a + b A + c A A) with A = X^T X.
#[derive(Clone, Copy, Debug)]
pub struct NewtonSchulz {
    /// Number of iterations.
    pub iterations: usize,
    /// a, b and c.
    pub coefficients: [f32; 3],
    /// The matrix is first divided by the larger of its Frobenius norm and this.
    pub least: f32,
}

/// Size of the scratch memory, in values, that [`orthogonalise`] needs for a matrix of (rows, columns).
pub fn scratch_len((rows, columns): (usize, usize)) -> usize {
    let (long, short) = tall((rows, columns));
    2 * long * short + 2 * short * short
}

/// Replaces `x` (rows, columns), without padding between rows, by the result of the iteration: rows or
/// columns, whichever are fewer, become nearly orthonormal. Zero rows and columns stay zero.
///
/// # Panics
/// If `x` has the wrong length, or `scratch` is shorter than [`scratch_len`].
pub fn orthogonalise(
    isa: Isa,
    (rows, columns): (usize, usize),
    by: NewtonSchulz,
    x: &mut [f32],
    scratch: &mut [f32],
) {
    ensure_len("matrix", x.len(), rows * columns);
    let shape = tall((rows, columns));
    let (long, short) = shape;
    let scratch = &mut scratch[..scratch_len((rows, columns))];
    let (mut from, rest) = scratch.split_at_mut(long * short);
    let (mut to, rest) = rest.split_at_mut(long * short);
    let (gram, polynomial) = rest.split_at_mut(short * short);
    let mut norm = [0.0];
    frobenius(isa, x, &mut norm);
    let shrink = 1.0 / norm[0].max(by.least);
    load((rows, columns), shape, x, shrink, from);
    for _ in 0..by.iterations {
        let left = Strided { values: from, row: 1, column: short };
        gemm(isa, (short, short, long), left, from, short, gram, short, false);
        let left = Strided { values: gram, row: short, column: 1 };
        gemm(isa, (short, short, short), left, gram, short, polynomial, short, false);
        combine(isa, by.coefficients, gram, polynomial);
        for diagonal in polynomial.iter_mut().step_by(short + 1) {
            *diagonal += by.coefficients[0];
        }
        let left = Strided { values: from, row: short, column: 1 };
        gemm(isa, (long, short, short), left, polynomial, short, to, short, false);
        std::mem::swap(&mut from, &mut to);
    }
    store((rows, columns), shape, from, x);
}

/// The shape in which the matrix is stored: at least as many rows as columns, with columns padded
/// to lanes.
fn tall((rows, columns): (usize, usize)) -> (usize, usize) {
    (rows.max(columns), padded(rows.min(columns)))
}

/// Copies `x`, times `factor`, transposed if it is wide.
fn load(
    (rows, columns): (usize, usize),
    (_, short): (usize, usize),
    x: &[f32],
    factor: f32,
    to: &mut [f32],
) {
    to.fill(0.0);
    for (row, values) in x.chunks_exact(columns).enumerate() {
        let (first, step) = if rows >= columns { (row * short, 1) } else { (row, short) };
        for (to, value) in to[first..].iter_mut().step_by(step).zip(values) {
            *to = value * factor;
        }
    }
}

/// The inverse of [`load`] for a factor of 1.
fn store((rows, columns): (usize, usize), (_, short): (usize, usize), from: &[f32], x: &mut [f32]) {
    for (row, values) in x.chunks_exact_mut(columns).enumerate() {
        let (first, step) = if rows >= columns { (row * short, 1) } else { (row, short) };
        for (value, from) in values.iter_mut().zip(from[first..].iter().step_by(step)) {
            *value = *from;
        }
    }
}

vectorised! {
    /// polynomial = b gram + c polynomial.
    fn combine(coefficients: [f32; 3], gram: &[f32], polynomial: &mut [f32]) {
        let [_, b, c] = coefficients;
        for (to, from) in polynomial.iter_mut().zip(gram) {
            *to = b * from + c * *to;
        }
    }
}

vectorised! {
    /// The root of the sum of all squares, summed in 16 columns for every instruction set.
    fn frobenius(x: &[f32], norm: &mut [f32; 1]) {
        let mut sums = [0.0f32; 16];
        for chunk in x.chunks(16) {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value * value;
            }
        }
        norm[0] = sums.iter().sum::<f32>().sqrt();
    }
}
