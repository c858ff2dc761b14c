//! Ways to look at a network without running it; each walks the description of `modiste-spec`.
//!
//! What a shape, a parameter count or a cost is, the description knows; this crate only arranges it.

mod diagram;
mod summary;
mod table;

pub use diagram::{block, block_names, structure};
pub use modiste_draw::grouped;
pub use summary::{Summary, SummaryRow};
pub use table::Table;
