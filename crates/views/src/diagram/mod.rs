//! Drawings of a network, made only from its nodes: the structure as a chain of blocks (the paper's
//! figure 3), and the inside of one block (figure 4).
//!
//! [`units`] joins nodes that belong together (a convolution, its normalisation, its activation),
//! [`segments`] finds the blocks by the nodes' names, [`layout`] gives the units of a block rows and
//! columns. Nothing here depends on an architecture.

mod block;
mod layout;
mod segments;
mod structure;
mod units;

pub use block::{block, block_names};
pub use structure::structure;

use modiste_draw::{Colour, Style};
use units::UnitKind;

/// The style of a unit's box.
fn style(kind: UnitKind) -> Style {
    let tinted = |i| Style::tint(Colour::Series(i), 0.14).stroke(Colour::Series(i), 1.2);
    match kind {
        UnitKind::Map => Style::fill(Colour::Wash).stroke(Colour::Muted, 1.0),
        UnitKind::Conv => tinted(0),
        UnitKind::Pool => tinted(2),
        UnitKind::Dropout => tinted(3).dashed(&[4.0, 3.0]),
        UnitKind::Join => Style::fill(Colour::Wash).stroke(Colour::Ink, 1.2),
        UnitKind::Add | UnitKind::Activation => tinted(1),
        UnitKind::Dense => tinted(5),
    }
}
