//! Input files opened safely, output files written completely or not at all.
//!
//! Every crate that reads a file at a given path uses [`open`], [`read`] or
//! [`read_text`]; every file is replaced with [`AtomicFile`] or [`atomic_write`].

mod cell;
mod error;
mod input;
mod output;

pub use cell::guarded;
pub use error::FileError;
pub use input::{MAX_TEXT, open, read, read_text};
pub use output::{AtomicFile, append, atomic_write, remove_leftovers};
