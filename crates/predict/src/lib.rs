//! A trained model and its answers.
//!
//! [`Predictor`] is the one way from a model file to an answer; `predict`, `serve`, `evaluate` and
//! `explain` all take it. It knows the temperature of the model's probabilities and when to answer
//! "none of these"; it prints nothing and reads no arguments. The engine is the caller's choice:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use modiste_predict::{Options, Predictor};
//! let model = modiste_train::Model::load("runs/first/best.safetensors".as_ref())?;
//! let engine = modiste_cpu::CpuEngine::new(&model.network, Default::default())?;
//! let mut predictor = Predictor::new(model, engine, Options::default())?;
//! let (answer, _) = predictor.picture(&std::fs::read("shoe.jpg")?, "shoe.jpg")?;
//! println!("{} ({:.3})", predictor.class(&answer), answer.probability);
//! # Ok(())
//! # }
//! ```

mod answer;
mod predictor;

pub use answer::Answer;
pub use predictor::{Options, Predictor, Reject};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The picture cannot be read.
    #[error(transparent)]
    Data(#[from] modiste_data::DataError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] modiste_spec::engine::EngineError),
    /// The model does not offer what was asked for.
    #[error("{0}")]
    Model(String),
}
