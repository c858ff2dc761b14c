//! IDX files with the names of MNIST, Fashion-MNIST, EMNIST and torchvision, in any subfolder.

use std::collections::BTreeMap;

use crate::DataError;
use crate::collection::{Collection, check_shape};
use crate::dataset::{Part, PartName};
use crate::idx::MAX_BYTES;
use crate::idx_folder::{parse_images, parse_labels};
use crate::names::Names;
use crate::options::Options;
use crate::parts::{self, slot};
use crate::passed_over::Skipped;
use crate::recognise::name_fashion;
use crate::tree::{Entry, Tree};
use crate::{labels, layout};

/// The files of one data set: images and labels of each part.
#[derive(Default)]
struct Set<'a> {
    images: [Option<&'a Entry>; 3],
    labels: [Option<&'a Entry>; 3],
}

/// Parses the name of an IDX file: prefix, part, whether it holds labels.
fn parse_name(file: &str) -> Option<(String, PartName, bool)> {
    let lower = file.to_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
    let stem = stem.strip_suffix("-ubyte")?;
    let (stem, labels) = match stem.strip_suffix("idx1") {
        Some(stem) => (stem.strip_suffix(['-', '.'])?.strip_suffix("labels")?, true),
        None => {
            let stem = stem.strip_suffix("idx3").or_else(|| stem.strip_suffix("idx4"))?;
            (stem.strip_suffix(['-', '.'])?.strip_suffix("images")?, false)
        }
    };
    let stem = stem.strip_suffix(['-', '.', '_'])?;
    let (prefix, part) = stem.rsplit_once(['-', '_']).map_or(("", stem), |(a, b)| (a, b));
    Some((prefix.to_owned(), parts::named(part)?, labels))
}

/// Reads the IDX files of a source.
pub(super) fn read(
    tree: &Tree,
    _: &Options,
    _: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let mut sets: BTreeMap<(String, String), Set<'_>> = BTreeMap::new();
    for entry in tree.entries() {
        let Some((prefix, part, labels)) = parse_name(entry.file_name()) else { continue };
        let set = sets.entry((entry.folder().to_owned(), prefix)).or_default();
        let place = if labels { &mut set.labels } else { &mut set.images };
        // Unpacked files come first in the order of names and are preferred.
        place[slot(part)].get_or_insert(entry);
    }
    if let Some(focus) = &tree.focus {
        let Some((prefix, ..)) = parse_name(focus) else { return Ok(None) };
        sets.retain(|(_, other), _| *other == prefix);
    }
    if sets.len() > 1 {
        let there: Vec<String> = sets
            .keys()
            .map(|(folder, prefix)| {
                [folder.as_str(), prefix].join("/").trim_matches('/').to_owned()
            })
            .collect();
        let problem = format!(
            "holds {} sets of IDX files ({}); name the folder or one file of the set",
            there.len(),
            there.join(", ")
        );
        return Err(DataError::file(tree.shown(), problem));
    }
    let Some(((_, prefix), set)) = sets.into_iter().next() else { return Ok(None) };
    collection(tree, &prefix, &set).map(Some)
}

/// The images and labels of a set.
fn collection(tree: &Tree, prefix: &str, set: &Set<'_>) -> Result<Collection, DataError> {
    let emnist = prefix.starts_with("emnist");
    if set.images[0].is_none() && set.labels[0].is_none() {
        return Err(DataError::file(tree.shown(), "holds no training images"));
    }
    let mut parts: [Option<(Part, Vec<String>, String)>; 3] = Default::default();
    for (i, out) in parts.iter_mut().enumerate() {
        let (Some(images), Some(labels)) = (set.images[i], set.labels[i]) else {
            if let Some(there) = set.images[i].or(set.labels[i]) {
                return Err(missing(tree, there));
            }
            continue;
        };
        let (file, labels_file) = (tree.show(images), tree.show(labels));
        let name = &images.path;
        let mut images = parse_images(&tree.read(images, MAX_BYTES)?, &file)?;
        let written = parse_labels(&tree.read(labels, MAX_BYTES)?, &labels_file)?;
        if written.len() != images.len() {
            let problem = format!("holds {} labels for {} images", written.len(), images.len());
            return Err(DataError::file(labels_file, problem));
        }
        if emnist {
            layout::transpose(&mut images);
        }
        let names = Names::within(name.clone(), images.len());
        let part = Part { images, labels: None, names };
        *out = Some((part, written.iter().map(u16::to_string).collect(), labels_file));
    }
    let [train, ..] = &parts;
    let Some((train, written, file)) = train else {
        return Err(DataError::file(tree.shown(), "holds no training images"));
    };
    let shape = train.images.shape;
    let numbers = labels::classes(written, file)?;
    let mut collection = Collection::new(tree.name(), numbers.clone(), shape);
    for (i, part) in parts.into_iter().enumerate() {
        let Some((mut part, written, file)) = part else { continue };
        let shown = set.images[i].map_or_else(|| tree.shown().to_owned(), |entry| tree.show(entry));
        check_shape(&part, shape, &shown)?;
        part.labels = Some(labels::number(&written, &numbers, &file)?);
        collection.put(i, part);
    }
    if emnist {
        collection.classes = letters(tree, prefix, numbers)?;
    }
    name_fashion(&mut collection)?;
    Ok(collection)
}

/// The error that the counterpart of the file `there` is missing.
fn missing(tree: &Tree, there: &Entry) -> DataError {
    let shown = tree.show(there);
    let twin = match shown.contains("labels") {
        true => shown.replace("labels", "images").replace("idx1", "idx3"),
        false => shown.replace("images", "labels").replace("idx3", "idx1"),
    };
    DataError::file(twin, format!("is missing, gzipped or not, beside {}", there.file_name()))
}

/// The names of EMNIST's classes: from its mapping file, else letters if the set is one of letters.
fn letters(tree: &Tree, prefix: &str, numbers: Vec<String>) -> Result<Vec<String>, DataError> {
    let mapping = format!("{prefix}-mapping.txt");
    let entry = tree.entries().iter().find(|entry| entry.file_name().to_lowercase() == mapping);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    if let Some(entry) = entry {
        let text = tree.read(entry, 1 << 20)?;
        for line in String::from_utf8_lossy(&text).lines() {
            let mut fields = line.split_whitespace();
            let (Some(number), Some(code)) = (fields.next(), fields.next()) else { continue };
            if let Some(letter) = code.parse().ok().and_then(char::from_u32) {
                names.insert(number.to_owned(), letter.to_string());
            }
        }
    } else if prefix.contains("letters") {
        names.extend(('A'..='Z').enumerate().map(|(i, c)| ((i + 1).to_string(), c.to_string())));
    }
    Ok(numbers.into_iter().map(|number| names.remove(&number).unwrap_or(number)).collect())
}
