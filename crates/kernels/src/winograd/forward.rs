//! Into the frequencies and out of them, forwards.

use super::{Block, CHANNELS, COLUMN, Row, TILE, WINDOW, array, by_shape, left_out, lines, parts};
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{Activation, Map, MapMut, activate};

/// B' d B of each tile of map `index` of a block.
///
/// The activation, if any, is applied to the values as they are read; the padding stays zero.
pub fn transform_input(
    isa: Isa,
    map: Map<'_>,
    activation: Option<Activation<'_>>,
    (block, index): (&Block, usize),
    out: &mut [f32],
    scratch: &mut [f32],
) {
    block.ensure(index, map.width, map.channels, out.len(), scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    map.ensure();
    if let Some(activation) = &activation {
        activation.ensure(map.channels);
    }
    isa.run(TransformInput { map, activation, block, index, out, scratch });
}

/// A' m A of each tile of map `index` of a block, written to a map that begins with the first row of
/// the block.
pub fn transform_output(
    isa: Isa,
    products: &[f32],
    (block, index): (&Block, usize),
    map: MapMut<'_>,
    scratch: &mut [f32],
) {
    block.ensure(index, map.width, map.channels, products.len(), scratch.len());
    let band = block.pixel_rows().len();
    assert!(map.height == band, "a band of {band} rows in a map of {}", map.height);
    map.ensure();
    isa.run(TransformOutput { products, block, index, map, scratch });
}

struct TransformInput<'a> {
    map: Map<'a>,
    activation: Option<Activation<'a>>,
    block: &'a Block,
    index: usize,
    out: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for TransformInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in self.block.rows_of(self.index) {
            for part in parts(self.map.channels) {
                let inner = row.row > 0 && row.row * TILE + WINDOW <= self.map.height + 1;
                match (row.short, inner, self.activation.is_some()) {
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

impl TransformInput<'_> {
    /// The columns of a tile row, those of padding left and right included; `INNER` if all of its
    /// rows lie inside the map.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool, const INNER: bool, const ACTIVATE: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let Map { height, width, stride, .. } = self.map;
        let zero = simd.splat(0.0);
        // Padded rows and columns begin one before the map.
        let y0 = row.row * TILE;
        for c in (0..count).step_by(S::WIDTH) {
            let activation = match &self.activation {
                // SAFETY: the channels are there (`Activation::ensure`).
                Some(a) if ACTIVATE => unsafe { a.of(simd, first + c) },
                _ => [zero; 3],
            };
            for x in 0..self.block.scratch() / COLUMN {
                let inside = 1 <= x && x <= width;
                let column = array!(i in 6 => {
                    if inside && (INNER || (1 <= y0 + i && y0 + i <= height)) {
                        let at = ((y0 + i - 1) * width + x - 1) * stride + first + c;
                        // SAFETY: the pixel lies inside the map, the map inside its slice
                        // (`ensure`).
                        let value = unsafe { simd.load(self.map.values.as_ptr().add(at)) };
                        if ACTIVATE { activate(simd, activation, value) } else { value }
                    } else {
                        zero
                    }
                });
                let line = lines::input::<S, SHORT>(simd, column);
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
        let plane = self.block.plane(self.map.channels);
        for c in (0..count).step_by(S::WIDTH) {
            for i in 0..WINDOW {
                if SHORT_ROW && left_out(i) {
                    continue;
                }
                // SAFETY: `Block::ensure` checked the sizes of the scratch memory and of `out`.
                unsafe {
                    let from = self.scratch.as_ptr().add(x * COLUMN + i * CHANNELS + c);
                    let line = array!(j in 6 => simd.load(from.add(j * COLUMN)));
                    let line = lines::input::<S, SHORT_COLUMN>(simd, line);
                    let at = i * WINDOW * plane + tile * self.map.channels + first + c;
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

/// A column with each of the registers that `count` channels take.
#[inline(always)]
pub(super) fn vectors<S: Simd>(x: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).step_by(S::WIDTH).map(move |c| (x, c))
}

struct TransformOutput<'a> {
    products: &'a [f32],
    block: &'a Block,
    index: usize,
    map: MapMut<'a>,
    scratch: &'a mut [f32],
}

impl Kernel for TransformOutput<'_> {
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

impl TransformOutput<'_> {
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
                // SAFETY: `Block::ensure` checked the sizes of `products` and the scratch memory.
                unsafe {
                    let at = i * WINDOW * plane + tile * self.map.channels + first + c;
                    let from = self.products.as_ptr().add(at);
                    let line = array!(j in 6 => {
                        if SHORT_COLUMN && left_out(j) { zero } else { simd.load(from.add(j * plane)) }
                    });
                    let line = lines::output::<S, SHORT_COLUMN>(simd, line);
                    let to = self.scratch.as_mut_ptr().add(x * COLUMN + i * CHANNELS + c);
                    for j in 0..TILE {
                        simd.store(to.add(j * COLUMN), line[j]);
                    }
                }
            }
        }
    }

    /// The columns of a tile row, out to the map.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let MapMut { height, width, stride, .. } = self.map;
        let zero = simd.splat(0.0);
        let y0 = (row.row - self.block.first) * TILE;
        for (x, c) in (0..width).flat_map(|x| vectors::<S>(x, count)) {
            // SAFETY: `Block::ensure` checked the size of the scratch memory; the pixel lies inside
            // the map, the map inside its slice.
            unsafe {
                let from = self.scratch.as_ptr().add(x * COLUMN + c);
                let column = array!(i in 6 => {
                    if SHORT && left_out(i) { zero } else { simd.load(from.add(i * CHANNELS)) }
                });
                let line = lines::output::<S, SHORT>(simd, column);
                for i in 0..TILE {
                    if y0 + i < height {
                        let at = ((y0 + i) * width + x) * stride + first + c;
                        simd.store(self.map.values.as_mut_ptr().add(at), line[i]);
                    }
                }
            }
        }
    }
}
