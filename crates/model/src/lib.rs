//! A trained model: its file, its run folder, and its answers.
//!
//! [`Predictor`] answers with a model, applying its temperature and its thresholds for "none of
//! these". [`RunFolder`] names every file of a run, [`EpochRow`] is a row of its `metrics.csv`. Nothing
//! here trains, so exporting, explaining and serving need only this crate. The caller chooses the
//! engine:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use modiste_model::{Model, Options, Predictor};
//! let model = Model::load("runs/first/best.safetensors".as_ref())?;
//! let engine = modiste_cpu::CpuEngine::new(&model.network, Default::default())?;
//! let mut predictor = Predictor::new(model, engine, Options::default())?;
//! let (answer, _) = predictor.picture(&std::fs::read("shoe.jpg")?, "shoe.jpg")?;
//! println!("{} ({:.3})", predictor.class(&answer), answer.probability);
//! # Ok(())
//! # }
//! ```

mod answer;
mod answers;
mod digests;
mod environment;
mod epochs;
mod error;
mod file;
mod folder;
mod format;
mod model_evaluation;
mod predictor;
mod rows;
mod stored;
pub mod tensors;
mod trained;

pub use answer::Answer;
pub use answers::{Answers, evaluation, labels};
pub use digests::{Digest, read_digests, write_digests};
pub use environment::{Environment, read_environment, utc};
pub use epochs::{
    CurrentMetrics, EpochMetrics, EpochRow, SelectBy, Timing, parse_metrics, read_metrics,
    write_metrics,
};
pub use error::ModelError;
pub use file::{DataIdentity, Model, ModelConfidence, Preprocessing, Provenance, parse_model};
pub use folder::RunFolder;
pub use format::{other_format, perhaps_newer};
pub use model_evaluation::{
    Calibrated, ConfidenceMetrics, MirroredMetrics, ModelEvaluation, ThresholdEffect,
};
pub use modiste_files::guarded;
pub use predictor::{Options, Predictor, Reject, mirrored_logits};
pub use rows::csv_text;
pub use stored::{MISTAKES, Pixels, Stored, StoredMistake, StoredPart};
