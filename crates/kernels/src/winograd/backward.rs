//! Into the frequencies and out of them, backwards.

use super::forward::vectors;
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
    block.ensure(index, map.width, map.channels, out.len(), scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    gradient.ensure();
    isa.run(TransformGradient { gradient, block, index, out, scratch });
}

/// B q B' of each tile of map `index` of a block, added up where windows overlap: written to (or, if
/// `accumulate`, added to) the whole map.
///
/// Blocks of one map's tile rows come in ascending order: the first to reach a pixel writes it, the
/// others add.
pub fn transform_input_gradient(
    isa: Isa,
    frequencies: &[f32],
    (block, index): (&Block, usize),
    map: MapMut<'_>,
    accumulate: bool,
    scratch: &mut [f32],
) {
    block.ensure(index, map.width, map.channels, frequencies.len(), scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    map.ensure();
    isa.run(TransformInputGradient { frequencies, block, index, map, accumulate, scratch });
}

struct TransformGradient<'a> {
    gradient: Gradient<'a>,
    block: &'a Block,
    index: usize,
    out: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for TransformGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in self.block.rows_of(self.index) {
            for part in parts(self.gradient.map.channels) {
                let inner = row.row * TILE + TILE <= self.gradient.map.height;
                match (row.short, inner, self.gradient.norm.is_some()) {
                    (false, true, false) => self.columns::<S, false, true, false>(simd, row, part),
                    (false, true, true) => self.columns::<S, false, true, true>(simd, row, part),
                    (false, false, false) => {
                        self.columns::<S, false, false, false>(simd, row, part)
                    }
                    (false, false, true) => self.columns::<S, false, false, true>(simd, row, part),
                    (true, _, false) => self.columns::<S, true, false, false>(simd, row, part),
                    (true, _, true) => self.columns::<S, true, false, true>(simd, row, part),
                }
                for (tile, x, short) in row.tiles() {
                    by_shape!((row.short, short), self.tile::<S>(simd, tile, x, part));
                }
            }
        }
    }
}

impl TransformGradient<'_> {
    /// The columns of a tile row, those beyond the map's right edge included; `INNER` if all of its
    /// rows lie inside the map, `NORM` if the gradient is carried through a normalisation.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool, const INNER: bool, const NORM: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let Map { values, height, width, stride, .. } = self.gradient.map;
        let zero = simd.splat(0.0);
        let y0 = row.row * TILE;
        for c in (0..count).step_by(S::WIDTH) {
            let (activation, line) = match &self.gradient.norm {
                // SAFETY: the channels are there (`Gradient::ensure`).
                Some(norm) if NORM => unsafe {
                    (norm.activation.of(simd, first + c), norm.of(simd, first + c))
                },
                _ => ([zero; 3], [zero; 2]),
            };
            for x in 0..self.block.scratch() / COLUMN {
                let column = array!(i in 4 => {
                    if x < width && (INNER || y0 + i < height) {
                        let pixel = (y0 + i) * width + x;
                        // SAFETY: the pixel lies inside both maps, the maps inside their slices
                        // (`Gradient::ensure`).
                        unsafe {
                            let da = simd.load(values.as_ptr().add(pixel * stride + first + c));
                            match &self.gradient.norm {
                                Some(NormGradient { z, .. }) if NORM => {
                                    let at = pixel * z.stride + first + c;
                                    let z = simd.load(z.values.as_ptr().add(at));
                                    carry_back(simd, activation, line, (da, z))
                                }
                                _ => da,
                            }
                        }
                    } else {
                        zero
                    }
                });
                let line = lines::output_gradient::<S, SHORT>(simd, column);
                for i in 0..WINDOW {
                    // SAFETY: `Block::ensure` checked the size of the scratch memory.
                    unsafe {
                        let to = self.scratch.as_mut_ptr().add(x * COLUMN + i * CHANNELS + c);
                        simd.store(to, line[i]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const SHORT_ROW: bool, const SHORT_COLUMN: bool>(
        &mut self,
        simd: S,
        tile: usize,
        x: usize,
        (first, count): (usize, usize),
    ) {
        let channels = self.gradient.map.channels;
        let plane = self.block.plane(channels);
        for c in (0..count).step_by(S::WIDTH) {
            for i in 0..WINDOW {
                if SHORT_ROW && left_out(i) {
                    continue;
                }
                // SAFETY: `Block::ensure` checked the sizes of the scratch memory and of `out`.
                unsafe {
                    let from = self.scratch.as_ptr().add(x * COLUMN + i * CHANNELS + c);
                    let line = array!(j in 4 => simd.load(from.add(j * COLUMN)));
                    let line = lines::output_gradient::<S, SHORT_COLUMN>(simd, line);
                    let at = i * WINDOW * plane + tile * channels + first + c;
                    let to = self.out.as_mut_ptr().add(at);
                    for j in 0..WINDOW {
                        if SHORT_COLUMN && left_out(j) {
                            continue;
                        }
                        simd.store(to.add(j * plane), line[j]);
                    }
                }
            }
        }
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
    /// A tile's columns; the first two of them belong to the tile before as well.
    #[inline(always)]
    fn tile<S: Simd, const SHORT_ROW: bool, const SHORT_COLUMN: bool>(
        &mut self,
        simd: S,
        tile: usize,
        x: usize,
        (first, count): (usize, usize),
    ) {
        let plane = self.block.plane(self.map.channels);
        let zero = simd.splat(0.0);
        for c in (0..count).step_by(S::WIDTH) {
            for i in 0..WINDOW {
                if SHORT_ROW && left_out(i) {
                    continue;
                }
                // SAFETY: `Block::ensure` checked the sizes of `frequencies` and the scratch memory.
                unsafe {
                    let at = i * WINDOW * plane + tile * self.map.channels + first + c;
                    let from = self.frequencies.as_ptr().add(at);
                    let line = array!(j in 6 => {
                        if SHORT_COLUMN && left_out(j) { zero } else { simd.load(from.add(j * plane)) }
                    });
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

    /// The columns of a tile row, out to the map; the first two rows belong to the tile row before as
    /// well.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let MapMut { height, width, stride, .. } = self.map;
        let zero = simd.splat(0.0);
        // Padded rows and columns begin one before the map.
        let y0 = row.row * TILE;
        let shared = if self.accumulate { WINDOW } else { 2 * usize::from(row.row > 0) };
        for (x, c) in (0..width).flat_map(|x| vectors::<S>(x, count)) {
            // SAFETY: `Block::ensure` checked the size of the scratch memory; the pixel lies inside
            // the map, the map inside its slice.
            unsafe {
                let from = self.scratch.as_ptr().add((x + 1) * COLUMN + c);
                let column = array!(i in 6 => {
                    if SHORT && left_out(i) { zero } else { simd.load(from.add(i * CHANNELS)) }
                });
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
