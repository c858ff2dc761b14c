//! Runs networks naively in f64, as a reference for the fast engines.
//!
//! [`ReferenceEngine`] walks the nodes of a [`modiste_spec::Network`] forward and backward, with
//! one plain function per operation ([`ops`]). It is checked by central finite differences and by
//! values from PyTorch, and in turn checks the other engines ([`check`]). Nothing here is fast, and
//! nothing is shared with the other engines except the description of the network.

pub mod check;
mod engine;
mod maps;
pub mod ops;
mod optimiser;
mod walk;

pub use engine::{ReferenceEngine, Values};
pub use maps::Maps;
pub use walk::Mode;
