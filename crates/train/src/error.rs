//! The crate's error type; errors name the file, field or step and the problem in one line.

use std::path::Path;

use modiste_files::FileError;

/// Why a run could not be started, continued or saved.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A field of the configuration does not exist, or its value is not allowed.
    #[error("{field}: {problem}")]
    Config {
        /// Dotted path of the field, as in `training.batch`.
        field: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// The folder cannot hold this run.
    #[error("{folder}: {problem}")]
    Run {
        /// The run folder.
        folder: String,
        /// Why not, and what to do instead.
        problem: String,
    },
    /// Another process is training in the folder.
    #[error("{folder}: is in use: another process is training there{holder}")]
    InUse {
        /// The run folder.
        folder: String,
        /// Which process, in brackets after a space; empty if its lock does not say.
        holder: String,
    },
    /// Training diverged: a loss or parameter is infinite or not a number.
    #[error(
        "{what} is not finite in epoch {epoch}, step {step} (learning rate {learning_rate}); \
         last good checkpoint: {checkpoint}; try a lower training.schedule.learning_rate or a longer \
          warm-up"
    )]
    NotFinite {
        /// `the training loss`, `parameter "dense.weight"`, ...
        what: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The step within it, from 1.
        step: usize,
        /// The learning rate of that step.
        learning_rate: f64,
        /// File and position of the last good checkpoint, or `none`.
        checkpoint: String,
    },
    /// A file of the run cannot be read or written, or is invalid.
    #[error(transparent)]
    Model(#[from] modiste_model::ModelError),
    /// A file or folder cannot be read or written, or is invalid.
    #[error(transparent)]
    File(#[from] FileError),
    /// The images cannot be read or do not fit.
    #[error(transparent)]
    Data(#[from] modiste_data::DataError),
    /// The configuration describes no network.
    #[error(transparent)]
    Spec(#[from] modiste_spec::SpecError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] modiste_spec::engine::EngineError),
    /// The validation part cannot be evaluated.
    #[error(transparent)]
    Metrics(#[from] modiste_metrics::MetricsError),
}

impl TrainError {
    /// The error of a file with invalid contents.
    pub(crate) fn file(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        FileError::refused(file, problem).into()
    }

    /// The error of a field that does not exist, or of a value that is not allowed.
    pub(crate) fn config(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { field: field.into(), problem: problem.into() }
    }

    /// The error of a folder that cannot hold a run.
    pub(crate) fn run(folder: &Path, problem: impl Into<String>) -> Self {
        Self::Run { folder: folder.display().to_string(), problem: problem.into() }
    }
}
