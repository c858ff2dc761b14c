//! Transforms filters to the frequencies, and their gradients back.

use super::{FREQUENCIES, WINDOW, array, lines};
use crate::LANES;
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{ensure_len, product, span};

/// G g G' of every pair of channels: `filter` is (9, values), `out` (36, values).
pub fn transform_filter(isa: Isa, filter: &[f32], out: &mut [f32]) {
    let values = values(filter, out);
    isa.run(TransformFilter { filter, values, out });
}

/// G' u G, for gradients: `frequencies` is (36, values), `out` holds nine planes that are `plane`
/// apart, of which the first `values` are written.
pub fn transform_filter_gradient(isa: Isa, frequencies: &[f32], out: &mut [f32], plane: usize) {
    let values = frequencies.len() / FREQUENCIES;
    let lanes = frequencies.len().is_multiple_of(FREQUENCIES * LANES);
    assert!(lanes, "{} frequencies in lanes of {LANES}", frequencies.len());
    assert!(plane >= values, "planes of {values} values that are {plane} apart overlap");
    let end = span(9, plane, values);
    assert!(end <= out.len(), "a filter's gradient of {end} values in {}", out.len());
    isa.run(TransformFilterGradient { frequencies, values, out, plane });
}

/// Number of pairs of channels of a filter; panics unless it is a multiple of the lanes and there are 36
/// values for each in the frequencies.
fn values(filter: &[f32], frequencies: &[f32]) -> usize {
    let values = filter.len() / 9;
    let lanes = filter.len().is_multiple_of(9 * LANES);
    assert!(lanes, "{} values of a 3x3 filter in lanes of {LANES}", filter.len());
    ensure_len("frequencies", frequencies.len(), product([FREQUENCIES, values]));
    values
}

struct TransformFilter<'a> {
    filter: &'a [f32],
    values: usize,
    out: &'a mut [f32],
}

impl Kernel for TransformFilter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for v in (0..self.values).step_by(S::WIDTH) {
            let half = array!(j in 3 => lines::filter(simd, array!(i in 3 => {
                // SAFETY: `transform_filter` checked that nine planes are there.
                unsafe { simd.load(self.filter.as_ptr().add((i * 3 + j) * self.values + v)) }
            })));
            for i in 0..WINDOW {
                let line = lines::filter(simd, array!(j in 3 => half[j][i]));
                for j in 0..WINDOW {
                    let at = (i * WINDOW + j) * self.values + v;
                    // SAFETY: `transform_filter` checked that 36 planes are there.
                    unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                }
            }
        }
    }
}

struct TransformFilterGradient<'a> {
    frequencies: &'a [f32],
    values: usize,
    out: &'a mut [f32],
    plane: usize,
}

impl Kernel for TransformFilterGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for v in (0..self.values).step_by(S::WIDTH) {
            let half = array!(j in 6 => lines::filter_gradient(simd, array!(i in 6 => {
                let at = (i * WINDOW + j) * self.values + v;
                // SAFETY: `transform_filter_gradient` checked that 36 planes are there.
                unsafe { simd.load(self.frequencies.as_ptr().add(at)) }
            })));
            for i in 0..3 {
                let line = lines::filter_gradient(simd, array!(j in 6 => half[j][i]));
                for j in 0..3 {
                    let at = (i * 3 + j) * self.plane + v;
                    // SAFETY: `transform_filter_gradient` checked that nine planes are there.
                    unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                }
            }
        }
    }
}
