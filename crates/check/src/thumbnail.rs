//! Features for comparing two pictures: a small grey thumbnail to find candidates, and the edges of
//! the whole picture to judge them.
//!
//! Both are vectors of length 1 with zero mean, so their product is a correlation, which does not
//! depend on brightness or contrast.

/// Side of a thumbnail.
const SIDE: usize = 8;
/// Number of values of a thumbnail.
const FINE: usize = SIDE * SIDE;
/// Number of values of a coarse thumbnail, made of means of four.
const COARSE: usize = FINE / 4;

/// A small version of a picture.
#[derive(Clone, Copy)]
pub struct Thumbnail {
    /// 4x4 values, means of four.
    coarse: [f32; COARSE],
    /// 8x8 values.
    fine: [f32; FINE],
}

impl Thumbnail {
    /// The thumbnail of an image (h, w, c); `None` if the image is constant.
    pub fn of(image: &[u8], [height, width, channels]: [usize; 3]) -> Option<Self> {
        let mut fine = [0.0_f32; FINE];
        for (cell, value) in fine.iter_mut().enumerate() {
            let ([top, bottom], [left, right]) =
                (span(cell / SIDE, height), span(cell % SIDE, width));
            let rows = (top..bottom)
                .map(|y| &image[(y * width + left) * channels..(y * width + right) * channels]);
            let sum: u32 = rows.flatten().map(|&byte| u32::from(byte)).sum();
            *value = sum as f32 / ((bottom - top) * (right - left) * channels) as f32;
        }
        normalise(&mut fine).then(|| {
            let mut coarse = [0.0; COARSE];
            for (cell, value) in fine.iter().enumerate() {
                coarse[cell / SIDE / 2 * (SIDE / 2) + cell % SIDE / 2] += value / 4.0;
            }
            Self { coarse, fine }
        })
    }

    /// The mirror image.
    pub fn mirrored(&self) -> Self {
        let swapped = |side: usize, i: usize| i / side * side + side - 1 - i % side;
        let coarse = std::array::from_fn(|i| self.coarse[swapped(SIDE / 2, i)]);
        Self { coarse, fine: std::array::from_fn(|i| self.fine[swapped(SIDE, i)]) }
    }

    /// The thumbnail turned clockwise by a quarter.
    pub fn turned(&self) -> Self {
        let from = |side: usize, i: usize| (side - 1 - i % side) * side + i / side;
        let coarse = std::array::from_fn(|i| self.coarse[from(SIDE / 2, i)]);
        Self { coarse, fine: std::array::from_fn(|i| self.fine[from(SIDE, i)]) }
    }

    /// Properties of an upright picture: how much brighter the upper half is than the lower, the
    /// left half than the right, and how much more it changes horizontally than vertically.
    pub fn uprightness(&self) -> [f32; 3] {
        let at = |y: usize, x: usize| self.fine[y * SIDE + x];
        let [mut up, mut side, mut grain] = [0.0; 3];
        for y in 0..SIDE {
            for x in 0..SIDE {
                up += if y < SIDE / 2 { at(y, x) } else { -at(y, x) };
                side += if x < SIDE / 2 { at(y, x) } else { -at(y, x) };
                if x > 0 {
                    grain += (at(y, x) - at(y, x - 1)).powi(2);
                }
                if y > 0 {
                    grain -= (at(y, x) - at(y - 1, x)).powi(2);
                }
            }
        }
        [up, side, grain]
    }

    /// The squared distance, 2 minus twice the correlation.
    pub fn distance(&self, other: &Self) -> f32 {
        distance(&self.fine, &other.fine)
    }

    /// A lower bound of [`Self::distance`], in a quarter of the time.
    pub fn least_distance(&self, other: &Self) -> f32 {
        4.0 * distance(&self.coarse, &other.coarse)
    }
}

/// The squared distance, in eight sums that the compiler keeps in vectors.
fn distance<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            let d = a[lane] - b[lane];
            sums[lane] += d * d;
        }
    }
    sums.iter().sum()
}

/// The pixels of cell `i` of [`SIDE`] along a side of `n` pixels; never empty.
fn span(i: usize, n: usize) -> [usize; 2] {
    let start = i * n / SIDE;
    [start, ((i + 1) * n / SIDE).max(start + 1)]
}

/// Subtracts the mean and scales to length 1; false if nothing is left.
fn normalise(values: &mut [f32]) -> bool {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    values.iter_mut().for_each(|v| *v -= mean);
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length < 1e-3 {
        return false;
    }
    values.iter_mut().for_each(|v| *v /= length);
    true
}

/// The correlation of the differences of neighbouring pixels of two images (h, w, c): 1 for images that
/// differ only in brightness and contrast, 0 if either has no edges.
///
/// Edges distinguish two garments, digits or bees of the same shape. The pixels themselves, mostly
/// background and area, do not: of Fashion-MNIST's trousers, thousands of pairs correlate at more
/// than 0.98.
pub fn edge_correlation(a: &[u8], b: &[u8], [height, width, channels]: [usize; 3]) -> f64 {
    let row = width * channels;
    let [mut both, mut first, mut second] = [0_i64; 3];
    let mut add = |i: usize, j: usize| {
        let da = i64::from(a[i]) - i64::from(a[j]);
        let db = i64::from(b[i]) - i64::from(b[j]);
        both += da * db;
        first += da * da;
        second += db * db;
    };
    for y in 0..height {
        for i in y * row..(y + 1) * row {
            if i % row + channels < row {
                add(i, i + channels);
            }
            if y + 1 < height {
                add(i, i + row);
            }
        }
    }
    if first == 0 || second == 0 {
        0.0
    } else {
        both as f64 / (first as f64 * second as f64).sqrt()
    }
}
