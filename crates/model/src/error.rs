//! The crate's one error: which file, and what is wrong, in one line.

use std::io;
use std::path::Path;

/// Why a file could not be read or written, or a model could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file or folder could not be read or written.
    #[error("{file}: failed to {action}: {source}")]
    Io {
        /// The file or folder.
        file: String,
        /// What was being done: `read`, `write`, ...
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file was read and is not what it should be.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, in lower case.
        problem: String,
    },
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] modiste_data::DataError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] modiste_spec::engine::EngineError),
    /// The model does not offer what was asked for.
    #[error("{0}")]
    Unavailable(String),
}

impl ModelError {
    /// A file for which the system refused to `action`.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { file: path.display().to_string(), action, source }
    }

    /// A file that was read and is not what it should be.
    pub fn file(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::File { file: file.into(), problem: problem.into() }
    }
}
