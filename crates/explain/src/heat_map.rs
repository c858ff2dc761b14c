//! A heat map and its sizes.

/// How much each position supports a class.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values from 0 to 1 (height, width); the largest is 1, unless nothing supports the class.
    pub values: Vec<f32>,
    /// The effect that 1 stands for: for Grad-CAM the largest weighted sum of activations, in units
    /// of the logit; for occlusion the largest fall of the probability.
    pub peak: f32,
}

impl HeatMap {
    /// The map of `values` (height, width), which must be at least 0, divided by the largest.
    pub(crate) fn new(height: usize, width: usize, mut values: Vec<f32>) -> Self {
        let peak = values.iter().copied().fold(0.0, f32::max);
        if peak > 0.0 {
            values.iter_mut().for_each(|value| *value /= peak);
        }
        Self { height, width, values, peak }
    }

    /// The map at another size, interpolated bilinearly between the centres of its cells, like an image.
    pub fn resized(&self, height: usize, width: usize) -> Self {
        let rows: Vec<Interpolation> =
            (0..height).map(|i| Interpolation::new(i, height, self.height)).collect();
        let columns: Vec<Interpolation> =
            (0..width).map(|i| Interpolation::new(i, width, self.width)).collect();
        let at = |row: usize, column: usize| self.values[row * self.width + column];
        let mut values = Vec::with_capacity(height * width);
        for r in &rows {
            for c in &columns {
                let upper = c.mix(at(r.low, c.low), at(r.low, c.high));
                let lower = c.mix(at(r.high, c.low), at(r.high, c.high));
                values.push(r.mix(upper, lower));
            }
        }
        Self { height, width, values, peak: self.peak }
    }
}

/// A position between two neighbours.
struct Interpolation {
    low: usize,
    high: usize,
    /// Weight of the higher one.
    part: f32,
}

impl Interpolation {
    /// The position of cell `i` of `to` among `from` cells of the same total length.
    fn new(i: usize, to: usize, from: usize) -> Self {
        let last = from - 1;
        let place = ((i as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, last as f32);
        let low = place as usize;
        Self { low, high: (low + 1).min(last), part: place - low as f32 }
    }

    fn mix(&self, low: f32, high: f32) -> f32 {
        low + self.part * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_becomes_one_and_nothing_stays_nothing() {
        let map = HeatMap::new(1, 3, vec![0.0, 2.0, 4.0]);
        assert_eq!((&map.values[..], map.peak), (&[0.0, 0.5, 1.0][..], 4.0));
        let nothing = HeatMap::new(1, 2, vec![0.0, 0.0]);
        assert_eq!((&nothing.values[..], nothing.peak), (&[0.0, 0.0][..], 0.0));
    }

    /// `F.interpolate(x, size=(4, 4), mode="bilinear", align_corners=False)` of PyTorch 2.11.
    #[test]
    fn enlarging_agrees_with_pytorch() {
        let map = HeatMap::new(2, 2, vec![0.0, 1.0, 0.5, 0.25]).resized(4, 4);
        let expected = [
            [0.0, 0.25, 0.75, 1.0],
            [0.125, 0.296875, 0.640625, 0.8125],
            [0.375, 0.390625, 0.421875, 0.4375],
            [0.5, 0.4375, 0.3125, 0.25],
        ];
        assert_eq!(map.values, expected.concat());
        assert_eq!(map.resized(4, 4), map);
    }
}
