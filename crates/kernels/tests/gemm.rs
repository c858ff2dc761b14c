//! Compares the matrix product on every instruction set with a sum in f64.

mod common;

use common::{Guarded, check_bits, check_close, exact, instruction_sets, numbers, whole_numbers};
use modiste_kernels::gemm::{Strided, gemm, gemm_ahead};
use modiste_kernels::isa::Isa;

/// Tolerance relative to the largest value: sums of at most 100 products, each rounded once or twice.
const TOLERANCE: f64 = 4e-6;

/// The largest size tested; each product takes its operands from the corner of these matrices.
const MOST: (usize, usize, usize) = (33, 96, 100);

/// The operands in f64: A (33, 100), B (100, 96) and C (33, 96) before the product.
struct Operands {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Operands {
    fn new(draw: impl Fn(usize, u32) -> Vec<f32>) -> Self {
        let (m, n, k) = MOST;
        Self { a: draw(m * k, 1), b: draw(k * n, 2), c: draw(m * n, 3) }
    }

    /// A (m, k) with gaps of 3 values between rows, or its transpose.
    fn left(&self, (m, k): (usize, usize), transposed: bool) -> Guarded {
        let at = |i, p| self.a[i * MOST.2 + p];
        let values: Vec<f32> = match transposed {
            false => (0..m).flat_map(|i| (0..k).map(move |p| at(i, p))).collect(),
            true => (0..k).flat_map(|p| (0..m).map(move |i| at(i, p))).collect(),
        };
        let (rows, columns) = if transposed { (k, m) } else { (m, k) };
        Guarded::of((rows, 1, columns, columns + 3), &values)
    }

    fn corner(values: &[f32], (rows, columns): (usize, usize), stride: usize) -> Guarded {
        let values: Vec<f32> = values
            .chunks_exact(MOST.1)
            .take(rows)
            .flat_map(|row| &row[..columns])
            .copied()
            .collect();
        Guarded::of((rows, 1, columns, stride), &values)
    }

    fn product(
        &self,
        isa: Isa,
        size: (usize, usize, usize),
        transposed: bool,
        add: bool,
    ) -> Vec<f32> {
        let (m, n, k) = size;
        let a = (k > 0).then(|| self.left((m, k), transposed));
        let (row, column) = if transposed { (1, m + 3) } else { (k + 3, 1) };
        let left = Strided { values: a.as_ref().map_or(&[], |a| a.slice()), row, column };
        let b = (k > 0).then(|| Self::corner(&self.b, (k, n), n + 5));
        let mut c = match add {
            true => Self::corner(&self.c, (m, n), n + 7),
            false => Guarded::empty(m, 1, n, n + 7),
        };
        let right = b.as_ref().map_or(&[][..], |b| b.slice());
        gemm(isa, size, left, right, n + 5, c.slice_mut(), n + 7, add);
        c.written()
    }

    /// The sum over k in f64.
    fn reference_gemm(&self, (m, n, k): (usize, usize, usize), add: bool) -> Vec<f64> {
        let mut c = vec![0.0; m * n];
        for i in 0..m {
            let c = &mut c[i * n..][..n];
            if add {
                c.copy_from_slice(&exact(&self.c[i * MOST.1..][..n]));
            }
            for p in 0..k {
                let a = f64::from(self.a[i * MOST.2 + p]);
                for j in 0..n {
                    c[j] += a * f64::from(self.b[p * MOST.1 + j]);
                }
            }
        }
        c
    }

    fn check(&self, sets: &[Isa], size: (usize, usize, usize)) {
        for add in [false, true] {
            let want = self.reference_gemm(size, add);
            for &isa in sets {
                for transposed in [false, true] {
                    let got = self.product(isa, size, transposed, add);
                    let what = format!("{} {size:?} {transposed} {add}", isa.name());
                    check_close(&what, &got, &want, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn every_height_and_width_agrees_with_f64() {
    let (sets, operands) = (instruction_sets(), Operands::new(numbers));
    for m in 1..=33 {
        for n in (16..=96).step_by(16) {
            [0, 1, 2, 5, 37, 100].iter().for_each(|&k| operands.check(&sets, (m, n, k)));
        }
    }
}

#[test]
fn every_depth_agrees_with_f64() {
    let (sets, operands) = (instruction_sets(), Operands::new(numbers));
    for k in 0..=100 {
        [(1, 16), (7, 80), (13, 48)].iter().for_each(|&(m, n)| operands.check(&sets, (m, n, k)));
    }
}

#[test]
fn whole_numbers_multiply_exactly() {
    let operands = Operands::new(|n, seed| whole_numbers(n, 9, seed));
    for isa in instruction_sets() {
        for (size, add) in [((33, 96, 100), false), ((14, 64, 31), true), ((5, 80, 0), true)] {
            let want = operands.reference_gemm(size, add);
            check_close(isa.name(), &operands.product(isa, size, false, add), &want, 0.0);
        }
    }
}

#[test]
fn identity_gives_the_right_operand_exactly() {
    let (m, n) = (21, 48);
    let mut identity = vec![0.0; m * m];
    (0..m).for_each(|i| identity[i * m + i] = 1.0);
    let b = numbers(m * n, 4);
    for isa in instruction_sets() {
        let mut c = Guarded::empty(m, 1, n, n);
        let a = Strided { values: &identity, row: m, column: 1 };
        gemm(isa, (m, n, m), a, &b, n, c.slice_mut(), n, false);
        check_bits(isa.name(), &c.written(), &b);
    }
}

/// Each value is summed over k in order, so it does not depend on neighbouring rows and columns.
#[test]
fn a_value_has_the_same_bits_in_any_product() {
    let operands = Operands::new(numbers);
    let k = 73;
    for isa in instruction_sets() {
        for add in [false, true] {
            let whole = operands.product(isa, (33, 96, k), false, add);
            for (m, n) in (1..=33).flat_map(|m| [16, 48, 80].map(|n| (m, n))) {
                let corner: Vec<f32> =
                    whole.chunks_exact(96).take(m).flat_map(|row| &row[..n]).copied().collect();
                for transposed in [false, true] {
                    let got = operands.product(isa, (m, n, k), transposed, add);
                    check_bits(&format!("{} ({m}, {n})", isa.name()), &got, &corner);
                }
            }
        }
    }
}

#[test]
fn rows_computed_one_by_one_have_the_same_bits() {
    let (m, n, k) = (29, 64, 55);
    let (a, b) = (numbers(m * k, 5), numbers(k * n, 6));
    for isa in instruction_sets() {
        let product = |rows: &[f32], m| {
            let mut c = vec![f32::NAN; m * n];
            gemm(
                isa,
                (m, n, k),
                Strided { values: rows, row: k, column: 1 },
                &b,
                n,
                &mut c,
                n,
                false,
            );
            c
        };
        let rows: Vec<f32> = a.chunks_exact(k).flat_map(|row| product(row, 1)).collect();
        check_bits(isa.name(), &product(&a, m), &rows);
    }
}

#[test]
fn empty_products_touch_nothing() {
    for isa in instruction_sets() {
        let nothing = Strided { values: &[], row: 0, column: 0 };
        let mut c = Guarded::empty(3, 1, 16, 16);
        gemm(isa, (0, 16, 4), nothing, &[], 16, c.slice_mut(), 16, false);
        gemm(isa, (3, 0, 4), nothing, &[], 16, c.slice_mut(), 16, false);
        assert!(c.written().iter().all(|v| v.is_nan()));
        gemm(isa, (3, 16, 0), nothing, &[], 16, c.slice_mut(), 16, false);
        assert!(c.written().iter().all(|&v| v == 0.0));
    }
}

/// Computes a product (4, 16, 8) with slices of these lengths and this row stride of C.
fn sized((a, b, c): (usize, usize, usize), c_row: usize) {
    let (a, b, mut c) = (vec![0.0; a], vec![0.0; b], vec![0.0; c]);
    let a = Strided { values: &a, row: 8, column: 1 };
    gemm(Isa::best(), (4, 16, 8), a, &b, 16, &mut c, c_row, false);
}

#[test]
fn exact_sizes_are_accepted() {
    sized((32, 128, 64), 16);
}

#[test]
#[should_panic(expected = "no multiple of 16")]
fn columns_must_fill_lanes() {
    let a = Strided { values: &[1.0], row: 1, column: 1 };
    gemm(Isa::best(), (1, 17, 1), a, &[0.0; 17], 17, &mut [0.0; 17], 17, false);
}

#[test]
#[should_panic(expected = "A (4, 8) ends at 31 of 31")]
fn a_must_lie_within_its_slice() {
    sized((31, 128, 64), 16);
}

#[test]
#[should_panic(expected = "B (8, 16) with row stride 16 in 127")]
fn b_must_lie_within_its_slice() {
    sized((32, 127, 64), 16);
}

#[test]
#[should_panic(expected = "C (4, 16) with row stride 16 in 63")]
fn c_must_lie_within_its_slice() {
    sized((32, 128, 63), 16);
}

#[test]
#[should_panic(expected = "rows of C overlap")]
fn rows_of_c_must_not_overlap() {
    sized((32, 128, 64), 15);
}

/// This stride wraps around to -16, so the last row of C would end where the first begins.
#[test]
#[should_panic(expected = "fits the address space")]
fn strides_do_not_wrap_around_the_address_space() {
    let mut c = Guarded::empty(3, 1, 16, 16);
    let a = Strided { values: &[1.0; 2], row: 1, column: 1 };
    let upper = &mut c.slice_mut()[16..];
    gemm(Isa::best(), (2, 16, 1), a, &[1.0; 16], 16, upper, usize::MAX - 15, false);
}

#[test]
fn prefetching_changes_nothing() {
    let (m, n, k) = (17, 48, 33);
    let (a, b, next) = (numbers(m * k, 1), numbers(k * n, 2), numbers(5000, 3));
    for isa in instruction_sets() {
        let left = Strided { values: &a, row: k, column: 1 };
        let [mut plain, mut ahead] = [vec![0.0; m * n], vec![0.0; m * n]];
        gemm(isa, (m, n, k), left, &b, n, &mut plain, n, false);
        for next in [&next[..], &next[..7], &[]] {
            gemm_ahead(isa, (m, n, k), left, &b, n, &mut ahead, n, next);
            check_bits(isa.name(), &ahead, &plain);
        }
    }
}
