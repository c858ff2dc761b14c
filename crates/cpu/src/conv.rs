//! A few images' convolution: forward, gradient of the weights, gradient of the input.
//!
//! Three methods, one rule: lay the input out as rows (tiles in 36 frequencies, pixels, or patches),
//! multiply by the weights, lay the result out as a map. Winograd's method takes several small maps
//! at once, so that the filter's frequencies are fetched once for all of them.

use crate::machine::Scratch;
use crate::plan::{Buffer, Conv, Method};
use crate::weights::{ConvWeights, Weights};
use modiste_kernels::elementwise::copy;
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::norm::activate;
use modiste_kernels::patches::{Window, gather, scatter};
use modiste_kernels::view::{Activation, Gradient, Map, MapMut};
use modiste_kernels::winograd::{
    Block, FREQUENCIES, tiles, transform_filter_gradient, transform_gradient, transform_input,
    transform_input_gradient, transform_output,
};

/// Values of tiles (inputs and products) that a block may take.
const BLOCK_VALUES: usize = 320 * 1024;
/// The most images that are computed at once.
pub(crate) const TOGETHER: usize = 8;
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

    /// How many images of a batch are best computed at once.
    pub fn together(&self, map: Map<'_>) -> usize {
        match self.weights.method {
            Method::Winograd => together((map.height, map.width), self.weights.c, self.weights.k),
            Method::Pointwise | Method::Patches(_) => 1,
        }
    }

    /// The outputs of some images.
    pub fn forward(&self, inputs: &[Input<'_>], to: &mut [MapMut<'_>], scratch: &mut Scratch) {
        if self.weights.method == Method::Winograd {
            return self.winograd(inputs, to, scratch);
        }
        for (&input, to) in inputs.iter().zip(to) {
            match self.weights.method {
                Method::Patches(window) => self.patches(input, window, to, scratch),
                Method::Pointwise | Method::Winograd => self.pointwise(input, to, scratch),
            }
        }
    }

    /// A convolution in the frequencies, in blocks that stay in the cache.
    fn winograd(&self, inputs: &[Input<'_>], to: &mut [MapMut<'_>], scratch: &mut Scratch) {
        let Some(Input { map, .. }) = inputs.first() else { return };
        let (c, k, size) = (self.weights.c, self.weights.k, (map.height, map.width));
        let blocks = blocks(inputs.len(), size, c + k);
        let count = blocks.clone().count();
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
                let right = &self.forward[f * c * k..][..c * k];
                let product = &mut m[f * block.plane(k) + tiles.start * k..];
                gemm(self.isa, (tiles.len(), k, c), left, right, k, product, k, false);
            }
            for (n, to) in to.iter_mut().enumerate() {
                let pixels = block.pixel_rows();
                let band = to.reborrow().rows(pixels.start, pixels.len());
                transform_output(self.isa, m, (&block, n), band, &mut scratch.columns);
            }
        }
    }

    /// Both gradients of images in the frequencies: that of the weights is summed in `scratch`, that
    /// of the input written or added to `dx`, unless that is empty.
    pub fn winograd_gradients(
        &self,
        inputs: &[Input<'_>],
        gradients: &[Gradient<'_>],
        dx: &mut [MapMut<'_>],
        accumulate: bool,
        scratch: &mut Scratch,
    ) {
        let Some(Input { map, .. }) = inputs.first() else { return };
        let (c, k, size) = (self.weights.c, self.weights.k, (map.height, map.width));
        let blocks = blocks(inputs.len(), size, c + k);
        let count = blocks.clone().count();
        for (b, block) in blocks.enumerate() {
            let v = &mut scratch.tiles[..block.len(c)];
            let d = &mut scratch.products[..block.len(k)];
            for (n, (input, &gradient)) in inputs.iter().zip(gradients).enumerate() {
                let Input { map, activation, .. } = *input;
                transform_input(self.isa, map, activation, (&block, n), v, &mut scratch.columns);
                transform_gradient(self.isa, gradient, (&block, n), d, &mut scratch.columns);
            }
            for f in 0..FREQUENCIES {
                scratch.ahead.fetch(b * FREQUENCIES + f, count * FREQUENCIES);
                let tiles = block.tiles_of(f);
                let t = tiles.len();
                let v = &mut v[f * block.plane(c) + tiles.start * c..][..t * c];
                let d = &d[f * block.plane(k) + tiles.start * k..][..t * k];
                let left = Strided { values: v, row: 1, column: c };
                let sum = &mut scratch.filter[f * c * k..][..c * k];
                gemm(self.isa, (c, k, t), left, d, k, sum, k, true);
                if !dx.is_empty() {
                    // The gradient of the tiles takes their place.
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

    /// Adds one image's gradient of the weights; not for Winograd's method.
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
            Method::Winograd => unreachable!("both gradients are taken together"),
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

    /// Writes or adds one image's gradient of the input; not for Winograd's method.
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
            Method::Winograd => unreachable!("both gradients are taken together"),
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

/// How many small maps make a block.
fn together(size: (usize, usize), c: usize, k: usize) -> usize {
    let one = Block::new(1, size, 0..tiles(size.0));
    (BLOCK_VALUES / one.len(c + k)).clamp(1, TOGETHER)
}

/// Maps as blocks: several whole, or a single one in equal shares of tile rows.
fn blocks(
    maps: usize,
    size: (usize, usize),
    channels: usize,
) -> impl Iterator<Item = Block> + Clone {
    let (down, row) = (tiles(size.0), FREQUENCIES * tiles(size.1) * channels);
    let most = if maps > 1 { down } else { (BLOCK_VALUES / row).clamp(1, down) };
    let share = down.div_ceil(down.div_ceil(most));
    (0..down)
        .step_by(share)
        .map(move |first| Block::new(maps, size, first..(first + share).min(down)))
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
    pub columns: usize,
    pub raw: usize,
}

impl Sizes {
    /// Makes room for a convolution between two buffers, from `c` to `k` lanes.
    pub fn grow(&mut self, method: Method, from: &Buffer, to: &Buffer, c: usize, k: usize) {
        let (tiles, products, filter, columns) = match method {
            Method::Winograd => {
                let size = (from.height, from.width);
                let block = Block::new(together(size, c, k), size, 0..tiles(size.0));
                (block.len(c), block.len(k), FREQUENCIES * c * k, block.scratch())
            }
            Method::Pointwise => (ROW_VALUES.max(c), 0, 0, 0),
            Method::Patches(window) => {
                let patch = window.kernel * window.kernel * c;
                (ROW_VALUES.max(patch * to.width), to.pixels() * patch, 0, 0)
            }
        };
        self.tiles = self.tiles.max(tiles);
        self.products = self.products.max(products);
        self.filter = self.filter.max(filter);
        self.columns = self.columns.max(columns);
    }
}
