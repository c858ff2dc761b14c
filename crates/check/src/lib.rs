//! Finds problems in a labelled set of pictures from plain numbers, without networks or files.
//!
//! - [`label_errors`]: pictures whose label is probably wrong, by confident learning over
//!   probabilities that a network gave for pictures it was not trained on.
//! - [`copies`]: exact and near copies of pictures.
//! - [`oddity`]: pictures that are black, constant, very dark or very bright.
//! - [`Mirroring`], [`Turning`]: whether mirrored or turned pictures still look like their class.
//!
//! The caller supplies pictures and probabilities and decides what to do about the findings.

mod copies;
mod labels;
mod mirror;
mod odd;
mod thumbnail;

pub use copies::{Copies, Match, SIMILARITY, copies};
pub use labels::{LabelError, label_errors};
pub use mirror::{Mirroring, Turning};
pub use odd::{Oddity, oddity};

/// Why numbers cannot be checked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckError {
    /// Probabilities and labels do not fit together.
    #[error("{probabilities} probabilities are not {labels} pictures times {classes} classes")]
    Length {
        /// Number of probabilities given.
        probabilities: usize,
        /// Number of labels given.
        labels: usize,
        /// Number of classes given.
        classes: usize,
    },
    /// Too few classes or pictures to learn anything from.
    #[error("label errors need two classes or more, and a picture")]
    Empty,
    /// A label names a class that does not exist.
    #[error("label {label} of picture {image} is not below {classes}, the number of classes")]
    Label {
        /// Index of the picture.
        image: usize,
        /// Its label.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// A row is not a distribution over the classes.
    #[error("the probabilities of picture {image} are not numbers from 0 to 1 with the sum 1")]
    Probabilities {
        /// Index of the picture.
        image: usize,
    },
}
