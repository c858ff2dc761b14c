//! Loads and stores of tile rows, shared by all transforms.
//!
//! A map is transformed one tile row at a time: first one direction for all columns of the row,
//! kept in scratch memory, then the other direction tile by tile. So columns shared by two windows
//! are transformed once.

use super::{Block, CHANNELS, COLUMN, Row, TILE, WINDOW, array, by_shape, left_out, parts};
use crate::isa::Kernel;
use crate::simd::Simd;
use crate::view::Map;

/// The source of a transform to the frequencies: an input, or the gradient of an output.
pub(super) trait Source {
    /// Values in a line of a tile.
    const SIDE: usize;
    /// Rows and columns of padding before the map.
    const BORDER: usize;
    /// The coefficients for reading a register of channels.
    type Lane<S: Simd>: Copy;

    /// The map whose pixels make up the tiles.
    fn map(&self) -> Map<'_>;

    /// Whether values are read unchanged.
    fn plain(&self) -> bool;

    /// The coefficients for reading the register of channels from `c` on.
    ///
    /// # Safety
    /// The channels must be there.
    unsafe fn lane<S: Simd>(&self, simd: S, c: usize) -> Self::Lane<S>;

    /// The channels from `c` on of a pixel, unchanged if `PLAIN`.
    ///
    /// # Safety
    /// The pixel and the channels must be there.
    unsafe fn load<S: Simd, const PLAIN: bool>(
        &self,
        simd: S,
        lane: Self::Lane<S>,
        pixel: usize,
        c: usize,
    ) -> S::V;

    /// One direction of the transform of a line's first [`Source::SIDE`] values.
    fn line<S: Simd, const SHORT: bool>(simd: S, values: [S::V; WINDOW]) -> [S::V; WINDOW];
}

/// Transforms map `index` of a block to the frequencies. The creator must have checked the sizes
/// ([`Block::ensure`]) and that the source is within its slices.
pub(super) struct IntoFrequencies<'a, T> {
    pub source: T,
    pub block: &'a Block,
    pub index: usize,
    pub out: &'a mut [f32],
    pub scratch: &'a mut [f32],
}

impl<T: Source> Kernel for IntoFrequencies<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let Map { height, channels, .. } = self.source.map();
        for row in self.block.rows_of(self.index) {
            for part in parts(channels) {
                let first = row.row * TILE;
                let inner = T::BORDER <= first && first + T::SIDE <= height + T::BORDER;
                match (row.short, inner, self.source.plain()) {
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

impl<T: Source> IntoFrequencies<'_, T> {
    /// Transforms the columns of a tile row, including padding left and right; `INNER` if all of
    /// its rows are inside the map.
    #[inline(always)]
    fn columns<S: Simd, const SHORT: bool, const INNER: bool, const PLAIN: bool>(
        &mut self,
        simd: S,
        row: Row,
        (first, count): (usize, usize),
    ) {
        let Map { height, width, .. } = self.source.map();
        let zero = simd.splat(0.0);
        // Padded rows and columns.
        let y0 = row.row * TILE;
        for c in (0..count).step_by(S::WIDTH) {
            // SAFETY: `first + c` lies under the channels that were checked.
            let lane = unsafe { self.source.lane(simd, first + c) };
            for x in 0..self.block.scratch() / COLUMN {
                let inside = T::BORDER <= x && x < width + T::BORDER;
                let column = array!(i in 6 => {
                    let y = y0 + i;
                    let there = INNER || (T::BORDER <= y && y < height + T::BORDER);
                    if i < T::SIDE && inside && there {
                        let pixel = (y - T::BORDER) * width + x - T::BORDER;
                        // SAFETY: the pixel lies inside the map, which lies within its slice.
                        unsafe { self.source.load::<S, PLAIN>(simd, lane, pixel, first + c) }
                    } else {
                        zero
                    }
                });
                let line = T::line::<S, SHORT>(simd, column);
                // SAFETY: `Block::ensure` checked the size of the scratch memory.
                unsafe {
                    let to = self.scratch.as_mut_ptr().add(x * COLUMN + c);
                    store::<S, SHORT>(simd, to, CHANNELS, line);
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
        let channels = self.source.map().channels;
        let plane = self.block.plane(channels);
        let zero = simd.splat(0.0);
        for c in (0..count).step_by(S::WIDTH) {
            for i in 0..WINDOW {
                if SHORT_ROW && left_out(i) {
                    continue;
                }
                // SAFETY: `Block::ensure` checked the sizes of the scratch memory and of `out`.
                unsafe {
                    let from = self.scratch.as_ptr().add(x * COLUMN + i * CHANNELS + c);
                    let line = array!(j in 6 => {
                        if j < T::SIDE { simd.load(from.add(j * COLUMN)) } else { zero }
                    });
                    let line = T::line::<S, SHORT_COLUMN>(simd, line);
                    let at = i * WINDOW * plane + tile * channels + first + c;
                    store::<S, SHORT_COLUMN>(simd, self.out.as_mut_ptr().add(at), plane, line);
                }
            }
        }
    }
}

/// The six values of a line in the frequencies, `step` apart; zeros where a short tile has none.
///
/// # Safety
/// A register of values must be readable at each.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, const SHORT: bool>(
    simd: S,
    from: *const f32,
    step: usize,
) -> [S::V; WINDOW] {
    let zero = simd.splat(0.0);
    array!(j in 6 => {
        // SAFETY: the caller vouches for the memory.
        if SHORT && left_out(j) { zero } else { unsafe { simd.load(from.add(j * step)) } }
    })
}

/// Writes the values of a line in the frequencies, `step` apart, that the tile has.
///
/// # Safety
/// A register of values must be writable at each.
#[inline(always)]
unsafe fn store<S: Simd, const SHORT: bool>(
    simd: S,
    to: *mut f32,
    step: usize,
    line: [S::V; WINDOW],
) {
    for j in 0..WINDOW {
        if !SHORT || !left_out(j) {
            // SAFETY: the caller vouches for the memory.
            unsafe { simd.store(to.add(j * step), line[j]) };
        }
    }
}
