//! The convolution of a few images: forward, gradient of the weights, gradient of the input.
//!
//! All methods lay the input out as rows (tiles in 36 frequencies, pixels, or patches), multiply by
//! the weights and lay the result out as a map. Winograd's method takes several small maps at once,
//! so that the filter's frequencies are loaded once for all of them. Training and prediction differ
//! only in what they pass in: weights, [`Tuning`], how the input is read and [`End`].

mod winograd;

use crate::plan::{Buffer, Conv, Method, Plan, Region, StepKind};
use crate::scratch::{Scratch, Sizes};
use crate::weights::{ConvWeights, Weights};
use modiste_kernels::elementwise::{self, copy};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::norm::activate;
use modiste_kernels::patches::{Window, gather, scatter};
use modiste_kernels::stem::{self, Bordered};
use modiste_kernels::view::{Activation, Gradient, Map, MapMut};
use modiste_kernels::winograd::{Biased, Block, FREQUENCIES, tiles, transform_filter_gradient};
use std::array::from_fn;
use std::ops::Range;

/// Largest number of images computed at once.
pub(crate) const TOGETHER: usize = 8;

/// Sizes of the blocks that are computed at a time.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    /// Largest size of a block of tiles (inputs and products), in values.
    block: usize,
    /// Size of the rows of pixels or patches multiplied at a time, in values.
    rows: usize,
    /// Whether tiles get their bias and floor as they are written, as in prediction.
    biased_tiles: bool,
    /// Whether gradients are computed.
    backward: bool,
}

/// Training: blocks of 1.3 MB; the size makes no difference (docs/performance.md).
pub(crate) const TRAINING: Tuning =
    Tuning { block: 320 * 1024, rows: 16 * 1024, biased_tiles: false, backward: true };

/// Prediction: blocks of 0.6 MB fit into a second-level cache of 1 MiB together with the filters passing
/// through, and rows get their bias, sum and ReLU while they are in the first-level cache.
pub(crate) const PREDICTION: Tuning =
    Tuning { block: 160 * 1024, rows: 8 * 1024, biased_tiles: true, backward: false };

/// A convolution's weights and method, for a few images at a time.
#[derive(Clone, Copy)]
pub(crate) struct ImageConv<'a> {
    pub isa: Isa,
    pub method: Method,
    /// Lanes of the input.
    pub c: usize,
    /// Lanes of the output.
    pub k: usize,
    /// (36, c, k) for Winograd's method, else (taps, c, k).
    pub forward: &'a [f32],
    /// For the gradient of the input, from [`Weights::derived`].
    pub backward: &'a [f32],
    pub tuning: Tuning,
}

/// An input and how it is read.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub map: Map<'a>,
    pub activation: Option<Activation<'a>>,
    /// Lanes of each part of a planar input; empty for other inputs.
    pub parts: &'a [usize],
}

/// The end of a convolution: bias, sum and ReLU.
pub(crate) struct End<'a> {
    pub isa: Isa,
    pub bias: Option<&'a [f32]>,
    /// A bias of zeros.
    pub zeros: &'a [f32],
    pub skip: Option<Skip<'a>>,
    /// 0 with a ReLU, else minus infinity.
    pub floor: f32,
}

/// The other summand of a residual block.
pub(crate) struct Skip<'a> {
    pub place: Region,
    pub buffer: &'a Buffer,
    /// The values of its buffer for all images.
    pub values: &'a [f32],
    /// Factor of the convolution.
    pub scale: f32,
}

impl End<'_> {
    /// Applies the end to some pixels of an image; `out` begins with the first of them.
    fn apply(&self, image: usize, pixels: Range<usize>, out: MapMut<'_>) {
        let bias = self.bias.unwrap_or(self.zeros);
        match &self.skip {
            Some(_) => self.add(image, pixels, bias, out),
            None if self.bias.is_some() || self.floor > f32::NEG_INFINITY => {
                elementwise::bias_floor(self.isa, out, bias, self.floor);
            }
            None => (),
        }
    }

    /// Adds pixels of the other summand and applies the floor.
    fn add(&self, image: usize, pixels: Range<usize>, bias: &[f32], out: MapMut<'_>) {
        let Some(Skip { place, buffer, values, scale }) = &self.skip else { return };
        let x = place.map(buffer, &values[image * buffer.image()..]);
        let values = &x.values[pixels.start * x.stride..];
        let (height, width) = (out.height, out.width);
        debug_assert_eq!(pixels.len(), height * width);
        let x = Map { values, height, width, ..x };
        elementwise::residual(self.isa, out, x, bias, *scale, self.floor);
    }

    /// The part that the output transform applies; a sum comes after it.
    fn biased(&self) -> Biased<'_> {
        let floor = if self.skip.is_some() { f32::NEG_INFINITY } else { self.floor };
        Biased { bias: self.bias.unwrap_or(self.zeros), floor }
    }
}

impl<'a> ImageConv<'a> {
    /// The convolution of a training step.
    pub fn new(isa: Isa, weights: &'a Weights, conv: &Conv, flat: &'a [f32]) -> Self {
        let &ConvWeights { parameter, method, c, k, .. } = &weights.convs[conv.weights];
        let (derived, backward) = weights.derived(conv.weights);
        let forward = match method {
            Method::Winograd => derived,
            Method::Pointwise | Method::Stem(_) | Method::Patches(_) => {
                &flat[weights.parameters[parameter].range()]
            }
        };
        Self { isa, method, c, k, forward, backward, tuning: TRAINING }
    }

    /// The best number of images to compute at once.
    pub fn together(&self, map: Map<'_>) -> usize {
        match self.method {
            Method::Winograd => self.tuning.together((map.height, map.width), self.c + self.k),
            Method::Pointwise | Method::Stem(_) | Method::Patches(_) => 1,
        }
    }

    /// Computes the rows `rows` of the outputs of some images from `first` on; `to` begins with
    /// them. With Winograd's method they must be whole tile rows, and for several images all rows.
    pub fn forward(
        &self,
        inputs: &[Input<'_>],
        (first, rows): (usize, Range<usize>),
        to: &mut [MapMut<'_>],
        end: &End<'_>,
        scratch: &mut Scratch,
    ) {
        if self.method == Method::Winograd {
            return self.winograd(inputs, (first, rows), to, end, scratch);
        }
        for (n, (&input, to)) in inputs.iter().zip(to).enumerate() {
            let at = (first + n, rows.clone());
            match self.method {
                Method::Patches(window) => self.patches(input, window, at, to, end, scratch),
                Method::Stem(stride) => self.stem(input, stride, at, to, end, scratch),
                Method::Pointwise | Method::Winograd => self.pointwise(input, at, to, end, scratch),
            }
        }
    }

    fn pointwise(
        &self,
        input: Input<'_>,
        (image, rows): (usize, Range<usize>),
        to: &mut MapMut<'_>,
        end: &End<'_>,
        scratch: &mut Scratch,
    ) {
        let (c, k, stride) = (self.c, self.k, to.stride);
        let origin = rows.start * to.width;
        for_blocks(origin, rows.end * to.width, self.tuning.rows / c, |pixel, count| {
            let (left, row) = read_rows(self.isa, input, pixel, count, &mut scratch.tiles);
            let left = Strided { values: left, row, column: 1 };
            let values = &mut to.values[(pixel - origin) * stride..];
            gemm(self.isa, (count, k, c), left, self.forward, k, values, stride, false);
            let done = MapMut { values, height: 1, width: count, channels: k, stride };
            end.apply(image, pixel..pixel + count, done);
        });
    }

    fn patches(
        &self,
        Input { map, activation, .. }: Input<'_>,
        window: Window,
        (image, rows): (usize, Range<usize>),
        to: &mut MapMut<'_>,
        end: &End<'_>,
        scratch: &mut Scratch,
    ) {
        let (patch, k, across, stride) = (patch(window, self.c), self.k, to.width, to.stride);
        let block = self.tuning.rows / (patch * across);
        for_blocks(rows.start, rows.end, block, |row, count| {
            let m = count * across;
            let left = &mut scratch.tiles[..m * patch];
            gather(self.isa, map, activation, window, row..row + count, across, left);
            let left = Strided { values: left, row: patch, column: 1 };
            let values = &mut to.values[(row - rows.start) * across * stride..];
            gemm(self.isa, (m, k, patch), left, self.forward, k, values, stride, false);
            let done = MapMut { values, height: count, width: across, channels: k, stride };
            end.apply(image, row * across..row * across + m, done);
        });
    }

    fn stem(
        &self,
        Input { map, .. }: Input<'_>,
        stride: usize,
        (image, rows): (usize, Range<usize>),
        to: &mut MapMut<'_>,
        end: &End<'_>,
        scratch: &mut Scratch,
    ) {
        let pixels = rows.start * to.width..rows.end * to.width;
        let bordered = bordered(map, scratch);
        stem::forward(self.isa, bordered, self.forward, stride, rows, to.reborrow());
        end.apply(image, pixels, to.reborrow());
    }

    /// Before a shard's first image: clears the sum of the gradient of the weights.
    pub fn begin_shard(&self, gradient: &mut [f32], scratch: &mut Scratch) {
        match self.method {
            Method::Winograd => self.frequencies(&mut scratch.filter).fill(0.0),
            Method::Pointwise | Method::Stem(_) | Method::Patches(_) => gradient.fill(0.0),
        }
    }

    /// After a shard's last image: transforms the sum back from the frequencies.
    pub fn end_shard(&self, gradient: &mut [f32], scratch: &mut Scratch) {
        if self.method == Method::Winograd {
            let frequencies = self.frequencies(&mut scratch.filter);
            transform_filter_gradient(self.isa, frequencies, gradient, self.c * self.k);
        }
    }

    fn frequencies<'s>(&self, filter: &'s mut [f32]) -> &'s mut [f32] {
        &mut filter[..FREQUENCIES * self.c * self.k]
    }

    /// Adds a stem's gradient of the weights from one image, in the blocks of rows that patches
    /// would use, so that the sums are the same.
    pub fn stem_gradient(
        &self,
        Input { map, .. }: Input<'_>,
        stride: usize,
        dy: Gradient<'_>,
        gradient: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let bordered = bordered(map, scratch);
        let block = self.tuning.rows / (stem::TAPS * dy.map.width);
        for_blocks(0, dy.map.height, block, |row, count| {
            let dy = dy.rows(row, count);
            stem::weight_gradient(self.isa, bordered, dy, stride, row..row + count, gradient);
        });
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
        match self.method {
            Method::Winograd => unreachable!("both gradients are taken together"),
            Method::Stem(stride) => {
                let dy = Gradient { map: dz, norm: None };
                self.stem_gradient(input, stride, dy, gradient, scratch);
            }
            Method::Pointwise => {
                for_blocks(0, map.pixels(), self.tuning.rows / c, |pixel, count| {
                    let (left, row) = read_rows(self.isa, input, pixel, count, &mut scratch.tiles);
                    let left = Strided { values: left, row: 1, column: row };
                    let right = &dz.values[pixel * dz.stride..];
                    gemm(self.isa, (c, k, count), left, right, dz.stride, gradient, k, true);
                });
            }
            Method::Patches(window) => {
                let (patch, across) = (patch(window, c), dz.width);
                let block = self.tuning.rows / (patch * across);
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
        match self.method {
            Method::Winograd => unreachable!("both gradients are taken together"),
            Method::Stem(_) => unreachable!("images take no gradient"),
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
                let patch = patch(window, c);
                let patches = &mut scratch.products[..dz.pixels() * patch];
                let left = Strided { values: dz.values, row: dz.stride, column: 1 };
                gemm(self.isa, (dz.pixels(), patch, k), left, filter, patch, patches, patch, false);
                scatter(self.isa, patches, window, dz.height, dz.width, dx);
            }
        }
    }
}

/// An image in scratch memory, with a border of zeros.
fn bordered<'s>(map: Map<'_>, scratch: &'s mut Scratch) -> Bordered<'s> {
    Bordered::copy(map, &mut scratch.tiles[..Bordered::len(map.height, map.width)])
}

/// Sets the lanes of a map to zero.
pub(crate) fn clear(map: &mut MapMut<'_>) {
    for pixel in 0..map.height * map.width {
        map.values[pixel * map.stride..][..map.channels].fill(0.0);
    }
}

/// Size of a patch, in values.
fn patch(window: Window, c: usize) -> usize {
    window.kernel * window.kernel * c
}

/// Splits a range into chunks of at most `most`.
pub(crate) fn chunks(
    range: Range<usize>,
    most: usize,
) -> impl Iterator<Item = Range<usize>> + Clone {
    // Nearly equal chunks: 8 becomes 3 + 3 + 2, not 7 + 1.
    let share = range.len().div_ceil(range.len().div_ceil(most).max(1)).max(1);
    let end = range.end;
    range.step_by(share).map(move |first| first..(first + share).min(end))
}

/// `count` maps given by `map`, then empty ones.
pub(crate) fn maps_of<'a>(
    count: usize,
    mut map: impl FnMut(usize) -> MapMut<'a>,
) -> [MapMut<'a>; TOGETHER] {
    let none = || MapMut { values: &mut [], height: 0, width: 0, channels: 0, stride: 0 };
    from_fn(|n| if n < count { map(n) } else { none() })
}

impl Tuning {
    /// Number of small maps in a block, with `channels` lanes before and after the convolution.
    fn together(&self, size: (usize, usize), channels: usize) -> usize {
        let one = Block::new(1, size, 0..tiles(size.0));
        (self.block / one.len(channels)).clamp(1, TOGETHER)
    }

    /// Divides the tile rows `rows` of maps into blocks: several whole maps, or nearly equal parts of a
    /// single one's rows.
    fn blocks(
        &self,
        maps: usize,
        size: (usize, usize),
        rows: Range<usize>,
        channels: usize,
    ) -> impl Iterator<Item = Block> + Clone + use<> {
        let row = FREQUENCIES * tiles(size.1) * channels;
        let most = if maps > 1 { rows.len() } else { (self.block / row).max(1) };
        chunks(rows, most).map(move |rows| Block::new(maps, size, rows))
    }
}

/// Calls `work(first, count)` for blocks of at most `block` of `start` .. `end`.
fn for_blocks(start: usize, end: usize, block: usize, mut work: impl FnMut(usize, usize)) {
    for first in (start..end).step_by(block.max(1)) {
        work(first, block.max(1).min(end - first));
    }
}

/// `count` pixels as rows of a matrix with their row stride; in scratch memory if they are activated or
/// stored in parts.
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

/// Enlarges scratch memory for the convolutions of a plan.
pub(crate) fn grow(sizes: &mut Sizes, plan: &Plan, tuning: Tuning) {
    for step in &plan.steps {
        let StepKind::Conv(conv) = &step.kind else { continue };
        let (from, to) = (&plan.buffers[step.from.place.buffer], &plan.buffers[step.to.buffer]);
        let (c, k) = (step.from.place.lanes, step.to.lanes);
        let of_backward = |len: usize| if tuning.backward { len } else { 0 };
        let (tiles, products, filter, columns) = match conv.method {
            Method::Winograd => {
                let size = (from.height, from.width);
                let block = Block::new(tuning.together(size, c + k), size, 0..tiles(size.0));
                let filter = of_backward(FREQUENCIES * c * k);
                (block.len(c), block.len(k), filter, block.scratch())
            }
            Method::Pointwise => (tuning.rows.max(c), 0, 0, 0),
            Method::Stem(_) => (Bordered::len(from.height, from.width), 0, 0, 0),
            Method::Patches(window) => {
                let patch = patch(window, c);
                (tuning.rows.max(patch * to.width), of_backward(to.pixels() * patch), 0, 0)
            }
        };
        sizes.tiles = sizes.tiles.max(tiles);
        sizes.products = sizes.products.max(products);
        sizes.filter = sizes.filter.max(filter);
        sizes.columns = sizes.columns.max(columns);
    }
}
