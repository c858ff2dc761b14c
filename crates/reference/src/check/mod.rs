//! Support for tests of other engines: networks that have every operation, batches, and comparisons.
//!
//! An engine's test is then: for every network of [`networks`], [`check_engine`]; for one of them
//! [`check_methods`]; and for every case of [`golden`], recorded from PyTorch, [`check_golden`].
//! The gradients that the trait [`modiste_spec::Engine`] does not show are read from the first
//! moments after one step from zero moments, which are (1 - beta1) x gradient.

mod batches;
mod compare;
mod digest;
mod engines;
mod golden;
mod networks;
mod random;
mod settings;
mod trials;

pub use batches::{batch, calm_batch, perturbed_state, shares};
pub use compare::Mismatch;
pub use digest::Digest;
pub use engines::{
    LARGEST_BATCH, check_engine, check_gradients, check_methods, check_predictions, check_steps,
};
pub use golden::{Golden, check_digests, check_golden, golden};
pub use networks::{networks, unusual_networks};
pub use random::random_network;
pub use settings::{Settings, Tolerance};
pub use trials::{Trial, check_random};
