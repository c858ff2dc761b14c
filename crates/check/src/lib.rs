//! What is wrong with a labelled set of pictures, found with plain numbers: no network, no files.
//!
//! - [`label_errors`]: pictures whose label is probably wrong, by confident learning over
//!   probabilities that a network gave for pictures it was not trained on.
//! - [`copies`]: pictures that are there twice, exactly or nearly.
//! - [`oddity`]: pictures that are black, constant, or hardly anything else.
//! - [`Mirroring`], [`Turning`]: whether mirrored or turned pictures still look like their class.
//!
//! Where pictures and probabilities come from, and what is done about the findings, is left to the
//! caller.

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
    /// Probabilities and labels do not belong together.
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
    /// A row that is no distribution over the classes.
    #[error("the probabilities of picture {image} are not numbers from 0 to 1 with the sum 1")]
    Probabilities {
        /// Index of the picture.
        image: usize,
    },
}
