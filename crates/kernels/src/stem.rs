//! The 3x3 convolution of images with one channel: forward and gradient of the weights.
//!
//! Gathering patches for a matrix product would take longer than the product. Here pixels are read
//! in place, from a copy of the image with a border of zeros. Every sum has the order of the matrix
//! product over patches ([`crate::patches`]), so both give the same bits.

use crate::LANES;
use crate::isa::{Isa, Kernel};
use crate::patches::Window;
use crate::simd::Simd;
use crate::view::{Gradient, Map, MapMut, ensure_len, product};
use std::ops::Range;

/// Weights of a filter for each output channel.
pub const TAPS: usize = SIDE * SIDE;
const SIDE: usize = 3;

/// Number of output pixels summed at a time: enough that no sum waits for the previous one.
const PIXELS: usize = 7;

/// An image of one channel with a border of zeros, one pixel wide.
#[derive(Clone, Copy, Debug)]
pub struct Bordered<'a> {
    values: &'a [f32],
    height: usize,
    width: usize,
}

impl<'a> Bordered<'a> {
    /// Size of an image of `height` x `width` pixels with its border, in values.
    pub fn len(height: usize, width: usize) -> usize {
        let border = |size: usize| size.checked_add(2).expect("a size that fits the address space");
        product([border(height), border(width)])
    }

    /// Copies an image into `values`, with its border.
    ///
    /// # Panics
    /// If the image does not have exactly one channel, or `values` has the wrong length.
    pub fn copy(image: Map<'_>, values: &'a mut [f32]) -> Self {
        image.ensure();
        assert!(image.channels == 1, "an image of {} channels, not 1", image.channels);
        ensure_len("a bordered image", values.len(), Self::len(image.height, image.width));
        let Map { height, width, stride, .. } = image;
        let row = width + 2;
        values[..row].fill(0.0);
        values[(height + 1) * row..].fill(0.0);
        for (y, to) in values[row..].chunks_exact_mut(row).take(height).enumerate() {
            (to[0], to[width + 1]) = (0.0, 0.0);
            let from = image.values[y * width * stride..].iter().step_by(stride);
            to[1..=width].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        Self { values, height, width }
    }

    /// Panics unless the rows `rows` of the outputs exist.
    fn ensure(&self, stride: usize, rows: &Range<usize>, height: usize, width: usize) {
        let window = Window { kernel: SIDE, stride, padding: SIDE / 2 };
        let (down, across) = (window.outputs(self.height), window.outputs(self.width));
        assert!(rows.start < rows.end && rows.end <= down, "rows {rows:?} of {down}");
        assert!(
            (height, width) == (rows.len(), across),
            "{height} x {width} outputs, not {across} wide"
        );
    }
}

fn ensure_filter(values: usize, k: usize) {
    assert!(k.is_multiple_of(LANES), "{k} channels are no multiple of {LANES}");
    ensure_len("weights", values, product([TAPS, k]));
}

/// Computes the rows `rows` of the outputs into `y`; the filter is (9, channels).
///
/// # Panics
/// If sizes do not fit together.
pub fn forward(
    isa: Isa,
    image: Bordered<'_>,
    filter: &[f32],
    stride: usize,
    rows: Range<usize>,
    y: MapMut<'_>,
) {
    y.ensure();
    ensure_filter(filter.len(), y.channels);
    image.ensure(stride, &rows, y.height, y.width);
    isa.run(Forward { image, filter, stride, first: rows.start, y });
}

/// Adds the gradient of the weights to `gradient` (9, channels): the sum over the output rows
/// `rows`, whose gradient is `dy`.
///
/// # Panics
/// If sizes do not fit together.
pub fn weight_gradient(
    isa: Isa,
    image: Bordered<'_>,
    dy: Gradient<'_>,
    stride: usize,
    rows: Range<usize>,
    gradient: &mut [f32],
) {
    dy.ensure();
    ensure_filter(gradient.len(), dy.map.channels);
    image.ensure(stride, &rows, dy.map.height, dy.map.width);
    isa.run(WeightGradient { image, dy, stride, first: rows.start, gradient });
}

struct Forward<'a> {
    image: Bordered<'a>,
    filter: &'a [f32],
    stride: usize,
    first: usize,
    y: MapMut<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in 0..self.y.height {
            let mut x = 0;
            let blocks = self.y.width.div_ceil(PIXELS);
            for block in 0..blocks {
                let count = (self.y.width - x).div_ceil(blocks - block);
                for c in (0..self.y.channels).step_by(S::WIDTH) {
                    match count {
                        1 => self.pixels::<S, 1>(simd, row, x, c),
                        2 => self.pixels::<S, 2>(simd, row, x, c),
                        3 => self.pixels::<S, 3>(simd, row, x, c),
                        4 => self.pixels::<S, 4>(simd, row, x, c),
                        5 => self.pixels::<S, 5>(simd, row, x, c),
                        6 => self.pixels::<S, 6>(simd, row, x, c),
                        _ => self.pixels::<S, PIXELS>(simd, row, x, c),
                    }
                }
                x += count;
            }
        }
    }
}

impl Forward<'_> {
    /// `N` neighbouring outputs in the register of channels from `c` on.
    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(&mut self, simd: S, row: usize, x: usize, c: usize) {
        let (k, wide) = (self.y.channels, self.image.width + 2);
        let mut sum = [simd.splat(0.0); N];
        // SAFETY: `Bordered::ensure` checked that the windows of all outputs lie within the image and
        // its border, `ensure_filter` the weights, `MapMut::ensure` that the outputs lie within `y`.
        unsafe {
            let start = (self.first + row) * self.stride * wide + x * self.stride;
            let image = self.image.values.as_ptr().add(start);
            let filter = self.filter.as_ptr().add(c);
            for ky in 0..SIDE {
                for kx in 0..SIDE {
                    let weight = simd.load(filter.add((ky * SIDE + kx) * k));
                    let from = image.add(ky * wide + kx);
                    for i in 0..N {
                        sum[i] = simd.fma(simd.splat(*from.add(i * self.stride)), weight, sum[i]);
                    }
                }
            }
            let at = (row * self.y.width + x) * self.y.stride + c;
            let to = self.y.values.as_mut_ptr().add(at);
            for i in 0..N {
                simd.store(to.add(i * self.y.stride), sum[i]);
            }
        }
    }
}

struct WeightGradient<'a> {
    image: Bordered<'a>,
    dy: Gradient<'a>,
    stride: usize,
    first: usize,
    gradient: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for c in (0..self.dy.map.channels).step_by(S::WIDTH) {
            match self.dy.norm.is_some() {
                true => self.channels::<S, true>(simd, c),
                false => self.channels::<S, false>(simd, c),
            }
        }
    }
}

impl WeightGradient<'_> {
    /// The gradient in the register of channels from `c` on.
    #[inline(always)]
    fn channels<S: Simd, const NORM: bool>(&mut self, simd: S, c: usize) {
        let Map { width, channels: k, .. } = self.dy.map;
        let wide = self.image.width + 2;
        let mut sum = [simd.splat(0.0); TAPS];
        // SAFETY: `Bordered::ensure` checked that the windows of all outputs lie within the image and
        // its border, `Gradient::ensure` that all pixels and channels of `dy` are there, and
        // `ensure_filter` that there is a gradient for each tap and channel.
        unsafe {
            let [scale, shift, floor, slope, offset] = match &self.dy.norm {
                Some(norm) if NORM => {
                    let ([scale, shift, floor], [slope, offset]) =
                        (norm.activation.of(simd, c), norm.of(simd, c));
                    [scale, shift, floor, slope, offset]
                }
                _ => [simd.splat(0.0); 5],
            };
            for row in 0..self.dy.map.height {
                let start = (self.first + row) * self.stride * wide;
                let image = self.image.values.as_ptr().add(start);
                for x in 0..width {
                    let pixel = row * width + x;
                    let mut g =
                        simd.load(self.dy.map.values.as_ptr().add(pixel * self.dy.map.stride + c));
                    if let (true, Some(norm)) = (NORM, &self.dy.norm) {
                        let z = simd.load(norm.z.values.as_ptr().add(pixel * norm.z.stride + c));
                        // The roundings of `norm::gradient`.
                        g = simd.above(simd.add(simd.mul(z, scale), shift), floor, g);
                        g = simd.sub(simd.mul(g, scale), simd.mul(z, slope));
                        g = simd.sub(g, offset);
                    }
                    let from = image.add(x * self.stride);
                    for tap in 0..TAPS {
                        let value = *from.add(tap / SIDE * wide + tap % SIDE);
                        sum[tap] = simd.fma(simd.splat(value), g, sum[tap]);
                    }
                }
            }
            for tap in 0..TAPS {
                let to = self.gradient.as_mut_ptr().add(tap * k + c);
                simd.store(to, simd.add(simd.load(to), sum[tap]));
            }
        }
    }
}
