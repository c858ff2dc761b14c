//! The crate's error type; errors name the file and the problem in one line.

use std::io;
use std::path::Path;

use modiste_files::FileError;

/// Why data could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder could not be opened, read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file or folder.
        file: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The contents of a file are invalid.
    #[error("{file}: {problem}")]
    File {
        /// The file or folder.
        file: String,
        /// What is wrong, in lower case.
        problem: String,
    },
    /// The images do not allow the requested split.
    #[error("split {split} of {name}: {problem}")]
    Split {
        /// The split as given.
        split: String,
        /// The data set.
        name: String,
        /// What is missing, and what would work.
        problem: String,
    },
    /// An invalid value.
    #[error("{value:?} is not {expected}")]
    Value {
        /// The value as given.
        value: String,
        /// What it should have been.
        expected: &'static str,
    },
}

impl DataError {
    /// The error of a file with invalid contents.
    pub(crate) fn file(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::File { file: one_line(file.into()), problem: one_line(problem.into()) }
    }

    /// The error of a file that the system could not open, read or write.
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

/// The text with line breaks escaped, because decoders' messages and file names may contain them.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) {
        let shown =
            |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
        return text.trim_end().chars().map(shown).collect();
    }
    text
}
