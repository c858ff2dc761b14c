//! Resamples pictures of any size and shape to images of one shape.

use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use super::background::Span;
use super::plane::Plane;
use crate::variants::named;

/// How a picture of another shape than the image is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole picture with its aspect ratio; the rest gets the colour of its border.
    #[default]
    Pad,
    /// The middle of the picture with its aspect ratio; the rest is cut off.
    Crop,
    /// The whole picture, distorted.
    Stretch,
}

named!(Fit, "a way to fit pictures: pad, crop or stretch": Pad "pad", Crop "crop", Stretch "stretch");

/// Fits the rectangle `span` of `plane` into an image of `shape`; the rest gets the colour `around`.
///
/// Each pixel is the mean of the area it covers, so no detail of a large picture is skipped.
pub(super) fn fit(plane: &Plane, span: Span, shape: Shape, how: Fit, around: &[u8]) -> Vec<u8> {
    let span = if how == Fit::Crop { middle(span, shape) } else { span };
    let ratios = [shape.height as f64 / span.height as f64, shape.width as f64 / span.width as f64];
    let (height, width) = match how {
        Fit::Pad => {
            let scale = f64::min(ratios[0], ratios[1]);
            let scaled =
                |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
            (scaled(span.height, shape.height), scaled(span.width, shape.width))
        }
        Fit::Crop | Fit::Stretch => (shape.height, shape.width),
    };
    // If it cannot be exactly in the middle it is one pixel closer to the end, as in Fashion-MNIST.
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

/// The largest rectangle in the middle of `span` that has the aspect ratio of `shape`.
fn middle(span: Span, shape: Shape) -> Span {
    let scale =
        f64::min(span.height as f64 / shape.height as f64, span.width as f64 / shape.width as f64);
    let side = |of: usize, most: usize| ((of as f64 * scale).round() as usize).clamp(1, most);
    let (height, width) = (side(shape.height, span.height), side(shape.width, span.width));
    Span {
        top: span.top + (span.height - height) / 2,
        left: span.left + (span.width - width) / 2,
        height,
        width,
    }
}
/// The source lines that one line of the result covers, with the covered share of each.
struct Area {
    first: usize,
    weights: Vec<f64>,
}

/// Divides `length` lines from `start` on evenly among `parts`.
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
