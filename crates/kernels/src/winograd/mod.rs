//! Convolution 3x3 at stride 1 by Winograd's minimal filtering F(4x4, 3x3).
//!
//! Y = A' [(G g G') * (B' d B)] A on tiles of 4x4 outputs from 6x6 inputs (Lavin and Gray, "Fast
//! algorithms for convolutional neural networks", 2015): 36 multiplications instead of 144. The
//! product in the 36 frequencies is a matrix product over channels. The backward pass is the transposed
//! computation: with D = A dY A', the filter's gradient is G' [D * (B' d B)] G summed over tiles and
//! the input's is B [D * (G g G')] B' added up where windows overlap.
//!
//! If one or two outputs remain at the map's lower or right edge, the tile there has two, by F(2,
//! 3): its four points of evaluation are among the six of F(4, 3), so the same transformed filters
//! can be used and two of six frequencies are left out. A 14x14 map takes 484 products per pair of
//! channels instead of 576. Windows beyond the map's edge are filled with zeros on reading and
//! clipped on writing.
//!
//! [`Block`] determines which tiles are processed at once and the layout of their values. Transforms of
//! overlapping windows work by tile rows (`rows`).

mod backward;
mod filter;
mod forward;
mod lines;
mod rows;

pub use backward::{transform_gradient, transform_input_gradient};
pub use filter::{transform_filter, transform_filter_gradient};
pub use forward::{Biased, transform_input, transform_output};

use crate::LANES;
use crate::view::product;
use std::ops::Range;

/// Outputs of a tile in each direction.
pub const TILE: usize = 4;
/// Inputs of a tile in each direction.
const WINDOW: usize = 6;
/// Frequencies of a tile.
pub const FREQUENCIES: usize = WINDOW * WINDOW;

/// Number of tiles that cover `size` outputs.
pub const fn tiles(size: usize) -> usize {
    size.div_ceil(TILE)
}

/// Number of these that have four outputs; the last one may have two.
const fn long_tiles(size: usize) -> usize {
    (size + 1) / TILE
}

/// Whether a line of a short tile leaves out this frequency.
const fn left_out(line: usize) -> bool {
    line == 3 || line == 4
}

/// Some tile rows of one or several maps of the same size, whose tiles are multiplied at once.
///
/// Values are (36, [`Block::plane`]), and in each frequency (tiles, channels). Tiles that are short
/// in the same directions are adjacent, in an order that makes those with a given frequency
/// contiguous ([`Block::tiles_of`]); the values of a frequency that a tile does not have are left
/// unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    maps: usize,
    height: usize,
    width: usize,
    first: usize,
    rows: usize,
}

impl Block {
    /// The tile rows `rows` of `maps` maps of `height` x `width` pixels.
    ///
    /// # Panics
    /// If that is empty or not within the map.
    pub fn new(maps: usize, (height, width): (usize, usize), rows: Range<usize>) -> Self {
        assert!(maps > 0 && height > 0 && width > 0 && rows.start < rows.end, "an empty block");
        assert!(rows.end <= tiles(height), "a band beyond the map");
        Self { maps, height, width, first: rows.start, rows: rows.len() }
    }

    /// Numbers of long and short tiles in each direction: rows, then columns.
    fn counts(&self) -> [usize; 4] {
        let long_rows = self.rows.min(long_tiles(self.height).saturating_sub(self.first));
        let long_columns = long_tiles(self.width);
        [long_rows, self.rows - long_rows, long_columns, tiles(self.width) - long_columns]
    }

    /// The rows of output pixels that the block covers.
    pub fn pixel_rows(&self) -> Range<usize> {
        self.first * TILE..((self.first + self.rows) * TILE).min(self.height)
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        product([self.maps, self.rows, tiles(self.width)])
    }

    /// The tiles that have frequency `f`.
    pub fn tiles_of(&self, f: usize) -> Range<usize> {
        let [long_rows, _, long_columns, short_columns] = self.counts();
        let end = match left_out(f / WINDOW) {
            true => long_rows * (long_columns + short_columns),
            false => self.rows * long_columns + long_rows * short_columns,
        };
        match (left_out(f / WINDOW), left_out(f % WINDOW)) {
            (false, false) => 0..self.tiles(),
            (_, short) => {
                let start = if short { long_rows * short_columns } else { 0 };
                self.maps * start..self.maps * end
            }
        }
    }

    /// The positions of the tiles of map `map` among all tiles, row by row.
    ///
    /// The order is short columns of long rows, long columns of long rows, then those of short rows in
    /// reverse.
    #[inline(always)]
    fn rows_of(&self, map: usize) -> impl Iterator<Item = Row> + use<> {
        let [long_rows, short_rows, long_columns, short_columns] = self.counts();
        let maps = self.maps;
        let starts = [
            maps * long_rows * short_columns,
            maps * long_rows * tiles(self.width),
            maps * (long_rows * tiles(self.width) + short_rows * long_columns),
        ];
        let first = self.first;
        (0..self.rows).map(move |row| {
            let short = row >= long_rows;
            let (long, last) = match short {
                false => {
                    (starts[0] + (map * long_rows + row) * long_columns, map * long_rows + row)
                }
                // There is at most one short row.
                true => (starts[1] + map * long_columns, starts[2] + map),
            };
            Row { row: first + row, short, long, long_columns, last, last_columns: short_columns }
        })
    }

    /// Distance from one frequency to the next, in values: the size of the tiles, padded to an odd
    /// number of cache lines. A tile's 36 values then fall into different sets of the first-level
    /// cache; at a power-of-two distance they would evict each other.
    pub fn plane(&self, channels: usize) -> usize {
        product([self.tiles(), channels]).div_ceil(LANES) / 2 * 2 * LANES + LANES
    }

    /// Size of all frequencies, in values.
    pub fn len(&self, channels: usize) -> usize {
        product([FREQUENCIES, self.plane(channels)])
    }

    /// Size of the transforms' scratch memory, in values.
    pub fn scratch(&self) -> usize {
        (tiles(self.width) * TILE + 2) * COLUMN
    }

    /// Panics unless the block has tiles for map `map` of this width.
    fn ensure(&self, map: usize, width: usize, channels: usize, len: usize) {
        let whole = channels > 0 && channels.is_multiple_of(LANES);
        assert!(whole, "{channels} channels are no multiple of {LANES}");
        assert!(map < self.maps, "map {map} of {}", self.maps);
        assert!(width == self.width, "a map of width {width} in a block of {}", self.width);
        assert!(len >= self.len(channels), "{len} values for a block of {}", self.len(channels));
    }

    fn ensure_scratch(&self, len: usize) {
        assert!(len >= self.scratch(), "{len} values of scratch memory");
    }
}

/// The transforms process this many channels at a time, so that a tile row of columns stays in the
/// first-level cache between the two directions.
const CHANNELS: usize = 2 * LANES;
/// Size of a transformed column: (frequencies, channels).
const COLUMN: usize = WINDOW * CHANNELS;

/// Divides `channels` into parts: the first channel and the number of channels of each.
fn parts(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..channels).step_by(CHANNELS).map(move |c| (c, CHANNELS.min(channels - c)))
}

/// One tile row of a block.
#[derive(Clone, Copy)]
struct Row {
    /// Tile row in the whole map.
    row: usize,
    /// Whether its tiles have two rows of outputs.
    short: bool,
    /// Position of the first tile of four columns, and the number of these tiles.
    long: usize,
    long_columns: usize,
    /// Position of the tile of two columns, if there is one.
    last: usize,
    last_columns: usize,
}

impl Row {
    /// Position, first input column in the padded row, and whether the tile has two columns.
    #[inline(always)]
    fn tiles(&self) -> impl Iterator<Item = (usize, usize, bool)> + use<> {
        let Row { long, long_columns, last, last_columns, .. } = *self;
        let longs = (0..long_columns).map(move |column| (long + column, column * TILE, false));
        longs.chain((0..last_columns).map(move |_| (last, long_columns * TILE, true)))
    }
}

/// Calls a method with the directions in which a tile is short as its last two generic parameters:
/// `$method::<.., SHORT_ROW, SHORT_COLUMN>`.
macro_rules! by_shape {
    (($short_row:expr, $short_column:expr), $this:ident.$method:ident::<$($given:tt),*>$arguments:tt) => {
        match ($short_row, $short_column) {
            (false, false) => $this.$method::<$($given,)* false, false> $arguments,
            (false, true) => $this.$method::<$($given,)* false, true> $arguments,
            (true, false) => $this.$method::<$($given,)* true, false> $arguments,
            (true, true) => $this.$method::<$($given,)* true, true> $arguments,
        }
    };
}
use by_shape;

/// An array with one expression per element. Unlike a loop it does not write zeros first, which
/// took as long as a transform; unlike `array::map` it has no closure, which might not be compiled
/// for the instruction set.
macro_rules! array {
    ($i:ident in [$($n:literal)*] => $e:expr) => { [$({ let $i: usize = $n; $e }),*] };
    ($i:ident in 3 => $e:expr) => { array!($i in [0 1 2] => $e) };
    ($i:ident in 4 => $e:expr) => { array!($i in [0 1 2 3] => $e) };
    ($i:ident in 6 => $e:expr) => { array!($i in [0 1 2 3 4 5] => $e) };
}
use array;
