//! The registry of data formats, used by training, evaluation and prediction.
//!
//! A new format is a file in this folder and a row in [`FORMATS`]; see `docs/adding-a-data-format.md`.

mod arrays;
mod cifar;
mod competition;
mod idx;
mod picture_table;
mod pictures;
mod pixel_rows;

pub(crate) use pictures::{may_be_picture, named_as_picture};
pub(crate) use pixel_rows::LABELS;

use std::collections::BTreeMap;

use crate::DataError;
use crate::collection::Collection;
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::tree::Tree;

/// A layout of data.
struct Format {
    /// Description of the files, for errors.
    layout: &'static str,
    /// Reads the files of a source; `None` if they are not of this format.
    read: fn(&Tree, &Options, &mut Skipped) -> Result<Option<Collection>, DataError>,
}

/// All formats; the first that fits a source is used.
const FORMATS: [Format; 7] = [
    Format { layout: "IDX files (train-images-idx3-ubyte, ...)", read: idx::read },
    Format { layout: "CIFAR's binary files (data_batch_1.bin, ...)", read: cifar::read },
    Format { layout: "train.npy with train.csv", read: competition::read },
    Format { layout: "arrays (mnist.npz, x_train.npy with y_train.npy, ...)", read: arrays::read },
    Format { layout: "a csv file with a label and pixels in each row", read: pixel_rows::read },
    Format { layout: "a csv file with pictures and labels", read: picture_table::read },
    Format { layout: "one folder of pictures per class", read: pictures::read },
];

/// Reads a source in its format.
///
/// # Errors
/// If it has no supported format (the error says what was found, and what is supported), or is damaged.
pub(crate) fn read(
    tree: &Tree,
    options: &Options,
    skipped: &mut Skipped,
) -> Result<Collection, DataError> {
    for format in &FORMATS {
        if let Some(collection) = (format.read)(tree, options, skipped)? {
            return Ok(collection);
        }
    }
    let layouts: Vec<&str> = FORMATS.iter().map(|format| format.layout).collect();
    let passed = skipped.summary().map_or(String::new(), |summary| format!("; {summary}"));
    let holds = match &tree.focus {
        Some(_) => "is a file of another kind".to_owned(),
        None => format!("holds {}", found(tree)),
    };
    let problem = format!(
        "{holds}{passed}; supported are: {}; or a zip or tar archive of these (docs/data.md shows each)",
        layouts.join("; ")
    );
    Err(DataError::file(tree.shown(), problem))
}

/// The contents of a source, as in `2 .txt files, 1 .xlsx file in 2 folders`.
fn found(tree: &Tree) -> String {
    let mut endings: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders: Vec<&str> = Vec::new();
    for entry in tree.entries() {
        let ending = entry.file_name().rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        *endings.entry(ending.unwrap_or_default()).or_default() += 1;
        folders.push(entry.folder());
    }
    if endings.is_empty() {
        return "no file".to_owned();
    }
    folders.sort_unstable();
    folders.dedup();
    let mut counts: Vec<(usize, String)> = endings.into_iter().map(|(e, n)| (n, e)).collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let say = |(count, ending): &(usize, String)| {
        let files = if *count == 1 { "file" } else { "files" };
        match ending.as_str() {
            "" => format!("{count} {files} without an extension"),
            ending => format!("{count} .{ending} {files}"),
        }
    };
    let said: Vec<String> = counts.iter().take(4).map(say).collect();
    let folders = match folders.len() {
        1 => "one folder".to_owned(),
        count => format!("{count} folders"),
    };
    format!("{} in {folders}", said.join(", "))
}
