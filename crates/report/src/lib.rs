//! Reports of runs, made from plain numbers: TensorBoard events, figures, self-contained HTML pages,
//! Markdown, and the worst mistakes as CSV.
//!
//! [`Page`] is a page of any content. [`RunReport`] makes one from a run, [`comparison`] one from
//! several runs; other pages are built by their callers. This crate computes no metrics and reads no run
//! folders; its callers fill in the structs. It needs no system fonts and no network connection.

mod comparison;
mod csv;
pub mod figures;
mod format;
mod page;
mod run;
mod run_page;
pub mod tensorboard;

pub use comparison::comparison;
pub use csv::mistakes_csv;
pub use page::{
    Block, Cell, Figure, Gallery, GalleryItem, PIXELS, Page, Row, Section, Table, Weight,
};
pub use run::{MistakeImage, PartReport, Reference, RunReport};

use std::io;
use std::path::PathBuf;

use modiste_draw::DrawError;

/// The confusion matrix as a PNG file, for TensorBoard.
///
/// # Errors
///
/// If it has too many classes for a picture.
pub fn confusion_png<'a>(matrix: impl Into<figures::Matrix<'a>>) -> Result<Vec<u8>, ReportError> {
    Ok(figures::confusion(matrix).png(1.0)?)
}

/// Why something could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be created or written.
    #[error("{}: failed to {action}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The operation that failed, as in "create".
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The size of a figure is not possible in pixels.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// The bytes given as an image for TensorBoard are not a PNG file.
    #[error("image {tag:?} is not a PNG file of 8-bit grey or colour")]
    NotPng {
        /// The image's tag.
        tag: String,
    },
}
