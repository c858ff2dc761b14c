//! The figures of a run as drawings, made from plain numbers.

mod confusion;
mod curves;
mod frame;
mod reliability;
mod roc;
mod samples;
mod ticks;

pub use confusion::{Matrix, confusion};
pub use curves::{RunCurves, comparison_curves, curves};
pub use reliability::reliability;
pub use roc::roc;
pub use samples::samples;

use modiste_draw::{Colour, SERIES, Style, TextStyle};

/// Text sizes of a figure: title, labels, explanations.
fn title() -> TextStyle {
    TextStyle::new(13.0, Colour::Ink).bold()
}

fn label() -> TextStyle {
    TextStyle::new(11.0, Colour::Ink)
}

fn faint() -> TextStyle {
    TextStyle::new(11.0, Colour::Muted)
}

/// The line of the series at `i`: its own colour, and dashes once the colours are used up.
fn series_line(i: usize, width: f64) -> Style {
    const DASHES: [&[f64]; 4] = [&[], &[5.0, 3.0], &[1.5, 2.5], &[8.0, 3.0, 1.5, 3.0]];
    Style::line(Colour::Series(i), width).dashed(DASHES[i / SERIES % DASHES.len()])
}
