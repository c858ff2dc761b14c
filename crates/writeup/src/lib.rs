//! What is written up of a run, by the program and from Python alike: TensorBoard's events while it
//! trains ([`Events`]), the answers of its best model at the end ([`Judged`]), and the report that is
//! made from the files of its folder ([`ReportedRun`], [`write_run`]).
//!
//! Figures and pages are those of `modiste-report`; training and its files are those of `modiste-train`.

mod events;
mod judged;
mod reported;
mod write;

pub use events::Events;
pub use judged::Judged;
pub use reported::ReportedRun;
pub use write::{explain, mistakes, write_files, write_run};

use modiste_files::FileError;

/// Why a run could not be written up.
#[derive(Debug, thiserror::Error)]
pub enum WriteupError {
    /// The folder or a file of it says too little, or what does not fit together.
    #[error("{place}: {problem}")]
    Folder {
        /// The folder or file.
        place: String,
        /// What is wrong, in lower case.
        problem: String,
    },
    /// A file cannot be read or written, or is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model or its answers cannot be read, or the engine refused.
    #[error(transparent)]
    Model(#[from] modiste_model::ModelError),
    /// The configuration cannot be read.
    #[error(transparent)]
    Train(#[from] modiste_train::TrainError),
    /// There is no heat map.
    #[error(transparent)]
    Explain(#[from] modiste_explain::ExplainError),
    /// A page, figure or event file cannot be made.
    #[error(transparent)]
    Report(#[from] modiste_report::ReportError),
    /// A picture has no size that pixels can have.
    #[error(transparent)]
    Draw(#[from] modiste_draw::DrawError),
}

impl WriteupError {
    /// A folder or file that says too little, or what does not fit together.
    fn folder(place: impl AsRef<std::path::Path>, problem: impl Into<String>) -> Self {
        Self::Folder { place: place.as_ref().display().to_string(), problem: problem.into() }
    }
}
