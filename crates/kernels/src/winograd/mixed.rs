//! Winograd's method with tiles of two sizes: prediction's transforms.
//!
//! F(4x4, 3x3) wastes work on a map whose side is no multiple of four: 14 outputs take four tiles of
//! four. Where one or two rows (or columns) are left, the last tile is one of F(2x2, 3x3) in that
//! direction. Its four points 0, 1, -1 and infinity are among the six of F(4x4, 3x3), and its
//! filter transform differs by factors alone, which the input transform takes over: the same
//! filters serve both, and short tiles are simply absent from the frequencies of the points 2, -2.
//!
//! Tiles of several images lie together as (36, tiles, channels), sorted so that those present in a
//! frequency are neighbours ([`Tiling::range`]). The output transform adds a bias and cuts at a
//! floor. Neither the other images nor the division into blocks changes an image's bits.

use super::lines::{input as input_of, output as output_of};
use super::{FREQUENCIES, TILE, WINDOW, ensure_channels, inside};
use crate::isa::{Isa, Kernel};
use crate::simd::Simd;
use crate::view::{Map, MapMut, product, span};
use std::ops::Range;

/// Outputs of a short tile.
const SHORT: usize = 2;

/// The tiles of some rows of tiles, the same in each of several images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    images: usize,
    /// First row of tiles.
    first: usize,
    /// Rows of tiles: whole ones, and perhaps a short one.
    tall: usize,
    low: usize,
    /// Columns of tiles, likewise.
    wide: usize,
    narrow: usize,
}

/// Whole and short tiles (0 or 1) that cover `size` outputs.
const fn cover(size: usize) -> (usize, usize) {
    match size % TILE {
        0 => (size / TILE, 0),
        1 | SHORT => (size / TILE, 1),
        _ => (size / TILE + 1, 0),
    }
}

impl Tiling {
    /// The rows of tiles `rows` of `images` maps of that height and width.
    pub fn new(images: usize, (height, width): (usize, usize), rows: Range<usize>) -> Self {
        let ((tall, low), (wide, narrow)) = (cover(height), cover(width));
        assert!(rows.end <= tall + low && images > 0 && !rows.is_empty(), "tiles beyond the map");
        let low = usize::from(low > 0 && rows.end > tall);
        Self { images, first: rows.start, tall: rows.len() - low, low, wide, narrow }
    }

    /// All tiles.
    pub fn count(&self) -> usize {
        self.images * (self.tall + self.low) * (self.wide + self.narrow)
    }

    /// Where the tiles of a frequency lie among all of them.
    pub fn range(&self, frequency: usize) -> Range<usize> {
        let of_short = |point: usize| point != 3 && point != 4;
        let (low, narrow) = (of_short(frequency / WINDOW), of_short(frequency % WINDOW));
        let start = if narrow { 0 } else { self.class(false, false).start };
        let end = match (low, narrow) {
            (true, true) => self.count(),
            (true, false) => self.class(true, true).start,
            (false, _) => self.class(true, false).start,
        };
        start..end
    }

    /// The tiles of one kind: narrow ones come first, low ones last, so that any frequency leaves
    /// out some at either end.
    fn class(&self, low: bool, narrow: bool) -> Class {
        let [upper, lower] = [self.tall, self.low].map(|rows| self.images * rows);
        let inner = upper * self.narrow;
        let start = match (low, narrow) {
            (false, true) => 0,
            (false, false) => inner,
            (true, false) => inner + upper * self.wide,
            (true, true) => inner + upper * self.wide + lower * self.wide,
        };
        let pick = |last, whole, short| if last { whole..whole + short } else { 0..whole };
        let (rows, columns) =
            (pick(low, self.tall, self.low), pick(narrow, self.wide, self.narrow));
        Class { images: self.images, rows, columns, start }
    }
}

/// Tiles of one kind in their order.
struct Class {
    images: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    start: usize,
}

impl Class {
    /// Calls `work(tile, image, row, column)`.
    #[inline(always)]
    fn each(&self, mut work: impl FnMut(usize, usize, usize, usize)) {
        let mut tile = self.start;
        for image in 0..self.images {
            for row in self.rows.clone() {
                for column in self.columns.clone() {
                    work(tile, image, row, column);
                    tile += 1;
                }
            }
        }
    }
}

/// The maps of several images, `step` values apart.
#[derive(Clone, Copy, Debug)]
pub struct Images<M> {
    /// The first one; its slice goes on to the last one.
    pub map: M,
    /// Distance of images.
    pub step: usize,
}

/// B' d B of each tile: (36, tiles, channels).
pub fn transform_input(isa: Isa, from: Images<Map<'_>>, tiling: Tiling, out: &mut [f32]) {
    let Map { values, height, width, channels, stride } = from.map;
    ensure_channels(channels);
    ensure_images(values.len(), (height, width), channels, stride, from.step, tiling.images);
    let ((tall, low), (wide, narrow)) = (cover(height), cover(width));
    let end = tiling.first + tiling.tall;
    assert!(end <= tall && (tiling.low == 0 || (low, end) == (1, tall)), "tiles beyond the map");
    assert!((tiling.wide, tiling.narrow) == (wide, narrow), "tiles of another width");
    assert!(out.len() == product([FREQUENCIES, tiling.count(), channels]), "another size");
    isa.run(TransformInput { from, tiling, out });
}

/// max(A' m A + bias, floor) of each tile, written to maps that begin with the first row of tiles.
pub fn transform_output(
    isa: Isa,
    products: &[f32],
    tiling: Tiling,
    to: Images<MapMut<'_>>,
    bias: &[f32],
    floor: f32,
) {
    let MapMut { height, width, channels, stride, .. } = to.map;
    ensure_channels(channels);
    let len = to.map.values.len();
    ensure_images(len, (height, width), channels, stride, to.step, tiling.images);
    assert!(cover(width) == (tiling.wide, tiling.narrow), "tiles of another width");
    // A band may end before the map does, but never within a tile.
    assert!(cover(height) == (tiling.tall, tiling.low), "tiles of another height");
    assert!(products.len() == product([FREQUENCIES, tiling.count(), channels]), "another size");
    assert!(bias.len() >= channels, "a bias of {} channels for {channels}", bias.len());
    isa.run(TransformOutput { products, tiling, to, bias, floor });
}

fn ensure_images(
    len: usize,
    (height, width): (usize, usize),
    channels: usize,
    stride: usize,
    step: usize,
    images: usize,
) {
    let pixels = product([height, width]);
    assert!(pixels > 0 && channels > 0 && channels <= stride, "an empty or overlapping map");
    let map = span(pixels, stride, channels);
    assert!(images == 1 || step >= map, "overlapping images");
    assert!(span(images, step, map) <= len, "maps beyond their slice of {len}");
}

/// Inputs of a tile in one direction.
const fn inputs(short: bool) -> usize {
    if short { WINDOW - SHORT } else { WINDOW }
}

/// Outputs of a tile in one direction.
const fn outputs(short: bool) -> usize {
    if short { SHORT } else { TILE }
}

/// Whether a point is one of the tile's.
const fn present(short: bool, point: usize) -> bool {
    !short || (point != 3 && point != 4)
}

struct TransformInput<'a> {
    from: Images<Map<'a>>,
    tiling: Tiling,
    out: &'a mut [f32],
}

impl Kernel for TransformInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.class::<S, false, true>(simd);
        self.class::<S, false, false>(simd);
        self.class::<S, true, false>(simd);
        self.class::<S, true, true>(simd);
    }
}

impl TransformInput<'_> {
    #[inline(always)]
    fn class<S: Simd, const LOW: bool, const NARROW: bool>(&mut self, simd: S) {
        let Map { height, width, .. } = self.from.map;
        let (down, across) = (inputs(LOW), inputs(NARROW));
        self.tiling.class(LOW, NARROW).each(|tile, image, row, column| {
            // Rows and columns that lie inside the map; the others are padding.
            let y0 = ((self.tiling.first + row) * TILE) as isize - 1;
            let x0 = (column * TILE) as isize - 1;
            let (ys, xs) = (inside(y0, height), inside(x0, width));
            let whole = ys.0 == 0 && ys.1 >= down && xs.0 == 0 && xs.1 >= across;
            let at = (image, y0, x0, tile);
            if whole {
                self.tile::<S, LOW, NARROW, true>(simd, at, ys, xs);
            } else {
                self.tile::<S, LOW, NARROW, false>(simd, at, ys, xs);
            }
        });
    }

    #[inline(always)]
    fn tile<S: Simd, const LOW: bool, const NARROW: bool, const WHOLE: bool>(
        &mut self,
        simd: S,
        (image, y0, x0, tile): (usize, isize, isize, usize),
        ys: (usize, usize),
        xs: (usize, usize),
    ) {
        let Map { values, width, channels, stride, .. } = self.from.map;
        let row_step = width * stride;
        let start =
            (image * self.from.step) as isize + (y0 * width as isize + x0) * stride as isize;
        let plane = self.out.len() / FREQUENCIES;
        let zero = simd.splat(0.0);
        for c in (0..channels).step_by(S::WIDTH) {
            let mut half = [[zero; WINDOW]; WINDOW];
            for j in 0..inputs(NARROW) {
                let mut column = [zero; WINDOW];
                for i in 0..inputs(LOW) {
                    if WHOLE || (ys.0 <= i && i < ys.1 && xs.0 <= j && j < xs.1) {
                        let at = start + (i * row_step + j * stride + c) as isize;
                        // SAFETY: the pixel lies inside the map (`inside`), the map inside its
                        // slice (`ensure_images`).
                        column[i] = unsafe { simd.load(values.as_ptr().offset(at)) };
                    }
                }
                let line = input_of::<S, LOW>(simd, column);
                for i in 0..WINDOW {
                    half[i][j] = line[i];
                }
            }
            for i in 0..WINDOW {
                if !present(LOW, i) {
                    continue;
                }
                let line = input_of::<S, NARROW>(simd, half[i]);
                for j in 0..WINDOW {
                    if present(NARROW, j) {
                        let at = (i * WINDOW + j) * plane + tile * channels + c;
                        // SAFETY: `transform_input` checked the size of `out`.
                        unsafe { simd.store(self.out.as_mut_ptr().add(at), line[j]) };
                    }
                }
            }
        }
    }
}

struct TransformOutput<'a> {
    products: &'a [f32],
    tiling: Tiling,
    to: Images<MapMut<'a>>,
    bias: &'a [f32],
    floor: f32,
}

impl Kernel for TransformOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.class::<S, false, true>(simd);
        self.class::<S, false, false>(simd);
        self.class::<S, true, false>(simd);
        self.class::<S, true, true>(simd);
    }
}

impl TransformOutput<'_> {
    #[inline(always)]
    fn class<S: Simd, const LOW: bool, const NARROW: bool>(&mut self, simd: S) {
        let (height, width) = (self.to.map.height, self.to.map.width);
        let (down, across) = (outputs(LOW), outputs(NARROW));
        self.tiling.class(LOW, NARROW).each(|tile, image, row, column| {
            let (y0, x0) = (row * TILE, column * TILE);
            let (ys, xs) = ((height - y0).min(down), (width - x0).min(across));
            let at = (image, y0, x0, tile);
            if (ys, xs) == (down, across) {
                self.tile::<S, LOW, NARROW, true>(simd, at, ys, xs);
            } else {
                self.tile::<S, LOW, NARROW, false>(simd, at, ys, xs);
            }
        });
    }

    #[inline(always)]
    fn tile<S: Simd, const LOW: bool, const NARROW: bool, const WHOLE: bool>(
        &mut self,
        simd: S,
        (image, y0, x0, tile): (usize, usize, usize, usize),
        ys: usize,
        xs: usize,
    ) {
        let MapMut { width, channels, stride, .. } = self.to.map;
        let plane = self.products.len() / FREQUENCIES;
        let start = image * self.to.step + (y0 * width + x0) * stride;
        let (zero, floor) = (simd.splat(0.0), simd.splat(self.floor));
        for c in (0..channels).step_by(S::WIDTH) {
            let mut half = [[zero; WINDOW]; TILE];
            for j in 0..WINDOW {
                if !present(NARROW, j) {
                    continue;
                }
                let mut column = [zero; WINDOW];
                for i in 0..WINDOW {
                    if present(LOW, i) {
                        let at = (i * WINDOW + j) * plane + tile * channels + c;
                        // SAFETY: `transform_output` checked the size of `products`.
                        column[i] = unsafe { simd.load(self.products.as_ptr().add(at)) };
                    }
                }
                let line = output_of::<S, LOW>(simd, column);
                for i in 0..TILE {
                    half[i][j] = line[i];
                }
            }
            // SAFETY: `transform_output` checked the bias.
            let bias = unsafe { simd.load(self.bias.as_ptr().add(c)) };
            for i in 0..outputs(LOW) {
                let line = output_of::<S, NARROW>(simd, half[i]);
                for j in 0..outputs(NARROW) {
                    if WHOLE || (i < ys && j < xs) {
                        let at = start + (i * width + j) * stride + c;
                        let value = simd.max(floor, simd.add(line[j], bias));
                        // SAFETY: the pixel lies inside the map, the map inside its slice.
                        unsafe { simd.store(self.to.map.values.as_mut_ptr().add(at), value) };
                    }
                }
            }
        }
    }
}
