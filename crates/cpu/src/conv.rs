//! One image's convolution: forward, gradient of the weights, gradient of the input.
//!
//! Three methods, one rule: lay the input out as rows (tiles in 36 frequencies, pixels, or patches),
//! multiply by the weights, lay the result out as a map.

use crate::machine::Scratch;
use crate::plan::{Buffer, Conv, Method};
use crate::weights::{ConvWeights, Weights};
use modiste_kernels::elementwise::copy;
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::norm::activate;
use modiste_kernels::patches::{Window, gather, scatter};
use modiste_kernels::simd::Isa;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_kernels::winograd::{
    FREQUENCIES, TILE, plane, tiles, transform_filter_gradient, transform_gradient,
    transform_input, transform_output,
};

/// Values of tiles (inputs and products) that a block of tile rows may take: some 1.3 MB, which
/// leaves room for the weights in a second-level cache of 2 MB.
const BLOCK_VALUES: usize = 320 * 1024;
/// Rows of pixels or patches that are activated or gathered at a time, in values.
const ROW_VALUES: usize = 16 * 1024;

/// A convolution's weights and method, for one image at a time.
#[derive(Clone, Copy)]
pub(crate) struct ImageConv<'a> {
    pub isa: Isa,
    pub weights: &'a ConvWeights,
    /// The weights as they lie in the flat array: (taps, c, k).
    pub filter: &'a [f32],
    /// The weights in the forms that [`Weights::derived`] gives.
    forward: &'a [f32],
    backward: &'a [f32],
}

/// An input and how it is read.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub map: Map<'a>,
    pub activation: Option<Activation<'a>>,
    /// Lanes of each part of a planar input; empty for any other.
    pub parts: &'a [usize],
}

impl<'a> ImageConv<'a> {
    /// The convolution of a step.
    pub fn new(isa: Isa, weights: &'a Weights, conv: &Conv, flat: &'a [f32]) -> Self {
        let weights_of = &weights.convs[conv.weights];
        let filter = &flat[weights.parameters[weights_of.parameter].range()];
        let (forward, backward) = weights.derived(conv.weights);
        Self { isa, weights: weights_of, filter, forward, backward }
    }

    /// The output of an image.
    pub fn forward(&self, input: Input<'_>, mut to: MapMut<'_>, scratch: &mut Scratch) {
        match self.weights.method {
            Method::Winograd => self.winograd(input, self.forward, to, false, scratch),
            Method::Pointwise => self.pointwise(input, &mut to, scratch),
            Method::Patches(window) => self.patches(input, window, &mut to, scratch),
        }
    }

    /// A convolution in the frequencies, in blocks of tile rows that stay in the cache.
    fn winograd(
        &self,
        Input { map, activation, .. }: Input<'_>,
        filter: &[f32],
        mut to: MapMut<'_>,
        accumulate: bool,
        scratch: &mut Scratch,
    ) {
        let (across, c, k) = (tiles(map.width), map.channels, to.channels);
        let (height, down) = (to.height, tiles(to.height));
        let block = block_rows(down, across, c + k);
        for_blocks(0, down, block, |first, rows| {
            let t = rows * across;
            let (v_plane, m_plane) = (plane(t, c), plane(t, k));
            let v = &mut scratch.tiles[..FREQUENCIES * v_plane];
            let m = &mut scratch.products[..FREQUENCIES * m_plane];
            transform_input(self.isa, map, activation, (first, rows), v);
            for f in 0..FREQUENCIES {
                let left = Strided { values: &v[f * v_plane..], row: c, column: 1 };
                let right = &filter[f * c * k..][..c * k];
                gemm(self.isa, (t, k, c), left, right, k, &mut m[f * m_plane..], k, false);
            }
            let (top, bottom) = (first * TILE, ((first + rows) * TILE).min(height));
            let band = to.reborrow().rows(top, bottom - top);
            transform_output(self.isa, m, (first, rows), height, band, accumulate);
        });
    }

    fn pointwise(&self, input: Input<'_>, to: &mut MapMut<'_>, scratch: &mut Scratch) {
        let (c, k) = (input.map.channels, to.channels);
        for_blocks(0, input.map.pixels(), ROW_VALUES / c, |pixel, count| {
            let (left, row) = read_rows(self.isa, input, pixel, count, &mut scratch.tiles);
            let left = Strided { values: left, row, column: 1 };
            let out = &mut to.values[pixel * to.stride..];
            gemm(self.isa, (count, k, c), left, self.filter, k, out, to.stride, false);
        });
    }

    fn patches(
        &self,
        Input { map, activation, .. }: Input<'_>,
        window: Window,
        to: &mut MapMut<'_>,
        scratch: &mut Scratch,
    ) {
        let (patch, k, across) = (self.weights.taps * map.channels, to.channels, to.width);
        let block = (ROW_VALUES / (patch * across)).max(1);
        for_blocks(0, to.height, block, |row, count| {
            let pixels = count * across;
            let left = &mut scratch.tiles[..pixels * patch];
            gather(self.isa, map, activation, window, row..row + count, across, left);
            let left = Strided { values: left, row: patch, column: 1 };
            let out = &mut to.values[row * across * to.stride..];
            gemm(self.isa, (pixels, k, patch), left, self.filter, k, out, to.stride, false);
        });
    }

    /// Before a shard's first image: clears where the gradient of the weights is summed.
    pub fn begin_shard(&self, gradient: &mut [f32], scratch: &mut Scratch) {
        match self.weights.method {
            Method::Winograd => self.frequencies(&mut scratch.filter).fill(0.0),
            Method::Pointwise | Method::Patches(_) => gradient.fill(0.0),
        }
    }

    /// After a shard's last image: the sum leaves the frequencies.
    pub fn end_shard(&self, gradient: &mut [f32], scratch: &mut Scratch) {
        if self.weights.method == Method::Winograd {
            transform_filter_gradient(self.isa, self.frequencies(&mut scratch.filter), gradient);
        }
    }

    fn frequencies<'s>(&self, filter: &'s mut [f32]) -> &'s mut [f32] {
        &mut filter[..FREQUENCIES * self.weights.c * self.weights.k]
    }

    /// Adds one image's gradient of the weights.
    pub fn weight_gradient(
        &self,
        input: Input<'_>,
        dz: Map<'_>,
        gradient: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Input { map, activation, .. } = input;
        let (c, k) = (map.channels, dz.channels);
        match self.weights.method {
            Method::Winograd => {
                let across = tiles(map.width);
                let block = block_rows(tiles(map.height), across, c + k);
                for_blocks(0, tiles(map.height), block, |first, rows| {
                    let t = rows * across;
                    let (v_plane, d_plane) = (plane(t, c), plane(t, k));
                    let v = &mut scratch.tiles[..FREQUENCIES * v_plane];
                    let d = &mut scratch.products[..FREQUENCIES * d_plane];
                    transform_input(self.isa, map, activation, (first, rows), v);
                    let bottom = ((first + rows) * TILE).min(dz.height);
                    transform_gradient(self.isa, dz.rows(first * TILE, bottom - first * TILE), d);
                    for f in 0..FREQUENCIES {
                        let left = Strided { values: &v[f * v_plane..], row: 1, column: c };
                        let sum = &mut scratch.filter[f * c * k..][..c * k];
                        gemm(self.isa, (c, k, t), left, &d[f * d_plane..], k, sum, k, true);
                    }
                });
            }
            Method::Pointwise => {
                for_blocks(0, map.pixels(), ROW_VALUES / c, |pixel, count| {
                    let (left, row) = read_rows(self.isa, input, pixel, count, &mut scratch.tiles);
                    let left = Strided { values: left, row: 1, column: row };
                    let right = &dz.values[pixel * dz.stride..];
                    gemm(self.isa, (c, k, count), left, right, dz.stride, gradient, k, true);
                });
            }
            Method::Patches(window) => {
                let (patch, across) = (self.weights.taps * c, dz.width);
                let block = (ROW_VALUES / (patch * across)).max(1);
                for_blocks(0, dz.height, block, |row, count| {
                    let pixels = count * across;
                    let left = &mut scratch.tiles[..pixels * patch];
                    gather(self.isa, map, activation, window, row..row + count, across, left);
                    let left = Strided { values: left, row: 1, column: patch };
                    let right = &dz.values[row * across * dz.stride..];
                    gemm(self.isa, (patch, k, pixels), left, right, dz.stride, gradient, k, true);
                });
            }
        }
    }

    /// Writes or adds one image's gradient of the input.
    pub fn input_gradient(
        &self,
        dz: Map<'_>,
        mut dx: MapMut<'_>,
        parts: &[usize],
        accumulate: bool,
        scratch: &mut Scratch,
    ) {
        let (c, k) = (dx.channels, dz.channels);
        let filter = self.backward;
        match self.weights.method {
            Method::Winograd => {
                let dz = Input { map: dz, activation: None, parts: &[] };
                self.winograd(dz, filter, dx, accumulate, scratch);
            }
            Method::Pointwise => {
                let left = Strided { values: dz.values, row: dz.stride, column: 1 };
                let m = dz.pixels();
                if parts.is_empty() {
                    let row = dx.stride;
                    return gemm(self.isa, (m, c, k), left, filter, c, dx.values, row, accumulate);
                }
                let mut offset = 0;
                for &part in parts {
                    let (right, out) = (&filter[offset..], &mut dx.values[offset * m..]);
                    gemm(self.isa, (m, part, k), left, right, c, out, part, accumulate);
                    offset += part;
                }
            }
            Method::Patches(window) => {
                if !accumulate {
                    clear(&mut dx);
                }
                let patch = self.weights.taps * c;
                let patches = &mut scratch.products[..dz.pixels() * patch];
                let left = Strided { values: dz.values, row: dz.stride, column: 1 };
                gemm(self.isa, (dz.pixels(), patch, k), left, filter, patch, patches, patch, false);
                scatter(self.isa, patches, window, dz.height, dz.width, dx);
            }
        }
    }
}

/// Sets the lanes of a map to zero.
pub(crate) fn clear(map: &mut MapMut<'_>) {
    for pixel in 0..map.height * map.width {
        map.values[pixel * map.stride..][..map.channels].fill(0.0);
    }
}

/// Tile rows of a block, in equal shares.
fn block_rows(rows: usize, across: usize, channels: usize) -> usize {
    let most = (BLOCK_VALUES / (FREQUENCIES * across * channels)).clamp(1, rows.max(1));
    rows.div_ceil(rows.div_ceil(most).max(1)).max(1)
}

/// Calls `work(first, count)` for blocks of at most `block` of `start` .. `end`.
fn for_blocks(start: usize, end: usize, block: usize, mut work: impl FnMut(usize, usize)) {
    for first in (start..end).step_by(block.max(1)) {
        work(first, block.max(1).min(end - first));
    }
}

/// `count` pixels as rows of a matrix with their row stride; in scratch if they are activated or lie
/// in parts.
fn read_rows<'a>(
    isa: Isa,
    Input { map, activation, parts }: Input<'a>,
    pixel: usize,
    count: usize,
    scratch: &'a mut [f32],
) -> (&'a [f32], usize) {
    if activation.is_none() && parts.is_empty() {
        return (&map.values[pixel * map.stride..], map.stride);
    }
    let c = map.channels;
    let rows = &mut scratch[..count * c];
    let mut read = |values, lanes, stride, offset| {
        let from = Map { values, height: 1, width: count, channels: lanes, stride };
        let to = &mut rows[offset..];
        let to = MapMut { values: to, height: 1, width: count, channels: lanes, stride: c };
        match activation {
            Some(activation) => activate(isa, from, activation.lanes(offset..offset + lanes), to),
            None => copy(isa, to, from),
        }
    };
    if parts.is_empty() {
        read(&map.values[pixel * map.stride..], c, map.stride, 0);
    }
    let mut offset = 0;
    for &lanes in parts {
        read(&map.values[offset * map.pixels() + pixel * lanes..], lanes, lanes, offset);
        offset += lanes;
    }
    (&scratch[..count * c], c)
}

/// The most scratch values that any convolution of a plan needs.
#[derive(Default)]
pub(crate) struct Sizes {
    pub tiles: usize,
    pub products: usize,
    pub filter: usize,
    pub raw: usize,
}

impl Sizes {
    /// Makes room for a convolution between two buffers, from `c` to `k` lanes.
    pub fn grow(&mut self, method: Method, from: &Buffer, to: &Buffer, c: usize, k: usize) {
        let (tiles, products, filter) = match method {
            Method::Winograd => {
                let t = tiles(from.height) * tiles(from.width);
                // Forward and backward swap the roles of c and k.
                let values = FREQUENCIES * plane(t, c.max(k));
                (values, values, FREQUENCIES * c * k)
            }
            Method::Pointwise => (ROW_VALUES.max(c), 0, 0),
            Method::Patches(window) => {
                let patch = window.kernel * window.kernel * c;
                (ROW_VALUES.max(patch * to.width), to.pixels() * patch, 0)
            }
        };
        self.tiles = self.tiles.max(tiles);
        self.products = self.products.max(products);
        self.filter = self.filter.max(filter);
    }
}
