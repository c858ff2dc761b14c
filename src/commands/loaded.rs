//! Reports how loaded data was read, and which files were not used.

use std::path::Path;

use modiste_data::Dataset;
use modiste_files::{FileError, atomic_write};

use crate::output;

/// The file in a run folder that lists the files that were passed over.
const LIST: &str = "passed_over.txt";

/// Prints the notes to stderr, one line each.
pub fn tell(data: &Dataset) {
    let skipped = data.skipped.summary();
    for note in data.notes.iter().chain(&skipped) {
        output::note(&format!("{}: {note}", data.name));
    }
}

/// Writes the list of files that were passed over to the run folder `folder`.
pub fn list(data: &Dataset, folder: &Path) -> Result<(), FileError> {
    if data.skipped.all().is_empty() {
        return Ok(());
    }
    atomic_write(&folder.join(LIST), data.skipped.list().as_bytes())
}
