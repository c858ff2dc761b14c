//! Files of users: input files are opened without surprises, output files are written whole or not at
//! all.
//!
//! Every crate that reads a file by a path that somebody gave it goes through [`open`], [`read`] or
//! [`read_text`]; every file that is replaced goes through [`AtomicFile`] or [`atomic_write`].

mod error;
mod input;
mod output;

pub use error::FileError;
pub use input::{MAX_TEXT, open, read, read_text};
pub use output::{AtomicFile, append, atomic_write, remove_leftovers};
