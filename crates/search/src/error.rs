//! The crate's one error, in one line.

use modiste_train::TrainError;

/// Why a grid cannot be built or read.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The grid, or a shard of it, makes no sense as it was written.
    #[error("{what}: {problem}")]
    Grid {
        /// The field or option.
        what: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// A folder or file holds something else than this grid's.
    #[error("{place}: {problem}")]
    Place {
        /// The folder or file.
        place: String,
        /// What it contains, and what to do instead.
        problem: String,
    },
    /// A configuration or a file of a run will not do.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] modiste_files::FileError),
}

impl SearchError {
    /// Something that was written makes no sense.
    pub fn grid(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Grid { what: what.into(), problem: problem.into() }
    }

    /// A place holds something else.
    pub fn place(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Place { place: place.into(), problem: problem.into() }
    }
}
