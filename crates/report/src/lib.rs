//! What is shown of a run, made from plain numbers: TensorBoard events, figures, a self-contained
//! HTML page, Markdown, and the worst mistakes as csv.
//!
//! This crate computes no metric and reads no run folder; who trains or evaluates fills in the
//! structs. It needs no system font and no network.

pub mod tensorboard;

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
    /// The bytes given as an image for TensorBoard are not a PNG file.
    #[error("image {tag:?} is not a PNG file of 8-bit grey or colour")]
    NotPng {
        /// The image's tag.
        tag: String,
    },
}
