//! `modiste diagram`: the structure of a network, or one of its blocks, as a drawing.

use modiste_views::{block, block_names, structure};

use crate::cli::DiagramArgs;
use crate::commands::{drawing, summary};
use crate::failure::Failure;

/// Draws and writes the file.
pub fn run(args: DiagramArgs) -> Result<(), Failure> {
    let format = drawing::format(&args.out)?;
    let network = summary::network(&args.network)?;
    let figure = match args.block.as_deref() {
        None => structure(&network),
        Some(name) => {
            let name = Some(name).filter(|name| !name.is_empty());
            block(&network, name).ok_or_else(|| {
                let wanted =
                    name.map_or("no block has branches".into(), |n| format!("no block {n:?}"));
                let known = block_names(&network).join(", ");
                Failure::Usage(format!("--block: {wanted}; the network has {known}"))
            })?
        }
    };
    drawing::write(&figure, &args.out, format)
}
