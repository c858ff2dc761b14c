//! What other engines' tests need: networks that have every operation, batches, and comparisons.
//!
//! An engine's test is then: for every network of [`networks`], [`check_engine`]. The gradients
//! that the trait [`modiste_spec::Engine`] does not show are read from the first moments after one
//! step from zero moments, which are (1 - beta1) x gradient.

mod batches;
mod compare;
mod networks;

pub use batches::{batch, perturbed_state};
pub use compare::{
    LARGEST_BATCH, Mismatch, Settings, Tolerance, check_engine, check_gradients, check_predictions,
    check_steps,
};
pub use networks::{networks, unusual_networks};
