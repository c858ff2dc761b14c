//! The crate's error type; errors name the file and the problem in one line.

use std::path::Path;

use modiste_files::FileError;

/// Why a file could not be read or written, or a model could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file or folder cannot be read or written, or is invalid.
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
    /// The model does not have what was requested.
    #[error("{0}")]
    Unavailable(String),
}

impl ModelError {
    /// The error of a file with invalid contents.
    pub fn file(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        FileError::refused(file, problem).into()
    }
}
