//! Drawings of a network, made from its nodes alone: the structure as a chain of blocks (the paper's
//! figure 3), and one block with all that is in it (figure 4).
//!
//! [`units`] joins nodes that belong together (a convolution, its normalisation, its activation),
//! [`segments`] finds the blocks by the nodes' names, [`layout`] gives the units of a block rows and
//! columns. Nothing here knows an architecture.

mod block;
mod layout;
mod segments;
mod structure;
mod units;

pub use block::{block, block_names};
pub use structure::structure;

use modiste_draw::{Colour, Style};
use units::Kind;

/// How the box of a unit looks.
fn style(kind: Kind) -> Style {
    let tinted = |i| Style::tint(Colour::Series(i), 0.14).stroke(Colour::Series(i), 1.2);
    match kind {
        Kind::Map => Style::fill(Colour::Wash).stroke(Colour::Muted, 1.0),
        Kind::Conv => tinted(0),
        Kind::Pool => tinted(2),
        Kind::Dropout => tinted(3).dashed(&[4.0, 3.0]),
        Kind::Join => Style::fill(Colour::Wash).stroke(Colour::Ink, 1.2),
        Kind::Add | Kind::Activation => tinted(1),
        Kind::Dense => tinted(5),
    }
}
