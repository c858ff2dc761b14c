//! A map cut into horizontal bands, for threads to share a single image.

use crate::plan::{Buffer, Place};
use modiste_kernels::view::MapMut;
use modiste_kernels::winograd::{TILE, tiles};
use std::ops::Range;

/// Bands of whole tile rows.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    pub count: usize,
    rows: usize,
}

impl Bands {
    /// At most `count` bands of a buffer's maps.
    pub fn new(buffer: &Buffer, count: usize) -> Self {
        if count == 1 {
            return Self { count, rows: buffer.height };
        }
        let tile_rows = tiles(buffer.height);
        let rows = tile_rows.div_ceil(count.min(tile_rows)) * TILE;
        Self { count: buffer.height.div_ceil(rows), rows }
    }

    /// Values of one band; the last one may be shorter.
    pub fn values(&self, buffer: &Buffer) -> usize {
        self.rows * buffer.width * buffer.lanes
    }

    /// Rows of a band.
    pub fn range(&self, band: usize, height: usize) -> Range<usize> {
        band * self.rows..((band + 1) * self.rows).min(height)
    }
}

/// A place's lanes in a band of `rows` rows.
pub(super) fn band_map<'a>(
    place: Place,
    buffer: &Buffer,
    rows: usize,
    band: &'a mut [f32],
) -> MapMut<'a> {
    MapMut { height: rows, ..place.map_mut(buffer, band) }
}
