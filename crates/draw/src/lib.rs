//! Drawings: shapes, text and pictures, described once and written in three forms.
//!
//! Colours have meanings ([`Colour`]), so a [`Drawing`] suits light and dark pages. It can be written as
//!
//! - an `svg` element for a page, whose text stays text ([`Drawing::element`]),
//! - an SVG file with its own background, whose text is outlines of an embedded font
//!   ([`Drawing::svg`]),
//! - a PNG file ([`Drawing::png`]).
//!
//! The same drawing always gives the same bytes; system fonts are not used. Other crates decide what
//! to draw.

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
pub use picture::Picture;
pub use svg::escape;
pub use text::{fitting, grouped, is_control, plain};

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
        "a drawing of {width} x {height} cannot become a PNG file, which has 1 to 20,000 pixels per side"
    )]
    Size {
        /// Width in units of the drawing.
        width: String,
        /// Height in units of the drawing.
        height: String,
    },
}
