//! Resampling: a rectangle of a picture, as large as it fits, centred in an image.

use modiste_spec::Shape;

use super::background::Span;
use super::plane::Plane;

/// The rectangle `span` of `plane`, its aspect ratio kept, in an image of `shape`; what is left over
/// has the colour `around`.
///
/// Each pixel is the mean of the area it covers, so nothing of a large picture is passed over.
pub(super) fn fit(plane: &Plane, span: Span, shape: Shape, around: &[u8]) -> Vec<u8> {
    let scale =
        f64::min(shape.height as f64 / span.height as f64, shape.width as f64 / span.width as f64);
    let scaled = |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
    let height = scaled(span.height, shape.height);
    let width = scaled(span.width, shape.width);
    // Where it cannot be in the very middle it is one nearer to the end, as in Fashion-MNIST.
    let [top, left] = [shape.height - height, shape.width - width].map(|space| space.div_ceil(2));
    let (rows, columns) =
        (areas(span.top, span.height, height), areas(span.left, span.width, width));
    let channels = plane.channels;
    let mut pixels: Vec<u8> = around.iter().copied().cycle().take(shape.len()).collect();
    for (y, row) in rows.iter().enumerate() {
        for (x, column) in columns.iter().enumerate() {
            let to = ((top + y) * shape.width + left + x) * channels;
            for (channel, value) in pixels[to..to + channels].iter_mut().enumerate() {
                *value = mean(plane, row, column, channel);
            }
        }
    }
    pixels
}

/// Source lines that one line of the result covers, with the part of each that it does.
struct Area {
    first: usize,
    weights: Vec<f64>,
}

/// `length` lines from `start` on, divided evenly among `parts`.
fn areas(start: usize, length: usize, parts: usize) -> Vec<Area> {
    let step = length as f64 / parts as f64;
    let area = |part: usize| {
        let (from, to) = (part as f64 * step, (part + 1) as f64 * step);
        let first = from.floor() as usize;
        let end = (to.ceil() as usize).clamp(first + 1, length);
        let covered = |line: usize| f64::min(to, (line + 1) as f64) - f64::max(from, line as f64);
        Area {
            first: start + first,
            weights: (first..end).map(|line| covered(line).max(0.0)).collect(),
        }
    };
    (0..parts).map(area).collect()
}

/// The weighted mean of one channel over a rectangle.
fn mean(plane: &Plane, rows: &Area, columns: &Area, channel: usize) -> u8 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (y, row) in (rows.first..).zip(&rows.weights) {
        let mut line = 0.0;
        for (x, column) in (columns.first..).zip(&columns.weights) {
            let value = plane.pixels[(y * plane.width + x) * plane.channels + channel];
            line += column * f64::from(value);
        }
        sum += row * line;
        weight += row;
    }
    (sum / weight / columns.weights.iter().sum::<f64>()).round() as u8
}
