//! Transforms to and from the frequencies, for the backward pass.

use super::rows::{IntoFrequencies, Source, load};
use super::{Block, CHANNELS, COLUMN, Row, TILE, WINDOW, array, by_shape, left_out, lines, parts};
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{Gradient, Map, MapMut, NormGradient, carry_back};

/// A dY A' of each tile of map `index` of a block.
pub fn transform_gradient(
    isa: Isa,
    gradient: Gradient<'_>,
    (block, index): (&Block, usize),
    out: &mut [f32],
    scratch: &mut [f32],
) {
    let map = gradient.map;
    block.ensure(index, map.width, map.channels, out.len());
    block.ensure_scratch(scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    gradient.ensure();
    isa.run(IntoFrequencies { source: gradient, block, index, out, scratch });
}

/// B q B' of each tile of map `index` of a block, added up where windows overlap; written to (or, if
/// `accumulate`, added to) the whole map.
///
/// Blocks of one map's tile rows must come in ascending order: the first to reach a pixel writes it, the
/// others add to it.
pub fn transform_input_gradient(
    isa: Isa,
    frequencies: &[f32],
    (block, index): (&Block, usize),
    map: MapMut<'_>,
    accumulate: bool,
    scratch: &mut [f32],
) {
    block.ensure(index, map.width, map.channels, frequencies.len());
    block.ensure_scratch(scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    map.ensure();
    isa.run(TransformInputGradient { frequencies, block, index, map, accumulate, scratch });
}

impl Source for Gradient<'_> {
    const SIDE: usize = TILE;
    const BORDER: usize = 0;
    type Lane<S: Simd> = ([S::V; 3], [S::V; 2]);

    #[inline(always)]
    fn map(&self) -> Map<'_> {
        self.map
    }

    #[inline(always)]
    fn plain(&self) -> bool {
        self.norm.is_none()
    }

    #[inline(always)]
    unsafe fn lane<S: Simd>(&self, simd: S, c: usize) -> Self::Lane<S> {
        match &self.norm {
            // SAFETY: the caller vouches for the channels (`Gradient::ensure`).
            Some(norm) => unsafe { (norm.activation.of(simd, c), norm.of(simd, c)) },
            None => ([simd.splat(0.0); 3], [simd.splat(0.0); 2]),
        }
    }

    #[inline(always)]
    unsafe fn load<S: Simd, const PLAIN: bool>(
        &self,
        simd: S,
        (activation, line): Self::Lane<S>,
        pixel: usize,
        c: usize,
    ) -> S::V {
        // SAFETY: the caller vouches for the pixel, which both maps have within their slices
        // (`Gradient::ensure`).
        unsafe {
            let da = simd.load(self.map.values.as_ptr().add(pixel * self.map.stride + c));
            match &self.norm {
                Some(NormGradient { z, .. }) if !PLAIN => {
                    let z = simd.load(z.values.as_ptr().add(pixel * z.stride + c));
                    carry_back(simd, activation, line, (da, z))
                }
                _ => da,
            }
        }
    }

    #[inline(always)]
    fn line<S: Simd, const SHORT: bool>(simd: S, values: [S::V; WINDOW]) -> [S::V; WINDOW] {
        lines::output_gradient::<S, SHORT>(simd, array!(i in 4 => values[i]))
    }
}

struct TransformInputGradient<'a> {
    frequencies: &'a [f32],
    block: &'a Block,
    index: usize,
    map: MapMut<'a>,
    accumulate: bool,
    scratch: &'a mut [f32],
}

impl Kernel for TransformInputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in self.block.rows_of(self.index) {
            for part in parts(self.map.channels) {
                for (tile, x, short) in row.tiles() {
                    by_shape!((row.short, short), self.tile::<S>(simd, tile, x, part));
                }
                match row.short {
                    false => self.columns::<S, false>(simd, row, part),
                    true => self.columns::<S, true>(simd, row, part),
                }
            }
        }
    }
}

impl TransformInputGradient<'_> {
    /// Transforms a tile's columns; the first two are shared with the previous tile.
    #[inline(always)]
    fn tile<S: Simd, const SHORT_ROW: bool, const SHORT_COLUMN: bool>(
        &mut self,
        simd: S,
        tile: usize,
        x: usize,
        (first, count): (usize, usize),
    ) {
        let plane = self.block.plane(self.map.channels);
        for c in (0..count).step_by(S::WIDTH) {
            for i in 0..WINDOW {
                if SHORT_ROW && left_out(i) {
                    continue;
                }
                // SAFETY: `Block::ensure` checked the sizes of `frequencies` and the scratch memory.
                unsafe {
                    let at = i * WINDOW * plane + tile * self.map.channels + first + c;
                    let from = self.frequencies.as_ptr().add(at);
                    let line = load::<S, SHORT_COLUMN>(simd, from, plane);
                    let line = lines::input_gradient::<S, SHORT_COLUMN>(simd, line);
                    let to = self.scratch.as_mut_ptr().add(x * COLUMN + i * CHANNELS + c);
                    for j in 0..WINDOW {
                        let to = to.add(j * COLUMN);
                        let shared = j < 2 && x > 0;
                        let value = if shared { simd.add(simd.load(to), line[j]) } else { line[j] };
                        simd.store(to, value);
                    }
                }
            }
        }
    }

    /// Transforms the columns of a tile row to the map; the first two rows are shared with the
    /// previous tile row.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let MapMut { height, width, stride, .. } = self.map;
        // Padded rows and columns begin one before the map.
        let y0 = row.row * TILE;
        let shared = if self.accumulate { WINDOW } else { 2 * usize::from(row.row > 0) };
        let vectors = |x| (0..count).step_by(S::WIDTH).map(move |c| (x, c));
        for (x, c) in (0..width).flat_map(vectors) {
            // SAFETY: `Block::ensure` checked the size of the scratch memory; the pixel lies inside
            // the map, the map inside its slice.
            unsafe {
                let from = self.scratch.as_ptr().add((x + 1) * COLUMN + c);
                let column = load::<S, SHORT>(simd, from, CHANNELS);
                let line = lines::input_gradient::<S, SHORT>(simd, column);
                for i in 0..WINDOW {
                    if 1 <= y0 + i && y0 + i <= height {
                        let at = ((y0 + i - 1) * width + x) * stride + first + c;
                        let at = self.map.values.as_mut_ptr().add(at);
                        let value =
                            if i < shared { simd.add(simd.load(at), line[i]) } else { line[i] };
                        simd.store(at, value);
                    }
                }
            }
        }
    }
}
