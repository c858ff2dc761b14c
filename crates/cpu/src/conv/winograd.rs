//! Winograd's method: tiles of some images in 36 frequencies, forward and both gradients.

use super::{End, ImageConv, Input};
use crate::scratch::Scratch;
use modiste_kernels::gemm::{Strided, gemm, gemm_ahead};
use modiste_kernels::view::{Gradient, Map, MapMut};
use modiste_kernels::winograd::{
    Block, FREQUENCIES, TILE, tiles, transform_filter_gradient, transform_gradient,
    transform_input, transform_input_gradient, transform_output,
};
use std::ops::Range;

/// Size of the part of a filter's gradient in the frequencies, in values, that fits into a
/// second-level cache together with the tiles.
const CACHED: usize = 64 * 1024;

impl ImageConv<'_> {
    /// Computes a convolution in the frequencies, in blocks that stay in the cache.
    pub(super) fn winograd(
        &self,
        inputs: &[Input<'_>],
        (first, rows): (usize, Range<usize>),
        to: &mut [MapMut<'_>],
        end: &End<'_>,
        scratch: &mut Scratch,
    ) {
        let Some(Input { map, .. }) = inputs.first() else { return };
        let (c, k, size) = (self.c, self.k, (map.height, map.width));
        let blocks =
            self.tuning.blocks(inputs.len(), size, rows.start / TILE..tiles(rows.end), c + k);
        let count = blocks.clone().count();
        let biased = self.tuning.biased_tiles.then(|| end.biased());
        for (b, block) in blocks.enumerate() {
            let v = &mut scratch.tiles[..block.len(c)];
            let m = &mut scratch.products[..block.len(k)];
            for (n, input) in inputs.iter().enumerate() {
                let Input { map, activation, .. } = *input;
                transform_input(self.isa, map, activation, (&block, n), v, &mut scratch.columns);
            }
            for f in 0..FREQUENCIES {
                scratch.ahead.fetch(b * FREQUENCIES + f, count * FREQUENCIES);
                let tiles = block.tiles_of(f);
                let left = &v[f * block.plane(c) + tiles.start * c..];
                let left = Strided { values: left, row: c, column: 1 };
                let (right, next) = self.forward[f * c * k..].split_at(c * k);
                let next = &next[..next.len().min(c * k)];
                let product = &mut m[f * block.plane(k) + tiles.start * k..];
                gemm_ahead(self.isa, (tiles.len(), k, c), left, right, k, product, k, next);
            }
            let pixels = block.pixel_rows();
            for (n, to) in to.iter_mut().enumerate() {
                let mut band = to.reborrow().rows(pixels.start - rows.start, pixels.len());
                transform_output(self.isa, m, (&block, n), band.reborrow(), biased);
                let at = pixels.start * band.width..pixels.end * band.width;
                match biased {
                    Some(_) => end.add(first + n, at, end.zeros, band),
                    None => end.apply(first + n, at, band),
                }
            }
        }
    }

    /// Whether this many images of a shard, taken together, are one block of tiles.
    pub fn is_one_block(&self, map: Map<'_>, images: usize) -> bool {
        let size = (map.height, map.width);
        let blocks = || self.tuning.blocks(images, size, 0..tiles(size.0), self.c + self.k);
        self.together(map) >= images && blocks().count() == 1
    }

    /// Computes both gradients of images in the frequencies. Sums the gradient of the weights in
    /// `scratch`, or writes it to `whole` if the images are a whole shard and one block. Writes the
    /// gradient of the input to `dx`, or adds it, unless `dx` is empty.
    pub fn winograd_gradients(
        &self,
        inputs: &[Input<'_>],
        gradients: &[Gradient<'_>],
        mut whole: Option<&mut [f32]>,
        dx: &mut [MapMut<'_>],
        accumulate: bool,
        scratch: &mut Scratch,
    ) {
        let Some(Input { map, .. }) = inputs.first() else { return };
        let (c, k, size) = (self.c, self.k, (map.height, map.width));
        let blocks = self.tuning.blocks(inputs.len(), size, 0..tiles(size.0), c + k);
        let count = blocks.clone().count();
        for (b, block) in blocks.enumerate() {
            let v = &mut scratch.tiles[..block.len(c)];
            let d = &mut scratch.products[..block.len(k)];
            for (n, (input, &gradient)) in inputs.iter().zip(gradients).enumerate() {
                let Input { map, activation, .. } = *input;
                transform_input(self.isa, map, activation, (&block, n), v, &mut scratch.columns);
                transform_gradient(self.isa, gradient, (&block, n), d, &mut scratch.columns);
            }
            if let Some(whole) = &mut whole {
                self.whole_gradient(&block, v, d, whole, &mut scratch.filter);
            }
            for f in 0..FREQUENCIES {
                scratch.ahead.fetch(b * FREQUENCIES + f, count * FREQUENCIES);
                let tiles = block.tiles_of(f);
                let t = tiles.len();
                let v = &mut v[f * block.plane(c) + tiles.start * c..][..t * c];
                let d = &d[f * block.plane(k) + tiles.start * k..][..t * k];
                if whole.is_none() {
                    let left = Strided { values: v, row: 1, column: c };
                    let sum = &mut scratch.filter[f * c * k..][..c * k];
                    gemm(self.isa, (c, k, t), left, d, k, sum, k, true);
                }
                if !dx.is_empty() {
                    // The gradient of the tiles replaces them.
                    let left = Strided { values: d, row: k, column: 1 };
                    let right = &self.backward[f * c * k..][..c * k];
                    gemm(self.isa, (t, c, k), left, right, c, v, c, false);
                }
            }
            for (n, dx) in dx.iter_mut().enumerate() {
                let (dx, columns) = (dx.reborrow(), &mut scratch.columns);
                transform_input_gradient(self.isa, v, (&block, n), dx, accumulate, columns);
            }
        }
    }

    /// Computes the gradient of the weights from one block that is a whole shard, a few input lanes
    /// at a time, so that their frequencies stay in the cache until they are transformed back.
    fn whole_gradient(
        &self,
        block: &Block,
        v: &[f32],
        d: &[f32],
        gradient: &mut [f32],
        frequencies: &mut [f32],
    ) {
        let (c, k) = (self.c, self.k);
        let rows = (CACHED / (FREQUENCIES * k)).clamp(1, c);
        for lanes in (0..c).step_by(rows).map(|lane| lane..(lane + rows).min(c)) {
            let size = lanes.len() * k;
            for f in 0..FREQUENCIES {
                let tiles = block.tiles_of(f);
                let v = &v[f * block.plane(c) + tiles.start * c..][..tiles.len() * c];
                let d = &d[f * block.plane(k) + tiles.start * k..][..tiles.len() * k];
                let left = Strided { values: &v[lanes.start.min(v.len())..], row: 1, column: c };
                let sum = &mut frequencies[f * size..][..size];
                gemm(self.isa, (lanes.len(), k, tiles.len()), left, d, k, sum, k, false);
            }
            let to = &mut gradient[lanes.start * k..];
            transform_filter_gradient(self.isa, &frequencies[..FREQUENCIES * size], to, c * k);
        }
    }
}
