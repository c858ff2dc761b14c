//! What is shown of a run, made from plain numbers: TensorBoard events, figures, a self-contained
//! HTML page, Markdown, and the worst mistakes as csv.
//!
//! This crate computes no metric and reads no run folder; who trains or evaluates fills in the
//! structs. It needs no system font and no network.

mod base64;
mod csv;
mod format;
mod html;
mod markdown;
mod picture;
mod run;
mod summary;
mod svg;
pub mod tensorboard;

pub use csv::mistakes_csv;
pub use html::render;
pub use markdown::render_markdown;
pub use picture::confusion_png;
pub use run::{EpochRow, MistakeImage, Reference, RunReport};
pub use svg::curves_svg;

use std::io;
use std::path::PathBuf;

/// Why something could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be made or written.
    #[error("{}: failed to {action}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "create".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Pixels and shape of an image do not fit.
    #[error(
        "{bytes} bytes are not an image of {height} x {width} pixels with {channels} channels \
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
    /// The bytes given as an image for TensorBoard are not a PNG file.
    #[error("image {tag:?} is not a PNG file of 8-bit grey or colour")]
    NotPng {
        /// The image's tag.
        tag: String,
    },
    /// The page could not be put together.
    #[error("failed to fill in the report's template: {0}")]
    Template(askama::Error),
}
