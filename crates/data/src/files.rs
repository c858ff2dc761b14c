//! Reading whole files, within bounds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::DataError;

/// The bytes of a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    let io = |error| DataError::io(path, error);
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    let refuse = |problem: String| Err(DataError::file(path.display().to_string(), problem));
    if !metadata.is_file() {
        return refuse("is not a file".to_owned());
    }
    if metadata.len() > most {
        return refuse(format!("is {} bytes long, over the limit of {most}", metadata.len()));
    }
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(metadata.len() as usize).is_err() {
        return refuse(format!("is {} bytes long, more than there is memory for", metadata.len()));
    }
    file.take(most).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
