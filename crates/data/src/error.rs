//! The crate's one error: which file, and what is wrong with it, in one line.

use std::io;
use std::path::Path;

use modiste_files::FileError;

/// Why data could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder could not be opened, read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file or folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file was read and is not what it should be.
    #[error("{file}: {problem}")]
    File {
        /// The file or folder.
        file: String,
        /// What is wrong, in lower case.
        problem: String,
    },
    /// The images there do not allow the split that was asked for.
    #[error("split {split} of {name}: {problem}")]
    Split {
        /// The split as it was written.
        split: String,
        /// The data set.
        name: String,
        /// What is missing, and what would do.
        problem: String,
    },
    /// A value that was typed means nothing here.
    #[error("{value:?} is not {expected}")]
    Value {
        /// What was typed.
        value: String,
        /// What it should have been.
        expected: &'static str,
    },
}

impl DataError {
    /// A file that was read and is not what it should be.
    pub(crate) fn file(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::File { file: one_line(file.into()), problem: one_line(problem.into()) }
    }

    /// A file that the system would not open, read or write.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { file: one_line(path.display().to_string()), source }
    }
}

impl From<FileError> for DataError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { file, source, .. } => Self::Io { file, source },
            FileError::Refused { file, problem } => Self::File { file, problem },
        }
    }
}

/// The text with every line break made visible: decoders put them into messages, and people into
/// the names of files.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) {
        let shown =
            |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
        return text.trim_end().chars().map(shown).collect();
    }
    text
}
