//! How a source is read: what may be missing from it, and what becomes of pictures.

use crate::photo::{Fit, Ground, Preparation};

/// How a source is read; the default suits most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Refuse a source with files that would be passed over.
    pub strict: bool,
    /// Rows and columns of every image; by default what the pictures have in common.
    pub size: Option<(usize, usize)>,
    /// How a picture of another shape is fitted.
    pub fit: Fit,
    /// What lies behind transparent pictures.
    pub ground: Ground,
    /// The column that names pictures; by default it is found.
    pub picture_column: Option<String>,
    /// The column of the classes; by default it is found.
    pub label_column: Option<String>,
    /// What a model was trained on: images become such ones, whatever the other options say.
    pub preparation: Option<Preparation>,
    /// The most bytes that the images may take; by default what the machine has free.
    pub memory: Option<u64>,
}
