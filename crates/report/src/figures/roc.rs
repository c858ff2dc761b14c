//! Receiver operating characteristics, one class against the rest, one line per class.

use modiste_draw::{Colour, Drawing, Style, fitting};
use modiste_metrics::RocCurve;

use super::frame::Frame;
use super::ticks::Axis;
use super::{faint, label, series_line, title};
use crate::format::decimal;

const LEFT: f64 = 52.0;
const TOP: f64 = 46.0;
const SIDE: f64 = 260.0;
/// Left end of the second plot, and of the names.
const SECOND: f64 = LEFT + SIDE + 66.0;
const NAMES: f64 = SECOND + SIDE + 24.0;
/// Largest number of classes that are drawn: those with the smallest area.
const SHOWN: usize = 24;
/// How much of the upper left corner the second plot shows.
const CORNER: f64 = 0.2;

/// The curves of all classes, and their upper left corner enlarged. `curves` has the name and curve of
/// each class; classes without a curve are left out. `mean` is the mean area.
pub fn roc(curves: &[(String, Option<RocCurve>)], mean: Option<f64>) -> Drawing {
    let mut shown: Vec<(&str, &RocCurve)> = curves
        .iter()
        .filter_map(|(name, curve)| curve.as_ref().map(|curve| (name.as_str(), curve)))
        .collect();
    shown.sort_by(|a, b| a.1.auroc.total_cmp(&b.1.auroc));
    shown.truncate(SHOWN);
    let height = (TOP + SIDE + 44.0).max(TOP + 16.0 * (shown.len() + 2) as f64);
    let mut drawing = Drawing::new(
        "ROC curves, one class against the rest",
        words(&shown, mean),
        NAMES + 190.0,
        height,
    );
    drawing.text([2.0, 14.0], title(), "ROC curves, one class against the rest");
    let axis = |low, high| Axis::new(low, high, 5.0, false, 0.0);
    let place = |left| [left, TOP, SIDE, SIDE];
    let whole = Frame { place: place(LEFT), x: axis(0.0, 1.0), y: axis(0.0, 1.0) };
    let corner = Frame { place: place(SECOND), x: axis(0.0, CORNER), y: axis(1.0 - CORNER, 1.0) };
    for (frame, heading) in [(&whole, "all"), (&corner, "the upper left corner")] {
        frame.draw(&mut drawing, "false positive rate", "true positive rate");
        drawing.text([frame.place[0], TOP - 10.0], faint(), heading);
    }
    let chance = Style::line(Colour::Muted, 1.0).dashed(&[3.0, 3.0]);
    drawing.line([whole.at([0.0, 0.0]), whole.at([1.0, 1.0])], chance);
    for (i, (_, curve)) in shown.iter().enumerate() {
        let style = series_line(i, 1.5);
        drawing.line(curve.points.iter().map(|&point| whole.at(point)), style.clone());
        let inside = clipped(&curve.points, CORNER, 1.0 - CORNER);
        drawing.line(inside.into_iter().map(|point| corner.at(point)), style);
    }
    draw_names(&mut drawing, &shown, mean);
    drawing
}

/// The part of a curve left of `right` and above `bottom`. Curves rise to the right, so it is one
/// piece.
fn clipped(points: &[[f64; 2]], right: f64, bottom: f64) -> Vec<[f64; 2]> {
    let mut inside: Vec<[f64; 2]> = Vec::new();
    for pair in points.windows(2) {
        let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
        let along =
            |from: f64, to: f64, at: f64| if to > from { (at - from) / (to - from) } else { 0.0 };
        let enter = if y0 < bottom { along(y0, y1, bottom) } else { 0.0 };
        let leave = if x1 > right { along(x0, x1, right) } else { 1.0 };
        if y1 < bottom || x0 > right || enter > leave {
            continue;
        }
        for t in [enter, leave] {
            let point = [x0 + t * (x1 - x0), y0 + t * (y1 - y0)];
            if inside.last() != Some(&point) {
                inside.push(point);
            }
        }
    }
    inside
}

fn draw_names(drawing: &mut Drawing, shown: &[(&str, &RocCurve)], mean: Option<f64>) {
    drawing.text([NAMES + 184.0, TOP - 10.0], faint().end(), "AUROC");
    for (i, (name, curve)) in shown.iter().enumerate() {
        let y = TOP + 8.0 + 16.0 * i as f64;
        drawing.line([[NAMES, y - 4.0], [NAMES + 22.0, y - 4.0]], series_line(i, 2.0));
        drawing.text([NAMES + 28.0, y], label(), fitting(name, 11.0, 110.0));
        drawing.text([NAMES + 184.0, y], label().end(), decimal(curve.auroc, 4));
    }
    if let Some(mean) = mean {
        let y = TOP + 12.0 + 16.0 * shown.len() as f64;
        drawing.text([NAMES + 28.0, y], label().bold(), "mean");
        drawing.text([NAMES + 184.0, y], label().bold().end(), decimal(mean, 4));
    }
}

fn words(shown: &[(&str, &RocCurve)], mean: Option<f64>) -> String {
    let mut parts: Vec<String> =
        mean.map(|m| format!("mean area {}", decimal(m, 4))).into_iter().collect();
    parts.extend(shown.iter().map(|(name, curve)| format!("{name} {}", decimal(curve.auroc, 4))));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_is_cut_where_the_curve_enters_and_leaves() {
        let points = [[0.0, 0.0], [0.0, 0.9], [0.1, 0.9], [0.5, 1.0], [1.0, 1.0]];
        let inside = clipped(&points, 0.2, 0.8);
        let expected = [[0.0, 0.8], [0.0, 0.9], [0.1, 0.9], [0.2, 0.925]];
        assert_eq!(inside.len(), 4);
        for (got, expected) in inside.iter().zip(expected) {
            assert!(
                (got[0] - expected[0]).abs() + (got[1] - expected[1]).abs() < 1e-12,
                "{inside:?}"
            );
        }
        assert!(clipped(&[[0.0, 0.0], [1.0, 1.0]], 0.2, 0.8).is_empty());
    }
}
