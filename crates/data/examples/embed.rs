//! Draws the embedded data from the four official files: `cargo run -p modiste-data --example embed -- FOLDER`.
//!
//! The same files give the same bytes. The licence beside the output is written by hand.

use std::error::Error;
use std::path::{Path, PathBuf};

use modiste_data::{Part, PartName, Source, Split, load, write_idx_gz};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: embed FOLDER [OUTPUT]")?;
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded");
    let output = std::env::args_os().nth(2).map_or(beside, PathBuf::from);
    let data = load(&Source::Folder(folder.into()), &Split::Paper, 0)?;
    std::fs::create_dir_all(&output)?;
    for name in PartName::ALL {
        let Part { images, labels } = data.part(name);
        let labels: Vec<u8> =
            labels.iter().flatten().map(|&label| u8::try_from(label)).collect::<Result<_, _>>()?;
        let dims = [images.len(), images.shape.height, images.shape.width];
        let packed = write_idx_gz(&dims, &images.pixels);
        std::fs::write(output.join(format!("{name}-images-idx3-ubyte.gz")), packed)?;
        let packed = write_idx_gz(&dims[..1], &labels);
        std::fs::write(output.join(format!("{name}-labels-idx1-ubyte.gz")), packed)?;
    }
    Ok(())
}
