//! Transforms to and from the frequencies, for the forward pass.

use super::rows::{IntoFrequencies, Source, load};
use super::{Block, Row, TILE, WINDOW, array, by_shape, left_out, lines};
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{Activation, Map, MapMut, activate, ensure_vector};

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
    block.ensure(index, map.width, map.channels, out.len());
    block.ensure_scratch(scratch.len());
    assert!(map.height == block.height, "a map of another height than the block's");
    map.ensure();
    if let Some(activation) = &activation {
        activation.ensure(map.channels);
    }
    isa.run(IntoFrequencies { source: Input { map, activation }, block, index, out, scratch });
}

/// A bias for each channel, and the lower limit of the outputs.
#[derive(Clone, Copy, Debug)]
pub struct Biased<'a> {
    /// Summand per channel.
    pub bias: &'a [f32],
    /// 0 with a ReLU, else minus infinity.
    pub floor: f32,
}

/// A' m A of each tile of map `index` of a block, written to a map that begins with the first row of the
/// block, unchanged or as max(A' m A + bias, floor).
///
/// Raw outputs are transformed along the rows first, biased ones along the columns first. The two orders
/// round differently, and recorded results of training and prediction depend on them.
pub fn transform_output(
    isa: Isa,
    products: &[f32],
    (block, index): (&Block, usize),
    map: MapMut<'_>,
    biased: Option<Biased<'_>>,
) {
    block.ensure(index, map.width, map.channels, products.len());
    let band = block.pixel_rows().len();
    assert!(map.height == band, "a band of {band} rows in a map of {}", map.height);
    map.ensure();
    if let Some(Biased { bias, .. }) = biased {
        ensure_vector("biases", bias, map.channels);
    }
    isa.run(TransformOutput { products, block, index, map, biased });
}

struct Input<'a> {
    map: Map<'a>,
    activation: Option<Activation<'a>>,
}

impl Source for Input<'_> {
    const SIDE: usize = WINDOW;
    const BORDER: usize = 1;
    type Lane<S: Simd> = [S::V; 3];

    #[inline(always)]
    fn map(&self) -> Map<'_> {
        self.map
    }

    #[inline(always)]
    fn plain(&self) -> bool {
        self.activation.is_none()
    }

    #[inline(always)]
    unsafe fn lane<S: Simd>(&self, simd: S, c: usize) -> [S::V; 3] {
        match &self.activation {
            // SAFETY: the caller vouches for the channels (`Activation::ensure`).
            Some(activation) => unsafe { activation.of(simd, c) },
            None => [simd.splat(0.0); 3],
        }
    }

    #[inline(always)]
    unsafe fn load<S: Simd, const PLAIN: bool>(
        &self,
        simd: S,
        lane: [S::V; 3],
        pixel: usize,
        c: usize,
    ) -> S::V {
        // SAFETY: the caller vouches for the pixel, the map lies within its slice (`Map::ensure`).
        let value = unsafe { simd.load(self.map.values.as_ptr().add(pixel * self.map.stride + c)) };
        if PLAIN { value } else { activate(simd, lane, value) }
    }

    #[inline(always)]
    fn line<S: Simd, const SHORT: bool>(simd: S, values: [S::V; WINDOW]) -> [S::V; WINDOW] {
        lines::input::<S, SHORT>(simd, values)
    }
}

struct TransformOutput<'a> {
    products: &'a [f32],
    block: &'a Block,
    index: usize,
    map: MapMut<'a>,
    biased: Option<Biased<'a>>,
}

impl Kernel for TransformOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in self.block.rows_of(self.index) {
            for (tile, x, short) in row.tiles() {
                match self.biased.is_some() {
                    true => by_shape!((row.short, short), self.tile::<S, true>(simd, row, tile, x)),
                    false => {
                        by_shape!((row.short, short), self.tile::<S, false>(simd, row, tile, x));
                    }
                }
            }
        }
    }
}

impl TransformOutput<'_> {
    /// Transforms a tile with all values of a register of channels at once.
    #[inline(always)]
    fn tile<S: Simd, const BIASED: bool, const SHORT_ROW: bool, const SHORT_COLUMN: bool>(
        &mut self,
        simd: S,
        row: Row,
        tile: usize,
        x: usize,
    ) {
        let y = (row.row - self.block.first) * TILE;
        let (down, across) = (self.map.height - y, self.map.width - x);
        let side = |short| if short { TILE / 2 } else { TILE };
        let whole = down >= side(SHORT_ROW) && across >= side(SHORT_COLUMN);
        for c in (0..self.map.channels).step_by(S::WIDTH) {
            let values = self.values::<S, BIASED, SHORT_ROW, SHORT_COLUMN>(simd, tile, c);
            for i in 0..side(SHORT_ROW) {
                for j in 0..side(SHORT_COLUMN) {
                    if whole || (i < down && j < across) {
                        let at = ((y + i) * self.map.width + x + j) * self.map.stride + c;
                        // SAFETY: the pixel lies inside the map, the map inside its slice.
                        unsafe { simd.store(self.map.values.as_mut_ptr().add(at), values[i][j]) };
                    }
                }
            }
        }
    }

    /// The outputs of a tile (rows, columns) in the channels from `c` on.
    #[inline(always)]
    fn values<S: Simd, const BIASED: bool, const SHORT_ROW: bool, const SHORT_COLUMN: bool>(
        &self,
        simd: S,
        tile: usize,
        c: usize,
    ) -> [[S::V; TILE]; TILE] {
        let plane = self.block.plane(self.map.channels);
        // SAFETY: `Block::ensure` checked the size of `products`.
        let from = unsafe { self.products.as_ptr().add(tile * self.map.channels + c) };
        let zero = simd.splat(0.0);
        if !BIASED {
            let half = array!(i in 6 => {
                if SHORT_ROW && left_out(i) {
                    [zero; TILE]
                } else {
                    // SAFETY: as above.
                    let line = unsafe {
                        load::<S, SHORT_COLUMN>(simd, from.add(i * WINDOW * plane), plane)
                    };
                    lines::output::<S, SHORT_COLUMN>(simd, line)
                }
            });
            let columns = array!(j in 4 => {
                lines::output::<S, SHORT_ROW>(simd, array!(i in 6 => half[i][j]))
            });
            return array!(i in 4 => array!(j in 4 => columns[j][i]));
        }
        let half = array!(j in 6 => {
            if SHORT_COLUMN && left_out(j) {
                [zero; TILE]
            } else {
                // SAFETY: as above.
                let line = unsafe {
                    load::<S, SHORT_ROW>(simd, from.add(j * plane), WINDOW * plane)
                };
                lines::output::<S, SHORT_ROW>(simd, line)
            }
        });
        let (bias, floor) = match &self.biased {
            // SAFETY: `transform_output` checked the bias.
            Some(end) => (unsafe { simd.load(end.bias.as_ptr().add(c)) }, simd.splat(end.floor)),
            None => (zero, zero),
        };
        array!(i in 4 => {
            let line = lines::output::<S, SHORT_COLUMN>(simd, array!(j in 6 => half[j][i]));
            array!(j in 4 => simd.max(floor, simd.add(line[j], bias)))
        })
    }
}
