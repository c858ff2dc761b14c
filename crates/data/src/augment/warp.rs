//! Turns, zooms and shears an image around its centre, with bilinear interpolation.

use modiste_spec::Shape;

/// An affine change of an image: torchvision's `affine`, without translation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// Degrees clockwise.
    pub turn: f64,
    /// Factor of all lengths.
    pub zoom: f64,
    /// Degrees by which vertical lines are slanted, before the turn.
    pub shear: f64,
    /// Whether uncovered pixels are filled with the edge; otherwise they are black.
    pub edge: bool,
}

impl Warp {
    /// Fills `out` with the changed `image`; both are (h, w, c).
    pub fn apply(&self, image: &[u8], out: &mut [u8], shape: Shape) {
        let Shape { height, width, channels } = shape;
        let [xx, xy, yx, yy] = self.origin();
        let [middle_x, middle_y] = [width, height].map(|side| (side as f64 - 1.0) / 2.0);
        let rows = out.chunks_exact_mut((width * channels).max(1));
        for (row, line) in rows.enumerate() {
            let y = row as f64 - middle_y;
            for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let x = column as f64 - middle_x;
                let from = [xx * x + xy * y + middle_x, yx * x + yy * y + middle_y];
                self.sample(image, shape, from.map(|v| v as f32), pixel);
            }
        }
    }

    /// The matrix from a position in the result to its origin in the image.
    fn origin(&self) -> [f64; 4] {
        let (sin, cos) = self.turn.to_radians().sin_cos();
        let lean = self.shear.to_radians().tan();
        [cos - sin * lean, cos * lean + sin, -sin, cos].map(|value| value / self.zoom)
    }

    /// The mean of the four pixels around (x, y), weighted by proximity.
    fn sample(&self, image: &[u8], shape: Shape, [x, y]: [f32; 2], out: &mut [u8]) {
        let Shape { height, width, channels } = shape;
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let mut sums = [0.5_f32; 4];
        let sums = &mut sums[..channels.min(4)];
        for (dy, share_y) in [(0, 1.0 - lower_share), (1, lower_share)] {
            for (dx, share_x) in [(0, 1.0 - right_share), (1, right_share)] {
                let (row, column) = (top + dy, left + dx);
                let near = [row.clamp(0, height as isize - 1), column.clamp(0, width as isize - 1)];
                if !self.edge && near != [row, column] {
                    continue;
                }
                let at = (near[0] as usize * width + near[1] as usize) * channels;
                for (sum, &value) in sums.iter_mut().zip(&image[at..]) {
                    *sum += share_y * share_x * f32::from(value);
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = *sum as u8;
        }
    }
}
