//! Searching by many runs: which configurations a grid has, how far each trial is, what the table
//! says, and which one is selected.
//!
//! A [`Grid`] is data: a base configuration and the values that some of its fields take. Its
//! [`Trial`]s are ordinary runs of `modiste-train` with different folder names; their
//! [`State`] is read from those folders alone, so it does not matter who trained them, where,
//! or how often that was interrupted. Nothing is trained and nothing is printed here.

mod elements;
mod error;
mod grid;
mod importance;
mod name;
mod origin;
mod place;
mod plan;
mod request;
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

pub use elements::{Element, Elements};
pub use error::SearchError;
pub use grid::{Axis, Grid, Point, Trial};
pub use importance::importance;
pub use name::{file_name, label};
pub use origin::Origin;
pub use place::{Place, difference, is_of, read_if_there};
pub use plan::{Plan, TRIALS};
pub use request::{Budget, Halving, Measure, Objective, Search};
pub use row::{Gain, Published, Row, Size, TrialResult};
pub use sampler::{Draws, Sampler, Tried};
pub use search::{Candidate, SearchFolder, survivors};
pub use select::{SELECTION_RULE, Selection, select};
pub use shard::Shard;
pub use space::{Coordinates, Dimension, Space, Values};
pub use state::{Numbers, State};
pub use statistics::{Difference, Spread};
pub use status::{Standing, Status, TrialStatus};
pub use submission::{Scheduler, ranges, shell, submission};
pub use table::{Results, results_csv, trials_csv};
pub use task::{CheckBatch, RunSize, Task, measure};
