//! The error type of the crate; every error is one line.

use modiste_train::TrainError;

/// Error of building, reading or writing a grid or search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// An invalid grid, search or shard.
    #[error("{what}: {problem}")]
    Grid {
        /// The field or option.
        what: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// A folder or file belongs to something else.
    #[error("{path}: {problem}")]
    Conflict {
        /// The folder or file.
        path: String,
        /// What it contains, and what to do.
        problem: String,
    },
    /// An invalid configuration or file of a run.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] modiste_files::FileError),
}

impl SearchError {
    /// An invalid field or option.
    pub fn grid(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Grid { what: what.into(), problem: problem.into() }
    }

    /// A folder or file that belongs to something else.
    pub fn conflict(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Conflict { path: path.into(), problem: problem.into() }
    }
}
