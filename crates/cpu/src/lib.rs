//! The CPU engine: compiles a network's description to a static plan over one arena.
//!
//! `lower` turns the description into steps, `arena` lays out memory, `run` walks the steps forward
//! and backward on all threads, `weights` keeps the parameters in the kernels' layouts, and
//! [`CpuEngine`] implements `modiste_spec::Engine`. Single precision, channels last. The same seed
//! gives the same bits on any number of threads; steps allocate no memory.

mod arena;
mod clock;
mod conv;
mod engine;
mod exchange;
mod infer;
mod limits;
mod loss;
mod lower;
mod machine;
mod memory;
mod norm;
mod optimiser;
mod orthogonal;
mod plan;
mod profile;
mod ranks;
mod run;
mod scratch;
mod trace;
mod weights;

pub use engine::{CpuEngine, CpuOptions};
pub use exchange::ThreadExchange;
pub use limits::Limits;
pub use memory::engine_bytes;
pub use modiste_kernels::isa::Isa;
pub use profile::{Profile, StepProfile};
pub use trace::Event;
