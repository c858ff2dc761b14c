//! Training: the configuration, the loop, and the files that make it safe to stop at any moment.
//!
//! [`fit`] is the loop, over any [`modiste_spec::Engine`]; it prints nothing and tells an
//! [`Observer`] what happens. A [`Config`] decides everything about the outcome, a [`Run`] is the
//! folder that keeps it, a [`Model`] is what comes out. Which engine runs is the caller's choice:
//!
//! ```no_run
//! # use modiste_train::{Config, Event, Run, TrainError, fit};
//! # fn make_engine(_: modiste_spec::Network, _: usize) -> Box<dyn modiste_spec::Engine> { todo!() }
//! # fn main() -> Result<(), TrainError> {
//! let mut config = Config::preset("swift")?;
//! config.set("epochs", "5")?;
//! let data = config.load_data()?;
//! let mut engine = make_engine(config.network(&data)?, config.training.batch);
//! let run = Run::create("runs/first".as_ref(), &config)?;
//! let mut observer = |event: &Event<'_>| println!("{event:?}");
//! fit(&mut *engine, &data, &run, &mut observer, &false.into())?;
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod config;
mod environment;
mod error;
mod files;
mod fit;
mod metrics_csv;
mod model;
mod observer;
mod progress;
mod run;
mod schedule;
mod tensors;

pub use checkpoint::{Checkpoint, DataIdentity, parse_checkpoint};
pub use config::{
    ClassWeights, Config, DataConfig, EarlyStoppingConfig, Field, OptimiserConfig, PRESETS, Preset,
    SelectBy, TrainingConfig,
};
pub use environment::Environment;
pub use error::TrainError;
pub use files::{AtomicFile, atomic_write};
pub use fit::{Outcome, Summary, fit, mirrored_logits};
pub use metrics_csv::{EpochRow, Timing, parse_metrics, read_metrics, write_metrics};
pub use model::{Model, ModelConfidence, Preprocessing, Provenance, parse_model};
pub use observer::{Event, Observer};
pub use progress::{EpochMetrics, Progress, StoppingState, Totals};
pub use run::Run;
pub use schedule::{PlateauState, Schedule};
