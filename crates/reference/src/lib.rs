//! Runs networks naively in f64, to judge the engines that run them fast.
//!
//! [`ReferenceEngine`] walks the nodes of a [`modiste_spec::Network`] in order and backwards, with
//! one plain function an operation ([`ops`]). It is checked by central finite differences and by
//! values from PyTorch, and in turn checks the other engines ([`check`]). Nothing here is fast, and
//! nothing here is shared with an engine beside the description of the network itself.

pub mod check;
mod engine;
mod maps;
pub mod ops;
mod optimiser;
mod walk;

pub use engine::{ReferenceEngine, Values};
pub use maps::Maps;
pub use walk::Mode;
