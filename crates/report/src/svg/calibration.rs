//! The reliability diagram: how often each confidence was right.

use std::fmt::Write;

use modiste_metrics::Calibration;

use crate::format::{percent, thousands};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 40.0;
const TOP: f64 = 10.0;
const SIDE: f64 = 200.0;

/// Accuracy by confidence, with the diagonal of honest probabilities.
pub(crate) fn calibration_diagram(calibration: &Calibration) -> String {
    let bottom = TOP + SIDE;
    let mut out = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"accuracy by confidence\">"
    );
    for i in 0..=5 {
        let value = f64::from(i) / 5.0;
        let (x, y) = (LEFT + value * SIDE, bottom - value * SIDE);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}h{SIDE}\"/>\
             <text class=\"end\" x=\"{}\" y=\"{:.1}\">{value:.1}</text>\
             <text class=\"middle\" x=\"{x:.1}\" y=\"{}\">{value:.1}</text>",
            LEFT - 6.0,
            y + 4.0,
            bottom + 15.0
        );
    }
    for bin in &calibration.bins {
        let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) else { continue };
        let (x, width) = (LEFT + bin.lower * SIDE, (bin.upper - bin.lower) * SIDE - 1.0);
        let height = accuracy * SIDE;
        let _ = write!(
            out,
            "<g><title>{} images: confidence {}, right {}</title>\
             <rect class=\"hover\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{SIDE}\"/>\
             <rect class=\"bar\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/></g>",
            thousands(bin.count),
            percent(confidence),
            percent(accuracy),
            bottom - height
        );
    }
    let _ = write!(
        out,
        "<path class=\"ideal\" d=\"M{LEFT} {bottom}l{SIDE} -{SIDE}\"/>\
         <text class=\"middle\" x=\"{}\" y=\"{}\">confidence</text>\
         <text class=\"middle\" transform=\"translate(10 {}) rotate(-90)\">accuracy</text></svg>",
        LEFT + SIDE / 2.0,
        HEIGHT - 6.0,
        TOP + SIDE / 2.0
    );
    out
}
