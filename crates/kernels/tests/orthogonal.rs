//! Compares the nearest orthogonal matrix on every instruction set with f64.

mod common;

use common::{check_bits, check_close, exact, instruction_sets, numbers};
use modiste_kernels::orthogonal::{NewtonSchulz, orthogonalise, scratch_len};

const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
const LEAST: f64 = 1e-7;

fn by(iterations: usize) -> NewtonSchulz {
    let coefficients = COEFFICIENTS.map(|c| c as f32);
    NewtonSchulz { iterations, coefficients, least: LEAST as f32 }
}

/// The product of matrices (m, k) and (k, n) by definition.
fn product((m, k, n): (usize, usize, usize), a: &[f64], b: &[f64]) -> Vec<f64> {
    let value = |i: usize, j: usize| (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
    (0..m * n).map(|at| value(at / n, at % n)).collect()
}

/// X <- a X + (b A + c A A) X with A = X X^T.
fn expected(iterations: usize, (rows, columns): (usize, usize), x: &[f64]) -> Vec<f64> {
    let [a, b, c] = COEFFICIENTS;
    let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt().max(LEAST);
    let mut x: Vec<f64> = x.iter().map(|v| v / norm).collect();
    for _ in 0..iterations {
        let turned: Vec<f64> = (0..x.len()).map(|at| x[at % rows * columns + at / rows]).collect();
        let gram = product((rows, columns, rows), &x, &turned);
        let square = product((rows, rows, rows), &gram, &gram);
        let both: Vec<f64> = gram.iter().zip(&square).map(|(g, s)| b * g + c * s).collect();
        let moved = product((rows, rows, columns), &both, &x);
        x = x.iter().zip(&moved).map(|(x, moved)| a * x + moved).collect();
    }
    x
}

#[test]
fn matrices_of_all_shapes_agree_with_f64() {
    for (rows, columns) in [(1, 16), (9, 16), (16, 16), (144, 48), (16, 80), (27, 32), (33, 160)] {
        for iterations in [1, 5] {
            let x = numbers(rows * columns, 3);
            let want = expected(iterations, (rows, columns), &exact(&x));
            for isa in instruction_sets() {
                let mut scratch = vec![f32::NAN; scratch_len((rows, columns))];
                let mut got = x.clone();
                orthogonalise(isa, (rows, columns), by(iterations), &mut got, &mut scratch);
                let what = format!("{} {rows} x {columns}, {iterations}", isa.name());
                check_close(&what, &got, &want, 2e-5);
            }
        }
    }
}

/// Padded channels must stay zero.
#[test]
fn rows_and_columns_of_zeros_stay_zeros() {
    let (rows, columns) = (24, 32);
    let padding = |at: usize| at / columns % 8 == 7 || at % columns >= 20;
    let values = numbers(rows * columns, 4);
    let x: Vec<f32> =
        values.iter().enumerate().map(|(at, &v)| if padding(at) { 0.0 } else { v }).collect();
    for isa in instruction_sets() {
        let mut scratch = vec![f32::NAN; scratch_len((rows, columns))];
        let mut got = x.clone();
        orthogonalise(isa, (rows, columns), by(5), &mut got, &mut scratch);
        assert!(got.iter().enumerate().all(|(at, &v)| !padding(at) || v == 0.0), "{}", isa.name());
        assert!(got.iter().any(|&v| v != 0.0));
    }
}

#[test]
fn a_matrix_of_zeros_stays_zero() {
    for isa in instruction_sets() {
        let (mut x, mut scratch) = (vec![0.0; 256], vec![0.0; scratch_len((16, 16))]);
        orthogonalise(isa, (16, 16), by(5), &mut x, &mut scratch);
        check_bits("zeros", &x, &[0.0; 256]);
    }
}
