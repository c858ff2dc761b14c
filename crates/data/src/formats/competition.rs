//! The competition's folder: `train.npy` and `train.csv`, the same for `validation`, and `test.npy`.
//!
//! `test.csv` is read if it exists; without it the test part has no labels. The sample submission,
//! if there is one, must have a row for every test image.

use crate::DataError;
use crate::collection::{Collection, check_shape};
use crate::columns::{Columns, MAX_TABLE, text};
use crate::dataset::Part;
use crate::labels;
use crate::names::Names;
use crate::npy::parse_npy;
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::recognise::name_fashion;
use crate::table::count_rows;
use crate::tree::{Entry, Tree};

use super::arrays::MAX_FILE;
use super::pixel_rows::LABELS;

/// Names of the parts' files.
const PARTS: [&str; 3] = ["train", "validation", "test"];

/// Reads the files.
pub(super) fn read(
    tree: &Tree,
    options: &Options,
    _: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let find = |name: &str| tree.entries().iter().find(|entry| entry.path == name);
    let here = PARTS.iter().any(|part| {
        find(&format!("{part}.npy")).is_some() && find(&format!("{part}.csv")).is_some()
    });
    if !here || tree.focus.as_ref().is_some_and(|focus| !PARTS.iter().any(|p| focus.starts_with(p)))
    {
        return Ok(None);
    }
    let missing = |name: &str| {
        DataError::file(format!("{}/{name}", tree.shown()), "is missing (No such file)")
    };
    let mut parts: Vec<Option<(Part, Vec<String>, String)>> = Vec::new();
    for name in PARTS {
        let images = format!("{name}.npy");
        let Some(entry) = find(&images) else {
            if name == "train" {
                return Err(missing(&images));
            }
            parts.push(None);
            continue;
        };
        let table = format!("{name}.csv");
        let labelled = find(&table);
        if labelled.is_none() && name != "test" {
            return Err(missing(&table));
        }
        let images = parse_npy(&tree.read(entry, MAX_FILE)?, &tree.show(entry))?;
        let names = Names::within(entry.path.clone(), images.len());
        let (written, file) = match labelled {
            Some(entry) => (read_labels(tree, entry, options, images.len())?, tree.show(entry)),
            None => (Vec::new(), String::new()),
        };
        parts.push(Some((Part { images, labels: None, names }, written, file)));
    }
    let Some(Some((train, written, file))) = parts.first() else { return Ok(None) };
    let classes = labels::classes(written, file)?;
    let shape = train.images.shape;
    let mut collection = Collection::new(tree.name(), classes.clone(), shape);
    for (i, part) in parts.into_iter().enumerate() {
        let Some((mut part, written, file)) = part else { continue };
        check_shape(&part, shape, &format!("{}/{}.npy", tree.shown(), PARTS[i]))?;
        if !written.is_empty() {
            part.labels = Some(labels::number(&written, &classes, &file)?);
        }
        collection.put(i, part);
    }
    if let (Some(test), Some(entry)) = (&collection.test, find("sample_submission.csv")) {
        check_sample(tree, entry, test.len())?;
    }
    name_fashion(&mut collection)?;
    Ok(Some(collection))
}

/// The labels of a table, one for each of `images` images.
fn read_labels(
    tree: &Tree,
    entry: &Entry,
    options: &Options,
    images: usize,
) -> Result<Vec<String>, DataError> {
    let (bytes, file) = (tree.read(entry, MAX_TABLE)?, tree.show(entry));
    let mut table = Columns::new(&bytes, &file)?;
    let column = table.find(options.label_column.as_deref(), &LABELS)?;
    let column = column.ok_or_else(|| {
        DataError::file(&file, format!("has no column class among {:?}", table.header))
    })?;
    let mut written = Vec::new();
    let mut row = csv::ByteRecord::new();
    while table.next(&mut row)? {
        let label = labels::clean(&text(row.get(column).unwrap_or_default()));
        if label.is_empty() {
            return Err(DataError::file(file, format!("row {}: has no label", written.len())));
        }
        written.push(label);
    }
    if written.len() != images {
        let problem = format!("holds {} labels for {images} images", written.len());
        return Err(DataError::file(file, problem));
    }
    Ok(written)
}

/// Checks that the sample submission has a row for every test image.
fn check_sample(tree: &Tree, entry: &Entry, images: usize) -> Result<(), DataError> {
    let file = tree.show(entry);
    let rows = count_rows(&tree.read(entry, MAX_TABLE)?, &file)?;
    if rows != images {
        return Err(DataError::file(file, format!("holds {rows} rows for {images} test images")));
    }
    Ok(())
}
