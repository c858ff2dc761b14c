//! Searching with many runs: the configurations of a grid or search, the progress of each trial, the tables
//! of results, and the selection of the best.
//!
//! A [`Grid`] is data: a base configuration and values for some of its fields. Its [`Trial`]s are ordinary
//! runs of `modiste-train` with different folder names. Their [`TrialProgress`] is read only from these
//! folders, so it does not matter which machine trained them or how often that was interrupted. This crate
//! neither trains nor prints.

mod base_config;
mod elements;
mod error;
mod grid;
mod importance;
mod name;
mod plan;
mod request;
mod results_folder;
mod row;
mod sampler;
mod search;
mod search_page;
mod select;
mod shard;
mod space;
mod state;
mod statistics;
mod status;
mod submission;
mod table;
mod task;

pub use base_config::BaseConfig;
pub use elements::{Element, Elements};
pub use error::SearchError;
pub use grid::{Axis, Grid, Point, Trial};
pub use importance::importance;
pub use name::{file_name, label};
pub use plan::{Plan, TRIALS};
pub use request::{Budget, Halving, Measure, Objective, Search};
pub use results_folder::{ResultsFolder, difference, is_of, read_if_there};
pub use row::{Gain, Published, Row, Size, TrialResult};
pub use sampler::{Draws, Observation, Sampler};
pub use search::{Candidate, SearchFolder, survivors};
pub use select::{SELECTION_RULE, Selection, select};
pub use shard::Shard;
pub use space::{Coordinates, Dimension, Space, Values};
pub use state::{Numbers, TrialProgress};
pub use statistics::{Difference, Spread};
pub use status::{Status, TrialPhase, TrialStatus};
pub use submission::{Scheduler, ranges, shell, submission};
pub use table::{Results, results_csv, trials_csv};
pub use task::{CheckBatch, RunSize, Task, measure};
