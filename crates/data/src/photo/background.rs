//! Infers a picture's background from its border, and finds the object.

use super::plane::Plane;

/// Values that differ from the background by no more than this belong to it: 5 % of the range, as when
/// the images of Fashion-MNIST were trimmed.
const TOLERANCE: u8 = 13;
/// Largest tolerance that noise of the background may cause.
const MAX_TOLERANCE: u8 = 48;
/// Share of the border that must be black or white for these shares to decide; otherwise the border
/// counts as grey.
const PLAIN: f64 = 0.2;

/// The border of a picture: a strip of one fiftieth of its shorter side.
pub(super) struct Border {
    /// The median of each channel.
    pub colour: Vec<u8>,
    /// How far background values of the first channel may differ from the median.
    tolerance: u8,
    /// Share of the strip within the tolerance.
    even: f64,
    /// Shares of the strip that are black and white, to within [`TOLERANCE`].
    plain: [f64; 2],
}

impl Border {
    pub fn of(plane: &Plane) -> Self {
        let counts: Vec<[u64; 256]> =
            (0..plane.channels).map(|channel| histogram(plane, channel)).collect();
        let colour: Vec<u8> = counts.iter().map(median).collect();
        let counts = &counts[0];
        let distances = |to: u8| {
            let mut distances = [0; 256];
            for (value, count) in (0..=u8::MAX).zip(counts) {
                distances[usize::from(value.abs_diff(to))] += count;
            }
            distances
        };
        let distances = distances(colour[0]);
        let tolerance = median(&distances).saturating_mul(4).clamp(TOLERANCE, MAX_TOLERANCE);
        let all: u64 = counts.iter().sum();
        let part = |some: &[u64]| some.iter().sum::<u64>() as f64 / all as f64;
        let even = part(&distances[..=usize::from(tolerance)]);
        let plain = [
            part(&counts[..=usize::from(TOLERANCE)]),
            part(&counts[usize::from(u8::MAX - TOLERANCE)..]),
        ];
        Self { colour, tolerance, even, plain }
    }

    /// Whether the background is closer to white than to black. Objects may reach the border, so if
    /// part of it is clearly black or white that part decides, otherwise the median.
    pub fn is_bright(&self) -> bool {
        let [black, white] = self.plain;
        if black + white >= PLAIN { white > black } else { self.colour[0] >= 128 }
    }

    /// Whether the border looks like one background rather than a scene.
    pub fn is_even(&self) -> bool {
        self.even >= 0.7
    }

    /// Inverts the border, as [`Plane::invert`] does with the picture.
    pub fn invert(&mut self) {
        self.colour.iter_mut().for_each(|value| *value = u8::MAX - *value);
    }
}

/// How often each value of a channel occurs in the strip along the edges.
fn histogram(plane: &Plane, channel: usize) -> [u64; 256] {
    let Plane { height, width, channels, ref pixels } = *plane;
    let strip = (height.min(width) / 50).max(1);
    let mut counts = [0; 256];
    for (y, row) in pixels.chunks_exact(width * channels).enumerate() {
        let inside = y >= strip && y + strip < height;
        for (x, pixel) in row.chunks_exact(channels).enumerate() {
            if !(inside && x >= strip && x + strip < width) {
                counts[usize::from(pixel[channel])] += 1;
            }
        }
    }
    counts
}

/// The smallest value that at least half of the values do not exceed.
fn median(counts: &[u64; 256]) -> u8 {
    let all: u64 = counts.iter().sum();
    let mut seen = 0;
    for (value, count) in (0..=u8::MAX).zip(counts) {
        seen += count;
        if 2 * seen >= all {
            return value;
        }
    }
    u8::MAX
}

/// A rectangle of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

impl Span {
    /// The whole picture.
    pub fn whole(plane: &Plane) -> Self {
        Self { top: 0, left: 0, height: plane.height, width: plane.width }
    }
}

/// The rectangle around everything that differs from the background of a grey picture, ignoring single
/// specks; `None` if nothing does.
pub(super) fn content(plane: &Plane, border: &Border) -> Option<Span> {
    let Plane { height, width, ref pixels, .. } = *plane;
    let (mut rows, mut columns) = (vec![0; height], vec![0; width]);
    for (y, row) in pixels.chunks_exact(width).enumerate() {
        for (x, value) in row.iter().enumerate() {
            if value.abs_diff(border.colour[0]) > border.tolerance {
                rows[y] += 1;
                columns[x] += 1;
            }
        }
    }
    let ((top, rows), (left, columns)) = (stretch(&rows, width)?, stretch(&columns, height)?);
    Some(Span { top, left, height: rows, width: columns })
}

/// Start and length of the stretch of lines with content; lines have `length` pixels.
fn stretch(lines: &[usize], length: usize) -> Option<(usize, usize)> {
    let specks = length / 200;
    let first = lines.iter().position(|&count| count > specks)?;
    let last = lines.iter().rposition(|&count| count > specks)?;
    Some((first, last + 1 - first))
}
