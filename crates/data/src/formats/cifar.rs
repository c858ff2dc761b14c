//! The binary files of CIFAR-10 and CIFAR-100 (<https://www.cs.toronto.edu/~kriz/cifar.html>): one
//! record per image, with one or two bytes of labels and 3,072 bytes of pixels, channels first.

use crate::DataError;
use crate::collection::Collection;
use modiste_spec::Shape;

use crate::dataset::{Images, Part, PartName};
use crate::idx::MAX_BYTES;
use crate::layout::channels_last;
use crate::names::Names;
use crate::options::Options;
use crate::parts::slot;
use crate::passed_over::Skipped;
use crate::tree::{Entry, Tree};

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 3 };
const PIXELS: usize = 3_072;

/// Reads the binary files of a source.
pub(super) fn read(
    tree: &Tree,
    _: &Options,
    _: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let part_of = |entry: &Entry| {
        let stem = entry.file_name().to_lowercase();
        let stem = stem.strip_suffix(".bin")?.to_owned();
        match stem.as_str() {
            "test_batch" | "test" => Some((PartName::Test, stem == "test")),
            "train" => Some((PartName::Train, true)),
            stem if stem.starts_with("data_batch_") => Some((PartName::Train, false)),
            _ => None,
        }
    };
    let files: Vec<(&Entry, PartName, bool)> = tree
        .entries()
        .iter()
        .filter_map(|entry| part_of(entry).map(|(part, hundred)| (entry, part, hundred)))
        .collect();
    if let Some(focus) = &tree.focus
        && !files.iter().any(|(entry, ..)| entry.path == *focus)
    {
        return Ok(None);
    }
    let Some(&(_, _, hundred)) = files.iter().find(|(_, part, _)| *part == PartName::Train) else {
        return Ok(None);
    };
    let names = if hundred { "fine_label_names.txt" } else { "batches.meta.txt" };
    let classes = class_names(tree, names, if hundred { 100 } else { 10 })?;
    let mut collection = Collection::new(tree.name(), classes, SHAPE);
    for part in PartName::ALL {
        let mut all: Option<Part> = None;
        for (entry, ..) in files.iter().filter(|(_, other, _)| *other == part) {
            let read = records(tree, entry, hundred, collection.classes.len())?;
            match &mut all {
                Some(part) => part.append(read),
                None => all = Some(read),
            }
        }
        if let Some(part_read) = all {
            collection.put(slot(part), part_read);
        }
    }
    Ok(Some(collection))
}

/// The images and labels of one file.
fn records(tree: &Tree, entry: &Entry, hundred: bool, classes: usize) -> Result<Part, DataError> {
    let fail = |problem: String| DataError::file(tree.show(entry), problem);
    let bytes = tree.read(entry, MAX_BYTES)?;
    let before = if hundred { 2 } else { 1 };
    let record = PIXELS + before;
    if bytes.is_empty() || bytes.len() % record != 0 {
        let problem = format!("is {} bytes long, not a number of {record} bytes", bytes.len());
        return Err(fail(problem));
    }
    let mut pixels = Vec::with_capacity(bytes.len() / record * PIXELS);
    let mut labels = Vec::with_capacity(bytes.len() / record);
    for (i, record) in bytes.chunks_exact(record).enumerate() {
        // CIFAR-100 has the coarse label first.
        let label = u16::from(record[before - 1]);
        if usize::from(label) >= classes {
            return Err(fail(format!("label {label} of image {i} is not among {classes} classes")));
        }
        labels.push(label);
        pixels.extend_from_slice(&record[before..]);
    }
    let mut images = Images { shape: SHAPE, pixels };
    channels_last(&mut images);
    let names = Names::within(entry.path.clone(), labels.len());
    Ok(Part { images, labels: Some(labels), names })
}

/// The names of the classes, one per line; numbers if the file does not exist.
fn class_names(tree: &Tree, file: &str, count: usize) -> Result<Vec<String>, DataError> {
    let Some(entry) = tree.entries().iter().find(|entry| entry.file_name() == file) else {
        return Ok((0..count).map(|class| class.to_string()).collect());
    };
    let text = tree.read(entry, 1 << 20)?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<String> = lines.map(str::to_owned).collect();
    if names.len() != count {
        let problem = format!("has {} names for {count} classes", names.len());
        return Err(DataError::file(tree.show(entry), problem));
    }
    Ok(names)
}
