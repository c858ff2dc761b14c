//! The reliability diagram: how often each confidence was right, and how often it was held.

use modiste_draw::{Colour, Drawing, Style, grouped};
use modiste_metrics::Calibration;

use super::frame::Frame;
use super::ticks::Axis;
use super::{faint, title};
use crate::format::{decimal, percent};

const LEFT: f64 = 52.0;
const TOP: f64 = 46.0;
const SIDE: f64 = 250.0;
/// Height of the bars that count images.
const COUNTS: f64 = 52.0;

/// Accuracy by confidence with the diagonal of perfect calibration, and below it the number of images
/// for each confidence.
pub fn reliability(calibration: &Calibration) -> Drawing {
    let axis = || Axis::new(0.0, 1.0, 5.0, false, 0.0);
    let frame = Frame { place: [LEFT, TOP, SIDE, SIDE], x: axis(), y: axis() };
    let error = decimal(calibration.ece, 3);
    let description = format!("accuracy by confidence; expected calibration error {error}");
    let height = TOP + SIDE + COUNTS + 56.0;
    let mut drawing = Drawing::new("Reliability", description, LEFT + SIDE + 24.0, height);
    drawing.text([2.0, 14.0], title(), "Reliability");
    drawing.text([2.0, 31.0], faint(), format!("expected calibration error {error}"));
    frame.draw(&mut drawing, "", "accuracy");
    let below = TOP + SIDE + 26.0 + COUNTS;
    let most = calibration.bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    for bin in &calibration.bins {
        let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) else { continue };
        let x = LEFT + bin.lower * SIDE;
        let width = (bin.upper - bin.lower) * SIDE - 1.0;
        let [right, honest] = [accuracy, confidence].map(|value| value * SIDE);
        let bottom = TOP + SIDE;
        drawing.rect([x, bottom - right, width, right], Style::tint(Colour::Series(0), 0.75));
        // The difference to the diagonal, as a frame.
        let (low, high) = (right.min(honest), right.max(honest));
        let frame = Style::line(Colour::Series(1), 1.2);
        drawing.rect([x + 0.6, bottom - high, width - 1.2, high - low], frame);
        let tall = bin.count as f64 / most as f64 * COUNTS;
        drawing.rect([x, below - tall, width, tall], Style::tint(Colour::Muted, 0.7));
        let images = grouped(bin.count);
        let [confidence, accuracy] = [confidence, accuracy].map(percent);
        let hint = format!("{images} images: confidence {confidence}, right {accuracy}");
        drawing.hint([x, TOP, width, below - TOP], hint);
    }
    let diagonal = Style::line(Colour::Ink, 1.2).dashed(&[5.0, 4.0]);
    drawing.line([frame.at([0.0, 0.0]), frame.at([1.0, 1.0])], diagonal);
    drawing.line([[LEFT, below], [LEFT + SIDE, below]], Style::line(Colour::Line, 1.0));
    drawing.text([LEFT - 6.0, below - 4.0], faint().end(), "images");
    let middle = LEFT + SIDE / 2.0;
    drawing.text([middle, below + 18.0], super::label().middle(), "confidence");
    drawing
}
