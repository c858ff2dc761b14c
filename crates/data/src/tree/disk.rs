//! The files below a folder. Links are followed, except back to a folder that contains them.

use std::path::{Path, PathBuf};

use super::{Entry, Location, check_count, is_hidden, sorted};
use crate::DataError;
use crate::passed_over::Skipped;

/// The regular files in `folder` and up to `depth` levels below, without hidden ones.
pub(super) fn walk(
    folder: &Path,
    depth: usize,
    skipped: &mut Skipped,
) -> Result<Vec<Entry>, DataError> {
    let mut entries = Vec::new();
    // Folders still to read: path, path relative to the top, depth.
    let mut waiting: Vec<(PathBuf, String, usize)> = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, relative, above)) = waiting.pop() {
        let io = |error| DataError::io(&path, error);
        for item in std::fs::read_dir(&path).map_err(io)? {
            let item = item.map_err(io)?;
            let name = item.file_name().to_string_lossy().into_owned();
            if is_hidden(&name) {
                continue;
            }
            let below = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let place = item.path();
            let metadata = match std::fs::metadata(&place) {
                Ok(metadata) => metadata,
                Err(error) => {
                    skipped.add(below, error.to_string().to_lowercase());
                    continue;
                }
            };
            if metadata.is_dir() {
                if item.file_name().to_str().is_none() {
                    let problem = "is not a Unicode name, which a class needs; rename the folder";
                    return Err(DataError::file(place.display().to_string(), problem));
                }
                if above < depth {
                    check_loop(&place, &path)?;
                    waiting.push((place, below, above + 1));
                } else if depth > 0 {
                    let problem = format!("is more than {depth} folders deep");
                    return Err(DataError::file(place.display().to_string(), problem));
                }
            } else if metadata.is_file() {
                let place = Location::Disk(place);
                entries.push(Entry { path: below, bytes: metadata.len(), place });
                check_count(entries.len(), &folder.display().to_string())?;
            } else {
                // This only checks the type: nothing is read from a pipe or a device.
                let reason = modiste_files::open(&place).err().map(|error| error.to_string());
                let reason = reason.as_deref().and_then(|text| text.rsplit_once(": "));
                skipped.add(below, reason.map_or("is not a file", |(_, problem)| problem));
            }
        }
    }
    Ok(sorted(entries))
}

/// Refuses a link to a folder that contains it.
fn check_loop(path: &Path, parent: &Path) -> Result<(), DataError> {
    if !path.is_symlink() {
        return Ok(());
    }
    let whole = |path: &Path| path.canonicalize().map_err(|error| DataError::io(path, error));
    if whole(parent)?.starts_with(whole(path)?) {
        let problem = "is a link to a folder that contains it; remove the link";
        return Err(DataError::file(path.display().to_string(), problem));
    }
    Ok(())
}
