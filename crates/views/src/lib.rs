//! Views of a network; each walks the description in `modiste-spec` without running it.
//!
//! Shapes, parameter counts and costs come from the description; this crate only arranges them.

mod diagram;
mod summary;
mod table;

pub use diagram::{block, block_names, structure};
pub use modiste_draw::grouped;
pub use summary::{Summary, SummaryRow};
pub use table::Table;
