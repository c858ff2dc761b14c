//! Arrays recognised by name: the npz files of Keras (`x_train`), MedMNIST (`train_images`) and KMNIST
//! (`arr_0` in separate files), and pairs of npy files.

use std::io::Cursor;

use zip::ZipArchive;

use crate::DataError;
use crate::collection::{Collection, check_shape};
use crate::dataset::{Images, Part, PartName};
use crate::idx::MAX_BYTES;
use crate::labels;
use crate::names::Names;
use crate::npy;
use crate::options::Options;
use crate::parts::{self, slot, words};
use crate::passed_over::Skipped;
use crate::recognise::name_fashion;
use crate::tree::Tree;
use crate::tree::zip::unpack;

/// Largest npy file in bytes: 8-byte floats for the largest number of pixels.
pub(super) const MAX_FILE: u64 = 8 * MAX_BYTES;

/// An array and its role.
struct Array {
    /// Its name in messages.
    shown: String,
    /// The file, for names of images.
    file: String,
    part: PartName,
    labels: bool,
    bytes: Vec<u8>,
}

/// The role of an array by its name: the part, and whether it holds labels; `None` if unclear.
fn role(title: &str) -> Option<(PartName, bool)> {
    let words = words(title);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let part = parts::within(title);
    let initial = |mark: char| {
        words.iter().any(|word| {
            let rest = word.strip_prefix(mark).or_else(|| word.strip_suffix(mark));
            rest.is_some_and(|rest| parts::named(rest).is_some())
        })
    };
    let labels = has(&["y", "label", "labels", "target", "targets", "lab", "labs"]) || initial('y');
    let images = has(&["x", "image", "images", "img", "imgs", "data", "pixels"]) || initial('x');
    if !labels && !images && part.is_none() {
        return None;
    }
    Some((part.unwrap_or(PartName::Train), labels))
}

/// The name that reveals an array's role: its own, or that of its file if the array is only numbered.
fn title<'a>(array: &'a str, file: &'a str) -> &'a str {
    if array.starts_with("arr_") { file } else { array }
}

/// Reads the arrays of a source.
pub(super) fn read(
    tree: &Tree,
    _: &Options,
    skipped: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let arrays = gather(tree, skipped)?;
    let used = |array: &Array| array.file.split('!').next() == tree.focus.as_deref();
    if tree.focus.is_some() && !arrays.iter().any(used) {
        return Ok(None);
    }
    let mut slots: [[Option<Array>; 2]; 3] = Default::default();
    for array in arrays {
        let place = &mut slots[slot(array.part)][usize::from(array.labels)];
        if let Some(other) = place {
            let (what, a, b) = (array.part, &other.shown, &array.shown);
            let problem = format!("{a} and {b} are both of the {what} part; name one file");
            return Err(DataError::file(tree.shown(), problem));
        }
        *place = Some(array);
    }
    let [[images, written], ..] = &slots;
    match (images, written) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {}
        (Some(there), None) => {
            let problem = "has no labels beside it (y_train.npy for x_train.npy, or train.csv)";
            return Err(DataError::file(&there.shown, problem));
        }
        (None, Some(there)) => {
            return Err(DataError::file(&there.shown, "holds labels without images"));
        }
    }
    build(tree, slots).map(Some)
}

/// The collection of arrays in their slots.
fn build(tree: &Tree, slots: [[Option<Array>; 2]; 3]) -> Result<Collection, DataError> {
    let mut collection: Option<Collection> = None;
    for (i, [images, written]) in slots.into_iter().enumerate() {
        let Some(array) = images else { continue };
        let images: Images = npy::parse_npy(&array.bytes, &array.shown)?;
        let names = Names::within(array.file, images.len());
        let mut part = Part { images, labels: None, names };
        let labels = match &written {
            Some(array) => npy::labels(&array.bytes, &array.shown)?,
            None => Vec::new(),
        };
        let file = written.as_ref().map_or("", |array| &array.shown);
        if written.is_some() && labels.len() != part.len() {
            let problem = format!("holds {} labels for {} images", labels.len(), part.len());
            return Err(DataError::file(file, problem));
        }
        let collection = match &mut collection {
            Some(collection) => collection,
            None => {
                let classes = labels::classes(&labels, file)?;
                collection.insert(Collection::new(tree.name(), classes, part.images.shape))
            }
        };
        check_shape(&part, collection.train.images.shape, &array.shown)?;
        if written.is_some() {
            part.labels = Some(labels::number(&labels, &collection.classes, file)?);
        }
        collection.put(i, part);
    }
    let mut collection = collection.expect("the training part is there");
    name_fashion(&mut collection)?;
    Ok(collection)
}

/// All arrays whose names reveal their role.
fn gather(tree: &Tree, skipped: &mut Skipped) -> Result<Vec<Array>, DataError> {
    let mut arrays = Vec::new();
    for entry in tree.entries() {
        let name = entry.file_name();
        if let Some(stem) = name.strip_suffix(".npy") {
            let Some((part, labels)) = role(title(stem, tree.name())) else { continue };
            let bytes = tree.read(entry, MAX_FILE)?;
            let (shown, file) = (tree.show(entry), entry.path.clone());
            arrays.push(Array { shown, file, part, labels, bytes });
        } else if let Some(stem) = name.strip_suffix(".npz") {
            if tree.focus.as_ref().is_some_and(|focus| *focus != entry.path) {
                continue;
            }
            let shown = tree.show(entry);
            let bytes = tree.read(entry, MAX_FILE)?;
            let found = members(&bytes, stem, &shown, &entry.path)?;
            if found.is_empty() {
                skipped.add(&entry.path, "holds no array with a recognised name");
            }
            arrays.extend(found);
        }
    }
    Ok(arrays)
}

/// The arrays of an npz file.
fn members(bytes: &[u8], stem: &str, shown: &str, file: &str) -> Result<Vec<Array>, DataError> {
    let damaged =
        |error: String| DataError::file(shown, format!("is a damaged npz file ({error})"));
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    let mut arrays = Vec::new();
    for number in 0..archive.len() {
        let item = archive.by_index(number).map_err(|error| damaged(error.to_string()))?;
        let name = String::from_utf8_lossy(item.name_raw()).into_owned();
        let Some(array) = name.strip_suffix(".npy") else { continue };
        let Some((part, labels)) = role(title(array, stem)) else { continue };
        let shown = format!("{shown}/{name}");
        let announced = item.size();
        let bytes = unpack(item, announced, MAX_FILE, &shown)?;
        let file = format!("{file}!{array}");
        arrays.push(Array { shown, file, part, labels, bytes });
    }
    Ok(arrays)
}
