//! Inner products of rows of bytes. They are exact: a sum of products of bytes is a whole number, so
//! every instruction set gives the same result.

use crate::isa::vectorised;
use crate::view::{ensure_len, product};

/// Number of products of bytes, each at most 255 x 255, summed in signed 32 bits: 33,025 would fit.
const SHORT: usize = 32_768;

vectorised! {
    /// `out[i]` = the sum over p of `x[p] * rows[i * x.len() + p]`; there are as many rows as `out`
    /// is long.
    ///
    /// # Panics
    /// If `rows` has the wrong length.
    pub fn dots(x: &[u8], rows: &[u8], out: &mut [u64]) {
        ensure_len("rows", rows.len(), product([x.len(), out.len()]));
        if x.is_empty() {
            return out.fill(0);
        }
        for (row, out) in rows.chunks_exact(x.len()).zip(out) {
            let mut sum = 0;
            for (x, y) in x.chunks(SHORT).zip(row.chunks(SHORT)) {
                sum += short_dot(x, y) as u64;
            }
            *out = sum;
        }
    }
}

/// The inner product of up to [`SHORT`] bytes.
#[inline(always)]
fn short_dot(x: &[u8], y: &[u8]) -> i32 {
    let mut sum = 0;
    for (&x, &y) in x.iter().zip(y) {
        sum += i32::from(x) * i32::from(y);
    }
    sum
}
