//! Windows that move over maps.

use std::ops::{AddAssign, Range};

use modiste_spec::Shape;

/// A rectangle that moves over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Step between windows in both directions.
    pub stride: usize,
    /// Rows and columns around the map, on each side, that the window may cover.
    pub padding: usize,
}

impl Window {
    /// Number of values of a map that the window covers.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether the window covers nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines of a map with `side` lines that a window of `size` lines covers at position `at`, and the
    /// first line of the window that lies on the map.
    pub fn covered(&self, at: usize, size: usize, side: usize) -> (Range<usize>, usize) {
        let start = at * self.stride;
        let skipped = self.padding.saturating_sub(start);
        let first = (start + skipped) - self.padding;
        let end = (start + size).saturating_sub(self.padding).min(side);
        (first..end.max(first), skipped)
    }

    /// For each position of the output (h, w, k): `bias[k]` plus the products of the weights (k, rows,
    /// columns, c) and the map `x` of `shape`. `dot` multiplies one line under the window.
    pub(crate) fn convolve<X, W, Y: Copy + AddAssign>(
        &self,
        (x, shape): (&[X], Shape),
        (weights, bias): (&[W], &[Y]),
        to: Shape,
        dot: impl Fn(&[X], &[W]) -> Y,
    ) -> Vec<Y> {
        let c = shape.channels;
        let each = self.len() * c;
        let mut sums = Vec::with_capacity(to.len());
        for at in 0..to.pixels() {
            let (rows, top) = self.covered(at / to.width, self.rows, shape.height);
            let (columns, left) = self.covered(at % to.width, self.columns, shape.width);
            let length = columns.len() * c;
            for (k, &bias) in bias.iter().enumerate() {
                let mut sum = bias;
                for (i, row) in rows.clone().enumerate() {
                    let start = k * each + ((top + i) * self.columns + left) * c;
                    let line = (row * shape.width + columns.start) * c;
                    sum += dot(&x[line..line + length], &weights[start..start + length]);
                }
                sums.push(sum);
            }
        }
        sums
    }

    /// For each position of the output (h, w, c): `start` folded with the values of the map `x` of `shape`
    /// under the window.
    pub(crate) fn pool<X: Copy, Y: Copy>(
        &self,
        (x, shape): (&[X], Shape),
        to: Shape,
        start: Y,
        fold: impl Fn(Y, X) -> Y,
    ) -> Vec<Y> {
        let c = shape.channels;
        let mut y = vec![start; to.len()];
        for (at, pixel) in y.chunks_exact_mut(c).enumerate() {
            let (rows, _) = self.covered(at / to.width, self.rows, shape.height);
            let (columns, _) = self.covered(at % to.width, self.columns, shape.width);
            for row in rows {
                for column in columns.clone() {
                    let from = &x[(row * shape.width + column) * c..][..c];
                    pixel.iter_mut().zip(from).for_each(|(y, &x)| *y = fold(*y, x));
                }
            }
        }
        y
    }
}
