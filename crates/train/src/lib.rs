//! Training: the configuration, the loop, and the files that make it safe to stop at any time.
//!
//! [`fit`] is the loop, over any [`modiste_spec::Engine`]; it prints nothing and reports
//! events to an [`Observer`]. A [`Config`] decides the result, a [`Run`] is its folder, a
//! [`Model`](modiste_model::Model) is the result. The caller chooses the engine:
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
mod digest;
mod error;
mod fit;
mod holder;
mod model_data;
mod observer;
mod pace;
mod plan;
mod progress;
mod run;
mod schedule;
mod suit;
mod warnings;

pub use checkpoint::{Checkpoint, parse_checkpoint};
pub use config::{
    ClassWeights, Config, DataConfig, EarlyStoppingConfig, FIELDS, Field, PRESETS, Preset, Setting,
    TrainingConfig, configuration_page,
};
pub use error::TrainError;
pub use fit::{Outcome, Summary, fit};
pub use holder::{Holder, host_name};
pub use model_data::{check_fits, config_of, labelled};
pub use observer::{Event, Observer};
pub use pace::Pace;
pub use plan::{Plan, PlanError};
pub use progress::{Progress, StoppingState};
pub use run::{Run, run_config};
pub use schedule::{PlateauState, Schedule};
pub use suit::{ChosenSettings, choose_settings, own_pictures};
pub use warnings::{at_chance, data_warnings, parted, rate_warning, uncalibrated};
