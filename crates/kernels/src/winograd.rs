//! Convolution 3x3 at stride 1 by Winograd's minimal filtering F(4x4, 3x3).
//!
//! Y = A' [(G g G') * (B' d B)] A on tiles of 4x4 outputs from 6x6 inputs (Lavin and Gray, "Fast
//! algorithms for convolutional neural networks", 2015): 36 multiplications instead of 144. The
//! product in the 36 frequencies is a matrix product over channels. The same transforms give both
//! gradients: that of the input is a convolution with the kernel turned around, that of the kernel
//! is G' [(A dY A') * (B' d B)] G summed over tiles.
//!
//! Tiles lie as (36, plane): the values (tiles, channels) of a frequency, then perhaps padding
//! ([`plane`]). Tiles beyond the map's edge are filled with zeros on reading and cut on writing.

pub mod mixed;

use crate::LANES;
use crate::simd::{Isa, Kernel, Simd};
use crate::view::{Activation, Map, MapMut, product};

/// Outputs of a tile in each direction.
pub const TILE: usize = 4;
/// Inputs of a tile in each direction.
const WINDOW: usize = 6;
/// Frequencies of a tile.
pub const FREQUENCIES: usize = WINDOW * WINDOW;

/// An array, one expression an element. Unlike a loop it writes no zeros beforehand, which took as
/// long as a transform; unlike `array::map` it has no closure, which might not be compiled for the
/// instruction set.
macro_rules! array {
    ($i:ident in [$($n:literal)*] => $e:expr) => { [$({ let $i: usize = $n; $e }),*] };
    ($i:ident in 3 => $e:expr) => { array!($i in [0 1 2] => $e) };
    ($i:ident in 4 => $e:expr) => { array!($i in [0 1 2 3] => $e) };
    ($i:ident in 6 => $e:expr) => { array!($i in [0 1 2 3 4 5] => $e) };
}

/// Tiles that cover `size` outputs.
pub const fn tiles(size: usize) -> usize {
    size.div_ceil(TILE)
}

/// Values from one frequency of `tiles` tiles to the next: as many as they take and a little more,
/// an odd number of lines of the cache. A tile's 36 values then fall into different sets of the
/// first cache; at a distance of a power of two they would push each other out.
pub const fn plane(tiles: usize, channels: usize) -> usize {
    (tiles * channels).div_ceil(LANES) / 2 * 2 * LANES + LANES
}

/// B' d B of each tile in the tile rows `first` .. `first + rows` of a map: (36, tiles, channels).
///
/// The activation, if any, is applied to the values as they are read; the padding stays zero.
pub fn transform_input(
    isa: Isa,
    map: Map<'_>,
    activation: Option<Activation<'_>>,
    (first, rows): (usize, usize),
    out: &mut [f32],
) {
    ensure_tiles(map.height, map.width, map.channels, first, rows, out.len());
    map.ensure();
    if let Some(activation) = &activation {
        activation.ensure(map.channels);
    }
    isa.run(TransformInput { map, activation, first, rows, out });
}

/// A dY A' of each tile, the gradient's way into the frequencies: (36, tiles, channels).
pub fn transform_gradient(isa: Isa, map: Map<'_>, out: &mut [f32]) {
    ensure_tiles(map.height, map.width, map.channels, 0, tiles(map.height), out.len());
    map.ensure();
    isa.run(TransformGradient { map, out });
}

/// A' m A of each tile in the tile rows `first` .. `first + rows`, written to (or added to) a map
/// that begins with the first of those rows.
pub fn transform_output(
    isa: Isa,
    products: &[f32],
    (first, rows): (usize, usize),
    height: usize,
    map: MapMut<'_>,
    accumulate: bool,
) {
    ensure_tiles(height, map.width, map.channels, first, rows, products.len());
    let band = (height - first * TILE).min(rows * TILE);
    assert!(map.height == band, "a band of {band} rows in a map of {}", map.height);
    map.ensure();
    isa.run(TransformOutput { products, rows, map, accumulate });
}

/// G g G' of every pair of channels: `filter` is (9, values), `out` (36, values).
pub fn transform_filter(isa: Isa, filter: &[f32], out: &mut [f32]) {
    let values = filter.len() / 9;
    assert!(values.is_multiple_of(LANES) && filter.len() == 9 * values);
    assert!(out.len() == FREQUENCIES * values);
    isa.run(TransformFilter { filter, values, out });
}

/// G' u G, the gradient's way back: `frequencies` is (36, values), `out` (9, values).
pub fn transform_filter_gradient(isa: Isa, frequencies: &[f32], out: &mut [f32]) {
    let values = out.len() / 9;
    assert!(values.is_multiple_of(LANES) && out.len() == 9 * values);
    assert!(frequencies.len() == FREQUENCIES * values);
    isa.run(TransformFilterGradient { frequencies, values, out });
}

fn ensure_channels(c: usize) {
    assert!(c > 0 && c.is_multiple_of(LANES), "{c} channels are no multiple of {LANES}");
}

fn ensure_tiles(height: usize, width: usize, c: usize, first: usize, rows: usize, len: usize) {
    ensure_channels(c);
    assert!(height > 0 && width > 0 && rows > 0);
    assert!(first <= tiles(height) && rows <= tiles(height) - first, "a band beyond the map");
    assert!(len.is_multiple_of(FREQUENCIES), "tiles of another size");
    let least = product([rows, tiles(width), c]);
    assert!(len / FREQUENCIES >= least, "tiles of another size");
}

/// B' d: one direction of the input transform.
#[inline(always)]
fn input_line<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    let (two, four, five) = (s.splat(2.0), s.splat(4.0), s.splat(-5.0));
    let minus_four = s.splat(-4.0);
    let even = s.fma(d[2], minus_four, d[4]);
    let odd = s.fma(d[1], minus_four, d[3]);
    let outer = s.sub(d[4], d[2]);
    let inner = s.mul(s.sub(d[3], d[1]), two);
    [
        s.fma(d[0], four, s.fma(d[2], five, d[4])),
        s.add(even, odd),
        s.sub(even, odd),
        s.add(outer, inner),
        s.sub(outer, inner),
        s.fma(d[1], four, s.fma(d[3], five, d[5])),
    ]
}

/// A' m: one direction of the output transform.
#[inline(always)]
fn output_line<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let (sum1, dif1) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (sum2, dif2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(sum1, sum2)),
        s.fma(dif2, s.splat(2.0), dif1),
        s.fma(sum2, s.splat(4.0), sum1),
        s.add(s.fma(dif2, s.splat(8.0), dif1), m[5]),
    ]
}

/// A y: one direction of the gradient's transform.
#[inline(always)]
fn gradient_line<S: Simd>(s: S, y: [S::V; 4]) -> [S::V; 6] {
    let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
    let even2 = s.fma(y[2], s.splat(4.0), y[0]);
    let odd2 = s.mul(s.fma(y[3], s.splat(4.0), y[1]), s.splat(2.0));
    [y[0], s.add(even, odd), s.sub(even, odd), s.add(even2, odd2), s.sub(even2, odd2), y[3]]
}

/// G g: one direction of the filter transform.
#[inline(always)]
fn filter_line<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    let sixth = s.splat(-1.0 / 6.0);
    let outer = s.mul(s.add(g[0], g[2]), sixth);
    let middle = s.mul(g[1], sixth);
    let far = s.fma(g[2], s.splat(1.0 / 6.0), s.mul(g[0], s.splat(1.0 / 24.0)));
    let half = s.mul(g[1], s.splat(1.0 / 12.0));
    [
        s.mul(g[0], s.splat(0.25)),
        s.add(outer, middle),
        s.sub(outer, middle),
        s.add(far, half),
        s.sub(far, half),
        g[2],
    ]
}

/// G' u: one direction of the filter gradient's transform.
#[inline(always)]
fn filter_gradient_line<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 3] {
    let sixth = s.splat(1.0 / 6.0);
    let (sum1, dif1) = (s.mul(s.add(u[1], u[2]), sixth), s.mul(s.sub(u[2], u[1]), sixth));
    let (sum2, dif2) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
    let near =
        s.fma(u[0], s.splat(0.25), s.fma(sum2, s.splat(1.0 / 24.0), s.mul(sum1, s.splat(-1.0))));
    [
        near,
        s.fma(dif2, s.splat(1.0 / 12.0), dif1),
        s.add(s.fma(sum2, sixth, s.mul(sum1, s.splat(-1.0))), u[5]),
    ]
}

struct TransformInput<'a> {
    map: Map<'a>,
    activation: Option<Activation<'a>>,
    first: usize,
    rows: usize,
    out: &'a mut [f32],
}

impl Kernel for TransformInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        match self.activation.is_some() {
            true => self.tiles::<S, true>(simd),
            false => self.tiles::<S, false>(simd),
        }
    }
}

impl TransformInput<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const ACTIVATE: bool>(&mut self, simd: S) {
        let across = tiles(self.map.width);
        for row in 0..self.rows {
            // Rows and columns that lie inside the map; the others are padding.
            let y0 = ((self.first + row) * TILE) as isize - 1;
            let ys = inside(y0, self.map.height);
            for column in 0..across {
                let x0 = (column * TILE) as isize - 1;
                let xs = inside(x0, self.map.width);
                let tile = row * across + column;
                if ys == (0, WINDOW) && xs == (0, WINDOW) {
                    self.tile::<S, ACTIVATE, true>(simd, (y0, x0), ys, xs, tile);
                } else {
                    self.tile::<S, ACTIVATE, false>(simd, (y0, x0), ys, xs, tile);
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ACTIVATE: bool, const WHOLE: bool>(
        &mut self,
        simd: S,
        (y0, x0): (isize, isize),
        ys: (usize, usize),
        xs: (usize, usize),
        tile: usize,
    ) {
        let channels = self.map.channels;
        let row_step = self.map.width * self.map.stride;
        let start = (y0 * self.map.width as isize + x0) * self.map.stride as isize;
        let plane = self.out.len() / FREQUENCIES;
        for c in (0..channels).step_by(S::WIDTH) {
            let half = array!(j in 6 => input_line(simd, array!(i in 6 => {
                if WHOLE || (ys.0 <= i && i < ys.1 && xs.0 <= j && j < xs.1) {
                    let at = start + (i * row_step + j * self.map.stride + c) as isize;
                    // SAFETY: the pixel lies inside the map (`inside`), the map inside its slice
                    // and the activation's channels inside theirs (`ensure`).
                    unsafe {
                        let x = simd.load(self.map.values.as_ptr().offset(at));
                        match &self.activation {
                            Some(a) if ACTIVATE => a.apply(simd, x, c),
                            _ => x,
                        }
                    }
                } else {
                    simd.splat(0.0)
                }
            })));
            for i in 0..WINDOW {
                let line = input_line(simd, array!(j in 6 => half[j][i]));
                for j in 0..WINDOW {
                    let at = (i * WINDOW + j) * plane + tile * channels + c;
                    // SAFETY: `ensure_tiles` checked the size of `out`.
                    unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                }
            }
        }
    }
}

/// The part of a window from `start` on that lies in 0 .. `size`, relative to the window.
#[inline(always)]
fn inside(start: isize, size: usize) -> (usize, usize) {
    let from = (-start).max(0) as usize;
    let to = (size as isize - start).clamp(0, WINDOW as isize) as usize;
    (from, to)
}

struct TransformGradient<'a> {
    map: Map<'a>,
    out: &'a mut [f32],
}

impl Kernel for TransformGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let map = self.map;
        let (across, down) = (tiles(map.width), tiles(map.height));
        let plane = self.out.len() / FREQUENCIES;
        for tile in 0..down * across {
            let (y0, x0) = (tile / across * TILE, tile % across * TILE);
            let (ys, xs) = ((map.height - y0).min(TILE), (map.width - x0).min(TILE));
            for c in (0..map.channels).step_by(S::WIDTH) {
                let half = array!(j in 4 => gradient_line(simd, array!(i in 4 => {
                    if i < ys && j < xs {
                        let at = ((y0 + i) * map.width + x0 + j) * map.stride + c;
                        // SAFETY: the pixel lies inside the map, the map inside its slice.
                        unsafe { simd.load(map.values.as_ptr().add(at)) }
                    } else {
                        simd.splat(0.0)
                    }
                })));
                for i in 0..WINDOW {
                    let line = gradient_line(simd, array!(j in 4 => half[j][i]));
                    for j in 0..WINDOW {
                        let at = (i * WINDOW + j) * plane + tile * map.channels + c;
                        // SAFETY: `ensure_tiles` checked the size of `out`.
                        unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                    }
                }
            }
        }
    }
}

struct TransformOutput<'a> {
    products: &'a [f32],
    rows: usize,
    map: MapMut<'a>,
    accumulate: bool,
}

impl Kernel for TransformOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let map = self.map;
        let across = tiles(map.width);
        let plane = self.products.len() / FREQUENCIES;
        let zero = simd.splat(0.0);
        for tile in 0..self.rows * across {
            let (y0, x0) = (tile / across * TILE, tile % across * TILE);
            let (ys, xs) = ((map.height - y0).min(TILE), (map.width - x0).min(TILE));
            for c in (0..map.channels).step_by(S::WIDTH) {
                let half = array!(j in 6 => output_line(simd, array!(i in 6 => {
                    let at = (i * WINDOW + j) * plane + tile * map.channels + c;
                    // SAFETY: `ensure_tiles` checked the size of `products`.
                    unsafe { simd.load(self.products.as_ptr().add(at)) }
                })));
                for i in 0..ys {
                    let line = output_line(simd, array!(j in 6 => half[j][i]));
                    for j in 0..xs {
                        let at = ((y0 + i) * map.width + x0 + j) * map.stride + c;
                        // SAFETY: the pixel lies inside the map, the map inside its slice.
                        unsafe {
                            let at = map.values.as_mut_ptr().add(at);
                            let old = if self.accumulate { simd.load(at) } else { zero };
                            let new =
                                if self.accumulate { simd.add(old, line[j]) } else { line[j] };
                            simd.store(at, new);
                        }
                    }
                }
            }
        }
    }
}

struct TransformFilter<'a> {
    filter: &'a [f32],
    values: usize,
    out: &'a mut [f32],
}

impl Kernel for TransformFilter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for v in (0..self.values).step_by(S::WIDTH) {
            let half = array!(j in 3 => filter_line(simd, array!(i in 3 => {
                // SAFETY: `transform_filter` checked that nine planes are there.
                unsafe { simd.load(self.filter.as_ptr().add((i * 3 + j) * self.values + v)) }
            })));
            for i in 0..WINDOW {
                let line = filter_line(simd, array!(j in 3 => half[j][i]));
                for j in 0..WINDOW {
                    let at = (i * WINDOW + j) * self.values + v;
                    // SAFETY: `transform_filter` checked that 36 planes are there.
                    unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                }
            }
        }
    }
}

struct TransformFilterGradient<'a> {
    frequencies: &'a [f32],
    values: usize,
    out: &'a mut [f32],
}

impl Kernel for TransformFilterGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for v in (0..self.values).step_by(S::WIDTH) {
            let half = array!(j in 6 => filter_gradient_line(simd, array!(i in 6 => {
                let at = (i * WINDOW + j) * self.values + v;
                // SAFETY: `transform_filter_gradient` checked that 36 planes are there.
                unsafe { simd.load(self.frequencies.as_ptr().add(at)) }
            })));
            for i in 0..3 {
                let line = filter_gradient_line(simd, array!(j in 6 => half[j][i]));
                for j in 0..3 {
                    let at = (i * 3 + j) * self.values + v;
                    // SAFETY: `transform_filter_gradient` checked that nine planes are there.
                    unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                }
            }
        }
    }
}
