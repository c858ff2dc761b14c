//! Feature maps within larger buffers, and operations applied to their values on reading.

use crate::simd::Simd;

/// A map (height, width, channels) whose pixels are `stride` values apart: all channels of a buffer
/// or some neighbouring ones. The slice begins with the first channel of the first pixel.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    /// The values.
    pub values: &'a [f32],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Distance of pixels.
    pub stride: usize,
}

/// A map to write to.
#[derive(Debug)]
pub struct MapMut<'a> {
    /// The values.
    pub values: &'a mut [f32],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Distance of pixels.
    pub stride: usize,
}

impl Map<'_> {
    /// Panics unless the map lies within its slice.
    pub(crate) fn ensure(&self) {
        ensure(self.values.len(), (self.height, self.width), self.channels, self.stride);
    }

    /// Pixels.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// `count` rows from `first` on.
    pub fn rows(self, first: usize, count: usize) -> Self {
        Self { values: &self.values[first * self.width * self.stride..], height: count, ..self }
    }

    /// A writable map of the same shape, without values.
    pub fn shape(&self) -> MapMut<'static> {
        let Self { height, width, channels, stride, .. } = *self;
        MapMut { values: &mut [], height, width, channels, stride }
    }
}

impl MapMut<'_> {
    /// Panics unless the map lies within its slice.
    pub(crate) fn ensure(&self) {
        ensure(self.values.len(), (self.height, self.width), self.channels, self.stride);
    }

    /// The same map for reading.
    pub fn as_map(&self) -> Map<'_> {
        let Self { height, width, channels, stride, .. } = *self;
        Map { values: self.values, height, width, channels, stride }
    }
}

impl<'a> MapMut<'a> {
    /// The same map, borrowed for a shorter time.
    pub fn reborrow(&mut self) -> MapMut<'_> {
        let Self { height, width, channels, stride, .. } = *self;
        MapMut { values: self.values, height, width, channels, stride }
    }

    /// `count` rows from `first` on.
    pub fn rows(self, first: usize, count: usize) -> Self {
        let start = first * self.width * self.stride;
        Self { values: &mut self.values[start..], height: count, ..self }
    }

    /// Converts to a map for reading.
    pub fn into_map(self) -> Map<'a> {
        let Self { height, width, channels, stride, values } = self;
        Map { values, height, width, channels, stride }
    }
}

/// Panics unless all maps lie within their slices and have the size of the first.
pub(crate) fn ensure_alike<const N: usize>(maps: [Map<'_>; N]) {
    let size = |map: &Map<'_>| (map.pixels(), map.channels);
    for map in &maps {
        map.ensure();
        let ((pixels, channels), first) = (size(map), size(&maps[0]));
        assert!(
            (pixels, channels) == first,
            "{pixels} pixels of {channels} channels, not {first:?}"
        );
    }
}

/// Panics unless there are `wanted` values.
pub(crate) fn ensure_len(what: &str, values: usize, wanted: usize) {
    assert!(values == wanted, "{what}: {values} values, not {wanted}");
}

/// Panics unless a vector has a value for each channel.
pub(crate) fn ensure_vector(what: &str, vector: &[f32], channels: usize) {
    assert!(vector.len() >= channels, "{what}: {} values for {channels} channels", vector.len());
}

fn ensure(len: usize, (height, width): (usize, usize), channels: usize, stride: usize) {
    let pixels = product([height, width]);
    assert!(pixels > 0 && channels > 0 && channels <= stride, "an empty or overlapping map");
    assert!(span(pixels, stride, channels) <= len, "a map beyond its slice of {len}");
}

/// The product of sizes; panics on overflow, which could otherwise pass a check.
pub(crate) fn product<const N: usize>(sizes: [usize; N]) -> usize {
    let checked = |product: usize, &size: &usize| product.checked_mul(size);
    sizes.iter().try_fold(1, checked).expect("a size that fits the address space")
}

/// Distance from the first of `rows` rows, at least one, to the end of the last row's `len` values.
pub(crate) fn span(rows: usize, stride: usize, len: usize) -> usize {
    product([rows.checked_sub(1).expect("a row"), stride])
        .checked_add(len)
        .expect("a size that fits the address space")
}

/// max(x * scale + shift, floor) per channel: a normalisation with its ReLU (floor 0) or without
/// (floor minus infinity), applied as values are read. NaN stays NaN.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'a> {
    /// Factor per channel.
    pub scale: &'a [f32],
    /// Summand per channel.
    pub shift: &'a [f32],
    /// Lower limit per channel.
    pub floor: &'a [f32],
}

impl<'a> Activation<'a> {
    /// The activation of only some channels.
    pub fn lanes(&self, range: std::ops::Range<usize>) -> Activation<'a> {
        Activation {
            scale: &self.scale[range.clone()],
            shift: &self.shift[range.clone()],
            floor: &self.floor[range],
        }
    }

    pub(crate) fn ensure(&self, channels: usize) {
        let least = self.scale.len().min(self.shift.len()).min(self.floor.len());
        assert!(least >= channels, "an activation of {least} channels for {channels}");
    }

    /// The activation of the register of channels from `c` on.
    ///
    /// # Safety
    /// The channels must exist ([`Activation::ensure`]).
    #[inline(always)]
    pub(crate) unsafe fn of<S: Simd>(&self, simd: S, c: usize) -> [S::V; 3] {
        // SAFETY: the caller vouches for the channels.
        unsafe {
            [
                simd.load(self.scale.as_ptr().add(c)),
                simd.load(self.shift.as_ptr().add(c)),
                simd.load(self.floor.as_ptr().add(c)),
            ]
        }
    }
}

/// max(x * scale + shift, floor), by [`Activation::of`].
#[inline(always)]
pub(crate) fn activate<S: Simd>(simd: S, [scale, shift, floor]: [S::V; 3], x: S::V) -> S::V {
    simd.max(floor, simd.fma(x, scale, shift))
}

/// The gradient of an output, read as it is or carried back through the output's normalisation and
/// ReLU on reading.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// The gradient of the output.
    pub map: Map<'a>,
    /// The normalisation that it is carried through.
    pub norm: Option<NormGradient<'a>>,
}

/// Converts the gradient of activated values to that of the raw values z, like
/// [`crate::norm::gradient`].
#[derive(Clone, Copy, Debug)]
pub struct NormGradient<'a> {
    /// The raw values.
    pub z: Map<'a>,
    /// How they are read.
    pub activation: Activation<'a>,
    /// Factor of z per channel.
    pub slope: &'a [f32],
    /// Subtracted value per channel.
    pub offset: &'a [f32],
}

impl Gradient<'_> {
    /// `count` rows from `first` on.
    pub fn rows(self, first: usize, count: usize) -> Self {
        let norm = self.norm.map(|norm| NormGradient { z: norm.z.rows(first, count), ..norm });
        Self { map: self.map.rows(first, count), norm }
    }

    /// Panics unless everything lies within its slice.
    pub(crate) fn ensure(&self) {
        self.map.ensure();
        if let Some(NormGradient { z, activation, slope, offset }) = &self.norm {
            ensure_alike([self.map, *z]);
            activation.ensure(z.channels);
            ensure_vector("slopes", slope, z.channels);
            ensure_vector("offsets", offset, z.channels);
        }
    }
}

impl NormGradient<'_> {
    /// Slope and offset of the register of channels from `c` on.
    ///
    /// # Safety
    /// The channels must exist ([`Gradient::ensure`]).
    #[inline(always)]
    pub(crate) unsafe fn of<S: Simd>(&self, simd: S, c: usize) -> [S::V; 2] {
        // SAFETY: the caller vouches for the channels.
        unsafe { [simd.load(self.slope.as_ptr().add(c)), simd.load(self.offset.as_ptr().add(c))] }
    }
}

/// The gradient of raw values z from that of the activated ones, by [`Activation::of`] and
/// [`NormGradient::of`].
#[inline(always)]
pub(crate) fn carry_back<S: Simd>(
    simd: S,
    [scale, shift, floor]: [S::V; 3],
    [slope, offset]: [S::V; 2],
    (da, z): (S::V, S::V),
) -> S::V {
    let g = simd.above(simd.fma(z, scale, shift), floor, da);
    simd.sub(simd.mul(g, scale), simd.fma(z, slope, offset))
}
