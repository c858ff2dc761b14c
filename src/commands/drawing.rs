//! Writes drawings to files; the file extension decides the format.

use std::path::Path;

use modiste_draw::Drawing;
use modiste_files::atomic_write;
use modiste_report::PIXELS;

use crate::failure::Failure;
use crate::output;

/// The format of a drawing file.
#[derive(Clone, Copy)]
pub enum Format {
    Svg,
    Png,
}

/// The format that `out` names.
pub fn format(out: &Path) -> Result<Format, Failure> {
    match out.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        _ => Err(Failure::Usage(format!("--out {}: must end in .svg or .png", out.display()))),
    }
}

/// Writes `drawing` and prints where it is.
pub fn write(drawing: &Drawing, out: &Path, format: Format) -> Result<(), Failure> {
    let bytes = match format {
        Format::Svg => drawing.svg().into_bytes(),
        Format::Png => drawing.png(PIXELS)?,
    };
    atomic_write(out, &bytes)?;
    Ok(output::print(&format!("{}\n", out.display()))?)
}
