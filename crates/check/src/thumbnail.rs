//! What two pictures are compared by: a small grey thumbnail to find candidates, and the edges of the
//! whole picture to judge them.
//!
//! Both are vectors of length 1 without their mean, so that their product is a correlation: neither
//! brightness nor contrast changes it.

/// Sides of a thumbnail.
const SIDE: usize = 8;
/// Values of a thumbnail.
const FINE: usize = SIDE * SIDE;
/// Values of a coarse thumbnail, of means of four.
const COARSE: usize = FINE / 4;

/// A picture, small.
#[derive(Clone, Copy)]
pub struct Thumbnail {
    /// 4x4 values, means of four.
    coarse: [f32; COARSE],
    /// 8x8 values.
    fine: [f32; FINE],
}

impl Thumbnail {
    /// Of an image (h, w, c); nothing where all of it is the same.
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

    /// Left and right swapped.
    pub fn mirrored(&self) -> Self {
        let swapped = |side: usize, i: usize| i / side * side + side - 1 - i % side;
        let coarse = std::array::from_fn(|i| self.coarse[swapped(SIDE / 2, i)]);
        Self { coarse, fine: std::array::from_fn(|i| self.fine[swapped(SIDE, i)]) }
    }

    /// Turned by a quarter, clockwise.
    pub fn turned(&self) -> Self {
        let from = |side: usize, i: usize| (side - 1 - i % side) * side + i / side;
        let coarse = std::array::from_fn(|i| self.coarse[from(SIDE / 2, i)]);
        Self { coarse, fine: std::array::from_fn(|i| self.fine[from(SIDE, i)]) }
    }

    /// What tells an upright picture: how much brighter the upper half is than the lower, the left
    /// than the right, and how much more it changes from left to right than from top to bottom.
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

    /// The squared distance, 2 less twice the correlation.
    pub fn distance(&self, other: &Self) -> f32 {
        distance(&self.fine, &other.fine)
    }

    /// A number that [`Self::distance`] is never under, in a quarter of the time.
    pub fn least_distance(&self, other: &Self) -> f32 {
        4.0 * distance(&self.coarse, &other.coarse)
    }
}

/// The squared distance, in eight sums that a compiler keeps in vectors.
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

/// The pixels of cell `i` of [`SIDE`] along a side of `n` pixels; never none.
fn span(i: usize, n: usize) -> [usize; 2] {
    let start = i * n / SIDE;
    [start, ((i + 1) * n / SIDE).max(start + 1)]
}

/// Takes the mean off and makes the length 1; false where nothing is left.
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

/// The correlation of the differences of neighbouring pixels of two images (h, w, c): 1 for images
/// that differ in brightness and contrast alone, 0 where either has no edge.
///
/// Edges tell two garments, digits or bees of one shape apart, which the pixels themselves, mostly
/// ground and area, do not: of Fashion-MNIST's trousers thousands of pairs correlate over 0.98.
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
