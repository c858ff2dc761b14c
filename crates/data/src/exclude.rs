//! Leaves out the images on a list.

use std::collections::HashSet;
use std::path::Path;

use modiste_files::guarded;

use crate::dataset::{Dataset, Part};
use crate::error::DataError;

/// Largest list that is read, in bytes.
const MAX_BYTES: u64 = 1 << 28;

/// An image, given by its file and, in a file of many, its position.
type Named = (String, Option<usize>);

/// Removes the images listed in the CSV file at `path` from the training and the validation part.
///
/// The file has the columns `file` and, for files that hold many images, `position`, like the list of
/// `data check`; other columns are ignored. The test part is unchanged.
///
/// # Errors
/// If the file is not such a list, names no training or validation image, or removes a whole class.
pub fn exclude(data: &mut Dataset, path: &Path) -> Result<(), DataError> {
    let file = path.display().to_string();
    let listed = read(path)?;
    let mut excluded = 0;
    for part in [&mut data.train, &mut data.validation] {
        let kept = kept(part, &listed);
        excluded += part.len() - kept.len();
        part.keep(&kept);
    }
    if excluded == 0 {
        let problem = format!("names no training or validation image of {}", data.name);
        return Err(DataError::file(file, problem));
    }
    let counts = data.train.class_counts(data.classes.len()).unwrap_or_default();
    match counts.iter().position(|&count| count == 0) {
        Some(class) => {
            let problem = format!("takes every training image of class {}", data.classes[class]);
            Err(DataError::file(file, problem))
        }
        None => Ok(()),
    }
}

/// The positions of the images that are not on the list.
fn kept(part: &Part, listed: &HashSet<Named>) -> Vec<u32> {
    let n = u32::try_from(part.len()).expect("readers take under 2^32 images");
    let stays = |&i: &u32| {
        let known = !part.names.is_empty();
        let named = known.then(|| part.names.origin(i as usize));
        // Names on the list may have been escaped as cells.
        let is_listed = |file: &str, position| listed.contains(&(file.to_owned(), position));
        named.is_none_or(|at| {
            !is_listed(at.file, at.position) && !is_listed(&guarded(at.file), at.position)
        })
    };
    (0..n).filter(stays).collect()
}

fn read(path: &Path) -> Result<HashSet<Named>, DataError> {
    let file = path.display().to_string();
    let fail = |problem: String| DataError::file(file.clone(), problem);
    let text = modiste_files::read_text(path, MAX_BYTES)?;
    let mut rows = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings = rows.headers().map_err(|e| fail(e.to_string()))?.clone();
    let column = |name: &str| headings.iter().position(|heading| heading.trim() == name);
    let files = column("file").ok_or_else(|| {
        fail("has no column \"file\"; the list of `modiste data check --csv` has".to_owned())
    })?;
    let positions = column("position");
    let mut listed = HashSet::new();
    for (row, record) in rows.records().enumerate() {
        let record = record.map_err(|e| fail(e.to_string()))?;
        let position = positions.map_or("", |column| record[column].trim());
        let position = match position {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                fail(format!("row {}: {text:?} is not a position from 0 up", row + 1))
            })?),
        };
        listed.insert((record[files].to_owned(), position));
    }
    Ok(listed)
}
