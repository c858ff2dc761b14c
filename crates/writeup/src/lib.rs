//! The write-up of a run, shared by the program and the Python package: TensorBoard's events during
//! training ([`Events`]), the answers of the best model at the end ([`BestModelAnswers`]), and the report made
//! from the files of the run folder ([`ReportedRun`], [`write_run`]).
//!
//! Figures and pages come from `modiste-report`, training and its files from `modiste-train`.

mod best_model_answers;
mod events;
mod reported;
mod write;

pub use best_model_answers::BestModelAnswers;
pub use events::Events;
pub use reported::ReportedRun;
pub use write::{explain, mistakes, write_files, write_run};

use modiste_files::FileError;

/// Why a run could not be written up.
#[derive(Debug, thiserror::Error)]
pub enum WriteupError {
    /// The folder or one of its files is incomplete or inconsistent.
    #[error("{place}: {problem}")]
    Folder {
        /// The folder or file.
        place: String,
        /// What is wrong, in lower case.
        problem: String,
    },
    /// A file cannot be read or written, or is invalid.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model or its answers cannot be read, or the engine failed.
    #[error(transparent)]
    Model(#[from] modiste_model::ModelError),
    /// The configuration cannot be read.
    #[error(transparent)]
    Train(#[from] modiste_train::TrainError),
    /// A heat map cannot be computed.
    #[error(transparent)]
    Explain(#[from] modiste_explain::ExplainError),
    /// A page, figure or event file cannot be created.
    #[error(transparent)]
    Report(#[from] modiste_report::ReportError),
    /// The size of a picture is not possible in pixels.
    #[error(transparent)]
    Draw(#[from] modiste_draw::DrawError),
}

impl WriteupError {
    /// The error of an incomplete or inconsistent folder or file.
    fn folder(place: impl AsRef<std::path::Path>, problem: impl Into<String>) -> Self {
        Self::Folder { place: place.as_ref().display().to_string(), problem: problem.into() }
    }
}
