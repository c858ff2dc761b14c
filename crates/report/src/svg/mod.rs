//! Charts as SVG: within a page, where the page's style colours them, and as files of their own.

mod calibration;
mod chart;
mod curves;
mod ticks;

pub(crate) use calibration::calibration_diagram;
pub(crate) use curves::curves;
pub use curves::curves_svg;

/// Colours and fonts of all charts; the names are used by the page too.
pub(crate) const STYLE: &str = include_str!("../../templates/chart.css");

/// `text` as it may stand in SVG and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}
