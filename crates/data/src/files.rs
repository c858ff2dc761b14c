//! Reads whole files, up to a limit.

use std::path::Path;

use crate::DataError;

/// The contents of a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    Ok(modiste_files::read(path, most)?)
}
