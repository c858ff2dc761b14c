//! Drawings: shapes, text and pictures put down once and written in three ways.
//!
//! A [`Drawing`] knows its colours by what they mean ([`Colour`]), so that one drawing fits a light
//! and a dark page. It becomes
//!
//! - an `svg` element for a page, with text as text ([`Drawing::element`]),
//! - an SVG file, with text as outlines of an embedded font, on a ground of its own
//!   ([`Drawing::svg`]),
//! - a PNG file ([`Drawing::png`]).
//!
//! The same drawing always gives the same bytes; no font of the system is looked for. What is drawn
//! is left to the crates that know it.

mod drawing;
mod font;
mod paint;
mod picture;
mod raster;
mod svg;
mod text;

pub use drawing::{Anchor, Drawing, TextStyle};
pub use font::text_width;
pub use paint::{Colour, SERIES, Style, page_style};
pub use picture::{Picture, base64, from_base64};
pub use svg::escape;
pub use text::{fitting, grouped};

/// Why something could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// Pixels and shape of a picture do not fit.
    #[error(
        "{bytes} bytes are not a picture of {height} x {width} pixels with {channels} channels \
         (1 and 3 can be shown)"
    )]
    Picture {
        /// Number of bytes given.
        bytes: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
    },
    /// A drawing is empty or too large for a picture of pixels.
    #[error(
        "a drawing of {width} x {height} does not become a PNG file: it has 1 to 20,000 pixels a side"
    )]
    Size {
        /// Width in units of the drawing.
        width: String,
        /// Height in units of the drawing.
        height: String,
    },
}
