//! A convolution of a slab's images, with its bias, sum and ReLU.

use super::fold::Filter;
use super::{Crew, Scratch, Walk};
use crate::machine::share;
use crate::plan::{Buffer, Conv, Kind, Method, Place, Plan};
use crate::run::APART;
use modiste_kernels::elementwise;
use modiste_kernels::gemm::{Strided, gemm, gemm_ahead};
use modiste_kernels::isa::Isa;
use modiste_kernels::patches::{Window, gather};
use modiste_kernels::pool::Parts;
use modiste_kernels::view::{Map, MapMut};
use modiste_kernels::winograd::mixed::{Images, Tiling, transform_input, transform_output};
use modiste_kernels::winograd::{FREQUENCIES, TILE, tiles};
use std::ops::Range;

/// Values of tiles (inputs and products) of a block at the most, some 0.6 MB, so that they and the
/// filters on their way through lie in a second-level cache of 1 MiB.
const BLOCK_VALUES: usize = 160 * 1024;
/// Values of rows of pixels or patches that are multiplied at a time.
const ROW_VALUES: usize = 8 * 1024;

/// One convolution of a slab, or of a band of one image.
struct SlabConv<'a> {
    isa: Isa,
    method: Method,
    filter: Filter<'a>,
    from: (Place, &'a Buffer, &'a [f32]),
    to: (Place, &'a Buffer),
    /// The other summand of a residual block.
    skip: Option<(Place, &'a Buffer, &'a [f32])>,
    images: usize,
    /// A bias of nothing.
    zeros: &'a [f32],
}

impl Walk<'_> {
    /// Convolution step `i` of the `n` images in the arena.
    pub(super) fn conv(
        &self,
        i: usize,
        conv: &Conv,
        arena: &mut [f32],
        n: usize,
        crew: &mut Crew<'_>,
    ) {
        let step = &self.plan.steps[i];
        let buffer = |place: Place| &self.plan.buffers[place.buffer];
        let skip = conv.residual.map(|(source, _)| source.place);
        let range = |place| self.range(place, n);
        let ranges = [range(step.to), range(step.from.place), skip.map_or(0..0, range)];
        let [out, input, skipped] = arena.get_disjoint_mut(ranges).expect(APART);
        let to = (step.to, buffer(step.to));
        let this = SlabConv {
            isa: self.isa,
            method: conv.method,
            filter: self.folded.filter(i, conv, step),
            from: (step.from.place, buffer(step.from.place), input),
            to,
            skip: skip.map(|place| (place, buffer(place), &*skipped)),
            images: n,
            zeros: self.zeros,
        };
        let height = to.1.height;
        match crew {
            Crew::Alone(scratch) => this.rows(0..height, out, scratch),
            Crew::Team(pool, scratch) => {
                let threads = pool.threads();
                let cut = |thread: usize| cut(conv.method, height, thread, threads);
                let row = to.1.width * to.1.lanes;
                let cuts: Vec<usize> = (0..=threads).map(|t| cut(t) * row).collect();
                let (bands, scratch) = (Parts::at(out, &cuts), Parts::new(scratch, 1));
                pool.run(&|thread| {
                    let rows = cut(thread)..cut(thread + 1);
                    if !rows.is_empty() {
                        this.rows(rows, bands.take(thread), scratch.take(thread)[0]);
                    }
                });
            }
        }
    }
}

/// The row at which a thread's band of an image begins. Bands are equal, but of whole tile rows with
/// Winograd's method.
fn cut(method: Method, height: usize, thread: usize, threads: usize) -> usize {
    match method {
        Method::Winograd => (share(tiles(height), thread, threads).start * TILE).min(height),
        Method::Pointwise | Method::Patches(_) => share(height, thread, threads).start,
    }
}

impl SlabConv<'_> {
    /// The output rows `rows` of every image; `out` begins with the first of them.
    fn rows(&self, rows: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        match self.method {
            Method::Winograd => self.winograd(rows, out, scratch),
            Method::Pointwise => self.pointwise(rows, out),
            Method::Patches(window) => self.patches(window, rows, out, scratch),
        }
    }

    /// In the frequencies, in blocks of whole images or of an image's tile rows.
    fn winograd(&self, rows: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        let ((from, from_buffer, input), (to, to_buffer)) = (self.from, self.to);
        let (c, k) = (from.lanes, to.lanes);
        let (height, width) = (to_buffer.height, to_buffer.width);
        let tile_rows = rows.start / TILE..tiles(rows.end);
        let (images, block) = block(tile_rows.len(), tiles(width), c + k, self.images);
        let floor = if self.skip.is_some() { f32::NEG_INFINITY } else { self.filter.floor };
        for first in (0..self.images).step_by(images) {
            let images = images.min(self.images - first);
            let map = from.map(from_buffer, &input[first * from_buffer.image()..]);
            let from = Images { map, step: from_buffer.image() };
            for row in tile_rows.clone().step_by(block) {
                let end = (row + block).min(tile_rows.end);
                let tiling = Tiling::new(images, (height, width), row..end);
                let t = tiling.count();
                let v = &mut scratch.tiles[..FREQUENCIES * t * c];
                let m = &mut scratch.products[..FREQUENCIES * t * k];
                transform_input(self.isa, from, tiling, v);
                for f in 0..FREQUENCIES {
                    let some = tiling.range(f);
                    let left = &v[(f * t + some.start) * c..(f * t + some.end) * c];
                    let left = Strided { values: left, row: c, column: 1 };
                    let to = &mut m[(f * t + some.start) * k..(f * t + some.end) * k];
                    let (right, next) = self.filter.values[f * c * k..].split_at(c * k);
                    let next = &next[..next.len().min(c * k)];
                    gemm_ahead(self.isa, (some.len(), k, c), left, right, k, to, k, next);
                }
                let (top, bottom) = (row * TILE, (end * TILE).min(height));
                let start =
                    first * to_buffer.image() + (top - rows.start) * width * to_buffer.lanes;
                let map =
                    MapMut { height: bottom - top, ..to.map_mut(to_buffer, &mut out[start..]) };
                let to = Images { map, step: to_buffer.image() };
                transform_output(self.isa, m, tiling, to, self.filter.bias, floor);
            }
        }
        if self.skip.is_some() {
            self.finish(self.pixels(&rows), rows.start * width, out, self.zeros);
        }
    }

    /// One product of all pixels, in blocks that their sum and ReLU find in the first cache.
    fn pointwise(&self, rows: Range<usize>, out: &mut [f32]) {
        let ((from, from_buffer, input), (to, to_buffer)) = (self.from, self.to);
        let (c, k, stride) = (from.lanes, to.lanes, to_buffer.lanes);
        let origin = rows.start * to_buffer.width;
        let pixels = self.pixels(&rows);
        let block = (ROW_VALUES / c).max(1).next_multiple_of(8);
        for pixel in pixels.clone().step_by(block) {
            let count = block.min(pixels.end - pixel);
            let values = &input[pixel * from_buffer.lanes + from.offset..];
            let left = Strided { values, row: from_buffer.lanes, column: 1 };
            let to = &mut out[(pixel - origin) * stride + to.offset..];
            gemm(self.isa, (count, k, c), left, self.filter.values, k, to, stride, false);
            self.finish(pixel..pixel + count, origin, out, self.filter.bias);
        }
    }

    /// The pixels of some rows of every image: rows are cut out of a single image alone.
    fn pixels(&self, rows: &Range<usize>) -> Range<usize> {
        let buffer = self.to.1;
        match self.images {
            1 => rows.start * buffer.width..rows.end * buffer.width,
            n => 0..n * buffer.pixels(),
        }
    }

    /// Gathered windows, image by image.
    fn patches(&self, window: Window, rows: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        let ((from, from_buffer, input), (to, to_buffer)) = (self.from, self.to);
        let (k, stride, across) = (to.lanes, to_buffer.lanes, to_buffer.width);
        let patch = window.kernel * window.kernel * from.lanes;
        let block = (ROW_VALUES / (patch * across)).max(1);
        let origin = rows.start * across;
        for image in 0..self.images {
            let map = from.map(from_buffer, &input[image * from_buffer.image()..]);
            for row in rows.clone().step_by(block) {
                let count = block.min(rows.end - row);
                let left = &mut scratch.tiles[..count * across * patch];
                gather(self.isa, map, None, window, row..row + count, across, left);
                let left = Strided { values: left, row: patch, column: 1 };
                let pixel = image * to_buffer.pixels() + row * across;
                let end = &mut out[(pixel - origin) * stride + to.offset..];
                let m = count * across;
                gemm(self.isa, (m, k, patch), left, self.filter.values, k, end, stride, false);
                self.finish(pixel..pixel + m, origin, out, self.filter.bias);
            }
        }
    }

    /// Bias, sum and ReLU on some pixels of the slab; `out` begins with pixel `origin`.
    fn finish(&self, pixels: Range<usize>, origin: usize, out: &mut [f32], bias: &[f32]) {
        let (to, buffer) = self.to;
        let values = &mut out[(pixels.start - origin) * buffer.lanes + to.offset..];
        let (width, stride) = (pixels.len(), buffer.lanes);
        let y = MapMut { values, height: 1, width, channels: to.lanes, stride };
        match self.skip {
            Some((skip, buffer, values)) => {
                let values = &values[pixels.start * buffer.lanes + skip.offset..];
                let stride = buffer.lanes;
                let x = Map { values, height: 1, width, channels: skip.lanes, stride };
                elementwise::residual(self.isa, y, x, bias, 1.0, self.filter.floor);
            }
            None => elementwise::bias_floor(self.isa, y, bias, self.filter.floor),
        }
    }
}

/// Tile rows of a block at the most, whichever images they belong to.
fn most_rows(across: usize, channels: usize) -> usize {
    (BLOCK_VALUES / (FREQUENCIES * across * channels)).max(1)
}

/// Images and tile rows of a block: several whole images, or equal shares of one image's rows.
fn block(rows: usize, across: usize, channels: usize, images: usize) -> (usize, usize) {
    let most = most_rows(across, channels);
    let several = (most / rows).clamp(1, images);
    // Equal shares of images, too.
    let several = images.div_ceil(images.div_ceil(several));
    (several, rows.div_ceil(rows.div_ceil(most)))
}

/// The most values of tiles or patches, and of products, that any step needs.
pub(super) fn scratch(plan: &Plan, slab: usize) -> (usize, usize) {
    let mut most = (0, 0);
    for step in &plan.steps {
        let Kind::Conv(conv) = &step.kind else { continue };
        let to = &plan.buffers[step.to.buffer];
        let (c, k) = (step.from.place.lanes, step.to.lanes);
        let (tiles, products) = match conv.method {
            Method::Winograd => {
                let across = tiles(to.width);
                let rows = most_rows(across, c + k).min(slab * tiles(to.height));
                let t = FREQUENCIES * rows * across;
                (t * c, t * k)
            }
            Method::Pointwise => (0, 0),
            Method::Patches(window) => {
                let patch = window.kernel * window.kernel * c;
                (ROW_VALUES.max(patch * to.width), 0)
            }
        };
        most = (most.0.max(tiles), most.1.max(products));
    }
    most
}
