//! The crate's one error: which file, and what is wrong, in one line.

use std::path::Path;

use modiste_files::FileError;

/// Why a file could not be read or written, or a model could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file or folder cannot be read or written, or is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] modiste_data::DataError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] modiste_spec::engine::EngineError),
    /// Answers cannot be evaluated.
    #[error(transparent)]
    Metrics(#[from] modiste_metrics::MetricsError),
    /// The model does not offer what was asked for.
    #[error("{0}")]
    Unavailable(String),
}

impl ModelError {
    /// A file that was read and is not what it should be.
    pub fn file(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        FileError::refused(file, problem).into()
    }
}
