//! One folder of pictures per class, at any depth, possibly inside folders of parts (`train`,
//! `val`, `test`, ...); folders without pictures are ignored.

use std::collections::BTreeMap;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::PartName;
use crate::load_pictures::{Item, Parts, load};
use crate::options::Options;
use crate::parts::{self, slot};
use crate::passed_over::Skipped;
use crate::tree::{Entry, Tree};

/// Extensions of picture files.
const ENDINGS: [&str; 11] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "gif", "tif", "tiff"];

/// Whether a file has the extension of a picture.
pub(crate) fn named_as_picture(file: &str) -> bool {
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Whether a file may be a picture, judging by its name, which need not have an extension.
pub(crate) fn may_be_picture(file: &str) -> bool {
    named_as_picture(file) || !file.contains('.')
}

/// The folders directly in a folder, by name, with the pictures in and below each.
type Folders<'a> = BTreeMap<&'a str, Vec<&'a Entry>>;

/// For each part, the name of its folder and the pictures in and below it.
type PartFolders<'a> = [Option<(&'a str, Vec<&'a Entry>)>; 3];

/// The pictures below the folder `base` (empty, or ending with a slash) by folder, and those directly in
/// it.
fn divide<'a>(pictures: &[&'a Entry], base: &str) -> (Folders<'a>, Vec<&'a Entry>) {
    let (mut folders, mut direct) = (Folders::new(), Vec::new());
    for &entry in pictures {
        let Some(rest) = entry.path.strip_prefix(base) else { continue };
        match rest.split_once('/') {
            Some((folder, _)) => folders.entry(folder).or_default().push(entry),
            None => direct.push(entry),
        }
    }
    (folders, direct)
}

/// Reads the pictures of a source.
pub(super) fn read(
    tree: &Tree,
    options: &Options,
    skipped: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    if tree.focus.is_some() {
        return Ok(None);
    }
    let (pictures, strays): (Vec<&Entry>, Vec<&Entry>) =
        tree.entries().iter().partition(|entry| may_be_picture(entry.file_name()));
    if pictures.iter().all(|entry| !entry.path.contains('/')) {
        return Ok(None);
    }
    for stray in strays {
        skipped.add(&stray.path, "is not a picture");
    }
    let base = base(&pictures);
    let (folders, direct) = divide(&pictures, &base);
    for entry in direct {
        skipped.add(&entry.path, "lies beside the folders of the classes");
    }
    let (classes, parts) = match parted(tree, &folders, &base)? {
        Some(parts) => with_parts(tree, parts, &base, skipped)?,
        None => {
            let classes = class_names(tree, &folders, &base)?;
            let items = items(&folders, &classes);
            (classes, [Some(items), None, None])
        }
    };
    load(tree, classes, parts, options, skipped).map(Some)
}

/// The folder that holds the folders of classes or parts: skips folders that contain pictures only in a
/// single sub-folder.
fn base(pictures: &[&Entry]) -> String {
    let mut base = String::new();
    loop {
        let (folders, direct) = divide(pictures, &base);
        let mut names = folders.keys();
        let (Some(only), None) = (names.next(), names.next()) else { return base };
        let below = format!("{base}{only}/");
        let (deeper, beside) = divide(pictures, &below);
        if deeper.is_empty() || !beside.is_empty() || !direct.is_empty() {
            return base;
        }
        base = below;
    }
}

/// The folders as parts; `None` if they are classes.
fn parted<'a>(
    tree: &Tree,
    folders: &Folders<'a>,
    base: &str,
) -> Result<Option<PartFolders<'a>>, DataError> {
    let mut parts: PartFolders<'_> = Default::default();
    let mut other = None;
    let shown = |folder: &str| format!("{}/{base}{folder}", tree.shown());
    for (&folder, pictures) in folders {
        let Some(part) = parts::named(folder) else {
            other = Some(folder);
            continue;
        };
        if let Some((twin, _)) = &parts[slot(part)] {
            let problem = format!("is a folder of the {part} part, like {twin}; keep one");
            return Err(DataError::file(shown(folder), problem));
        }
        parts[slot(part)] = Some((folder, pictures.clone()));
    }
    let Some((folder, pictures)) = &parts[slot(PartName::Train)] else { return Ok(None) };
    let (classes, direct) = divide(pictures, &format!("{base}{folder}/"));
    let more = parts.iter().flatten().count() > 1;
    match other {
        // A class may be called train.
        Some(_) if classes.is_empty() || !more => return Ok(None),
        Some(other) => {
            let problem = "is a folder beside train, and neither validation nor test";
            return Err(DataError::file(shown(other), problem));
        }
        None => {}
    }
    if classes.is_empty() {
        let problem = format!(
            "holds {} pictures directly; put them into a folder for each class, or a table with their \
             labels (labels.csv) beside them",
            direct.len()
        );
        return Err(DataError::file(shown(folder), problem));
    }
    Ok(Some(parts))
}

/// The classes of the training part, and the pictures of every part.
fn with_parts<'a>(
    tree: &Tree,
    parts: PartFolders<'a>,
    base: &str,
    skipped: &mut Skipped,
) -> Result<(Vec<String>, Parts<'a>), DataError> {
    let mut classes = Vec::new();
    let mut items_of: Parts<'a> = Default::default();
    for (i, part) in parts.into_iter().enumerate() {
        let Some((folder, pictures)) = part else { continue };
        let below = format!("{base}{folder}/");
        let (folders, direct) = divide(&pictures, &below);
        if i == slot(PartName::Train) {
            classes = class_names(tree, &folders, &below)?;
        }
        if folders.is_empty() && i == slot(PartName::Test) {
            let unlabelled = |entry| Item { entry, label: None };
            items_of[i] = Some(direct.into_iter().map(unlabelled).collect());
            continue;
        }
        for entry in direct {
            skipped.add(&entry.path, "lies beside the folders of the classes");
        }
        if let Some(folder) = folders.keys().find(|name| !classes.iter().any(|c| c == *name)) {
            let shown = format!("{}/{below}{folder}", tree.shown());
            return Err(DataError::file(shown, "is not a class of the training part"));
        }
        items_of[i] = Some(items(&folders, &classes));
    }
    Ok((classes, items_of))
}

/// The names of the folders as classes, in order; numbers in numeric order.
fn class_names(tree: &Tree, folders: &Folders<'_>, base: &str) -> Result<Vec<String>, DataError> {
    let shown = format!("{}/{base}", tree.shown());
    let shown = shown.trim_end_matches('/');
    let mut names: Vec<String> = folders.keys().map(|name| (*name).to_owned()).collect();
    if names.len() < 2 || names.len() > usize::from(u16::MAX) {
        let problem =
            format!("has {} sub-folders with pictures; it needs one per class", names.len());
        return Err(DataError::file(shown, problem));
    }
    if let Some(name) = names.iter().find(|name| name.contains(char::REPLACEMENT_CHARACTER)) {
        let problem = "is not a Unicode name, which a class needs; rename the folder";
        return Err(DataError::file(format!("{shown}/{name}"), problem));
    }
    if names.iter().all(|name| name.parse::<u64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<u64>().unwrap_or_default());
    }
    Ok(names)
}

/// The pictures of all folders with their classes, sorted by folder name.
fn items<'a>(folders: &Folders<'a>, classes: &[String]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for (name, pictures) in folders {
        let label = classes.iter().position(|class| class == name);
        let label = label.and_then(|label| u16::try_from(label).ok());
        items.extend(pictures.iter().map(|&entry| Item { entry, label }));
    }
    items
}
