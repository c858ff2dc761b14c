//! Searching by many runs: which configurations a grid has, how far each trial is, what the table
//! says, which one is selected, and whether a claim holds.
//!
//! A [`Grid`] is data: a base configuration and the values that some of its fields take. Its
//! [`Trial`]s are ordinary runs of `modiste-train`, told apart by the names of their folders; their
//! [`State`] is read from those folders alone, so that it does not matter who trained them, where,
//! or how often that was interrupted. Nothing is trained and nothing is printed here.

mod ablation;
mod claims;
mod error;
mod grid;
mod name;
mod paper;
mod select;
mod shard;
mod state;
mod statistics;
mod table;
mod verdict;

pub use ablation::{Ablation, AblationResults, Variant, VariantResult, curves_csv};
pub use claims::{better_than, class_bias, gap, hard_class};
pub use error::SearchError;
pub use grid::{Axis, Grid, Point, Trial};
pub use name::{file_name, label};
pub use paper::{PUBLISHED, PUBLISHED_BEST, Published, PublishedBest, published};
pub use select::{SELECTION_RULE, Selection, select};
pub use shard::Shard;
pub use state::{Numbers, State};
pub use statistics::{Difference, Spread};
pub use table::{Gain, Results, Row, Size, TrialResult, results_csv, trials_csv};
pub use verdict::{LEAST_SEEDS, Outcome, Side, VERDICT_RULE, Verdict};
