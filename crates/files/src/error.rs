//! The crate's error type; errors name the file and the problem in one line.

use std::io;
use std::path::Path;

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A system call failed.
    #[error("{file}: failed to {action}: {source}")]
    Io {
        /// The file.
        file: String,
        /// The operation: `read`, `write`, `create`, ...
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The file does not have the required type, size or contents.
    #[error("{file}: {problem}")]
    Refused {
        /// The file.
        file: String,
        /// What is wrong, in lower case.
        problem: String,
    },
}

impl FileError {
    /// The error of a file or folder for which `action` failed.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { file: one_line(&path.to_string_lossy()), action, source }
    }

    /// The error of a file that is not as required.
    pub fn refused(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        let file = one_line(&file.as_ref().to_string_lossy());
        Self::Refused { file, problem: one_line(&problem.into()) }
    }

    /// Whether the file does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// `text` with control characters escaped: file names may contain any, and decoders put line breaks into
/// their messages.
fn one_line(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.into(),
    };
    text.trim_end().chars().map(escaped).collect()
}
