//! Views of a network that do not run it; each walks the description in `modiste-spec`.
//!
//! Shapes, parameter counts and costs come from the description; this crate only arranges them.

mod diagram;
mod summary;
mod table;

pub use diagram::{block, block_names, structure};
pub use modiste_draw::grouped;
pub use summary::{Summary, SummaryRow};
pub use table::Table;
