//! Writes the parts of a split of Fashion-MNIST as IDX files for programs in other languages:
//! `cargo run -p modiste-data --example write_split -- FOLDER [SPLIT]`, by default the split `paper`.

use std::error::Error;
use std::path::PathBuf;

use modiste_data::{Part, PartName, Source, load, write_idx_gz};

fn main() -> Result<(), Box<dyn Error>> {
    let mut typed = std::env::args().skip(1);
    let output: PathBuf = typed.next().ok_or("usage: write_split FOLDER [SPLIT]")?.into();
    let split = typed.next().unwrap_or_else(|| "paper".to_owned()).parse()?;
    let data = load(&Source::Embedded, &split, 0)?;
    std::fs::create_dir_all(&output)?;
    for name in PartName::ALL {
        let Part { images, labels, .. } = data.part(name);
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
