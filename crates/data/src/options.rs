//! Options for reading a source.

use crate::photo::{Fit, Preparation, TransparencyFill};

/// Options for reading a source; the default suits most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Whether to refuse a source with files that cannot be used.
    pub strict: bool,
    /// Rows and columns of every image; by default the common size of the pictures.
    pub size: Option<(usize, usize)>,
    /// How a picture of another shape is fitted.
    pub fit: Fit,
    /// Background of transparent pictures.
    pub ground: TransparencyFill,
    /// The column that names pictures; detected by default.
    pub picture_column: Option<String>,
    /// The column of the classes; detected by default.
    pub label_column: Option<String>,
    /// The preparation of a model; if given, it overrides the options for pictures.
    pub preparation: Option<Preparation>,
    /// Largest memory for the images, in bytes; by default the machine's free memory.
    pub memory: Option<u64>,
}
