//! Small and medium-sized matrix products, all computed by one micro-kernel.
//!
//! Nothing is packed: the right-hand matrix has unit column stride and is small enough for the
//! first- or second-level cache; the left-hand one is read one value at a time, so it may be
//! transposed at no cost. This covers the three products of a convolution: forward and gradient of
//! the input (rows of pixels or tiles times weights) and gradient of the weights (rows transposed).

use crate::LANES;
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{product, span};

/// A left-hand matrix: element (i, p) is at `i * row + p * column`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The values.
    pub values: &'a [f32],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub column: usize,
}

/// C (m, n) = A (m, k) x B (k, n), or C += A x B if `accumulate`.
///
/// B and C have row strides `b_row` and `c_row` and adjacent columns; `n` is a multiple of
/// [`LANES`]. Each value of C is summed over k in order, whatever m and n.
///
/// # Panics
/// If a matrix exceeds its slice.
pub fn gemm(
    isa: Isa,
    (m, n, k): (usize, usize, usize),
    a: Strided<'_>,
    b: &[f32],
    b_row: usize,
    c: &mut [f32],
    c_row: usize,
    accumulate: bool,
) {
    ensure_sizes((m, n, k), a, b.len(), b_row, c.len(), c_row);
    if m > 0 && n > 0 {
        let ahead = PrefetchRange::of(&b[..0]);
        isa.run(Gemm { m, n, k, a, b, b_row, c, c_row, accumulate, ahead });
    }
}

/// C = A x B like [`gemm`], while `ahead` (such as the next product's B) is prefetched into the
/// second-level cache: a filter must be loaded from farther away once per block of tiles.
pub fn gemm_ahead(
    isa: Isa,
    (m, n, k): (usize, usize, usize),
    a: Strided<'_>,
    b: &[f32],
    b_row: usize,
    c: &mut [f32],
    c_row: usize,
    ahead: &[f32],
) {
    ensure_sizes((m, n, k), a, b.len(), b_row, c.len(), c_row);
    if m > 0 && n > 0 {
        isa.run(Gemm {
            m,
            n,
            k,
            a,
            b,
            b_row,
            c,
            c_row,
            accumulate: false,
            ahead: PrefetchRange::of(ahead),
        });
    }
}

/// Memory to prefetch: the next address and the end. It is never dereferenced.
struct PrefetchRange {
    next: *const f32,
    end: *const f32,
}

impl PrefetchRange {
    fn of(values: &[f32]) -> Self {
        let range = values.as_ptr_range();
        Self { next: range.start, end: range.end }
    }
}

/// Values per cache line.
const LINE: usize = 16;

/// Asserts the micro-kernel's limits.
fn ensure_sizes(
    (m, n, k): (usize, usize, usize),
    a: Strided<'_>,
    b_len: usize,
    b_row: usize,
    c_len: usize,
    c_row: usize,
) {
    assert!(n.is_multiple_of(LANES), "{n} columns are no multiple of {LANES}");
    if m == 0 || n == 0 {
        return;
    }
    assert!(span(m, c_row, n) <= c_len, "C ({m}, {n}) with row stride {c_row} in {c_len}");
    assert!(m == 1 || c_row >= n, "rows of C overlap");
    if k > 0 {
        let last = span(m, a.row, product([k - 1, a.column]));
        assert!(last < a.values.len(), "A ({m}, {k}) ends at {last} of {}", a.values.len());
        assert!(span(k, b_row, n) <= b_len, "B ({k}, {n}) with row stride {b_row} in {b_len}");
    }
}

struct Gemm<'a> {
    m: usize,
    n: usize,
    k: usize,
    a: Strided<'a>,
    b: &'a [f32],
    b_row: usize,
    c: &'a mut [f32],
    c_row: usize,
    accumulate: bool,
    ahead: PrefetchRange,
}

impl Kernel for Gemm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let vectors = self.n / S::WIDTH;
        let most = S::GEMM_ROWS.len();
        // Nearly equal groups: 5 registers become 3 + 2, not 4 + 1.
        let groups = vectors.div_ceil(most);
        let mut first = 0;
        for group in 0..groups {
            let count = (vectors - first).div_ceil(groups - group);
            match count {
                1 => self.columns::<S, 1>(simd, first),
                2 => self.columns::<S, 2>(simd, first),
                3 => self.columns::<S, 3>(simd, first),
                4 => self.columns::<S, 4>(simd, first),
                _ => unreachable!("at most 4 registers a row"),
            }
            first += count;
        }
    }
}

impl Gemm<'_> {
    /// Computes all rows of `NV` registers of columns.
    #[inline(always)]
    fn columns<S: Simd, const NV: usize>(&mut self, simd: S, first: usize) {
        let Some(&most) = S::GEMM_ROWS.get(NV - 1) else { return };
        let blocks = self.m.div_ceil(most);
        let mut row = 0;
        for block in 0..blocks {
            let rows = (self.m - row).div_ceil(blocks - block);
            self.rows::<S, NV>(simd, row, rows, first * S::WIDTH);
            row += rows;
        }
    }

    /// Computes `rows` rows from `row` on, with the micro-kernel of that height.
    #[inline(always)]
    fn rows<S: Simd, const NV: usize>(&mut self, simd: S, row: usize, rows: usize, column: usize) {
        macro_rules! of_height {
            ($($height:literal)*) => {
                match rows {
                    // Heights that do not fit into the register file are not compiled in.
                    $($height if $height <= S::GEMM_ROWS[NV - 1] => {
                        self.block::<S, $height, NV>(simd, row, column)
                    })*
                    _ => unreachable!("a block of {rows} rows"),
                }
            };
        }
        of_height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    }

    /// The micro-kernel: an `MR` x `NV` block of registers, summed over k.
    #[inline(always)]
    fn block<S: Simd, const MR: usize, const NV: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
    ) {
        let (a_row, a_column, b_row) = (self.a.row, self.a.column, self.b_row);
        let mut sum = [[simd.splat(0.0); NV]; MR];
        // SAFETY: `ensure_sizes` checked that rows under m, columns under n and terms under k lie
        // within the three slices, and the block lies within m and n. `c` is borrowed mutably, so
        // neither A nor B changes. Pointers step beyond their slice by wrapping arithmetic alone
        // and are not read there; `ahead` is only prefetched.
        unsafe {
            let mut a = self.a.values.as_ptr().wrapping_add(row * a_row);
            let mut b = self.b.as_ptr().wrapping_add(column);
            let mut ahead = self.ahead.next;
            for _ in 0..self.k {
                simd.prefetch(ahead);
                simd.prefetch(ahead.wrapping_add(LINE));
                ahead = ahead.wrapping_add(2 * LINE).min(self.ahead.end);
                let mut right = [simd.splat(0.0); NV];
                for j in 0..NV {
                    right[j] = simd.load(b.add(j * S::WIDTH));
                }
                for i in 0..MR {
                    let left = simd.splat(*a.add(i * a_row));
                    for j in 0..NV {
                        sum[i][j] = simd.fma(left, right[j], sum[i][j]);
                    }
                }
                a = a.wrapping_add(a_column);
                b = b.wrapping_add(b_row);
            }
            self.ahead.next = ahead;
            let c = self.c.as_mut_ptr().add(row * self.c_row + column);
            for i in 0..MR {
                for j in 0..NV {
                    let at = c.add(i * self.c_row + j * S::WIDTH);
                    let old = if self.accumulate { simd.load(at) } else { simd.splat(0.0) };
                    simd.store(
                        at,
                        if self.accumulate { simd.add(old, sum[i][j]) } else { sum[i][j] },
                    );
                }
            }
        }
    }
}
