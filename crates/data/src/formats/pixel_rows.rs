//! Tables with one image per row: a label and the pixels, such as `fashion-mnist_train.csv` and the
//! files of Kaggle's digits; with or without a header, plain or gzipped.

use csv::ByteRecord;

use crate::DataError;
use crate::collection::{Collection, check_shape};
use crate::columns::{Columns, MAX_TABLE, is_table, text};
use modiste_spec::Shape;

use crate::dataset::{Images, Part, PartName};
use crate::idx::MAX_BYTES;
use crate::labels;
use crate::layout;
use crate::names::Names;
use crate::npy::square_shape;
use crate::options::Options;
use crate::parts::{self, slot};
use crate::passed_over::Skipped;
use crate::recognise::name_fashion;
use crate::tree::{Entry, Tree};

/// Names of the column of the classes, the most specific first.
pub(crate) const LABELS: [&str; 14] = [
    "label",
    "class",
    "labels",
    "target",
    "category",
    "class_name",
    "classname",
    "label_name",
    "choice",
    "species",
    "breed",
    "y",
    "emotion",
    "digit",
];
/// Rows with fewer values are treated as measurements, not pixels.
const MIN_PIXELS: usize = 16;

/// The positions of the label and the pixels in a row.
struct RowLayout {
    label: Option<usize>,
    pixels: Vec<usize>,
    shape: Shape,
}

/// Reads the tables of pixels of a source.
pub(super) fn read(
    tree: &Tree,
    options: &Options,
    _: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let mut found: [Option<(Part, Vec<String>, String)>; 3] = Default::default();
    for entry in tables(tree) {
        let bytes = tree.read_unpacked(entry, MAX_TABLE)?;
        let file = tree.show(entry);
        let mut table = Columns::new(&bytes, &file)?;
        let mut row = ByteRecord::new();
        if !table.next(&mut row)? {
            continue;
        }
        let Some(places) = places(&table, &row, options)? else { continue };
        let part = match (&tree.focus, places.label) {
            (Some(_), Some(_)) => PartName::Train,
            (_, None) => PartName::Test,
            (None, Some(_)) => parts::within(entry.file_name()).unwrap_or(PartName::Train),
        };
        let place = &mut found[slot(part)];
        if let Some((_, _, other)) = place {
            let problem =
                format!("is a table of pixels for the {part} part, like {other}; name one");
            return Err(DataError::file(file, problem));
        }
        let (mut images, labels) = rows(table, row, &places, &file)?;
        if entry.file_name().to_lowercase().starts_with("emnist") {
            layout::transpose(&mut images);
        }
        let names = Names::within(entry.path.clone(), images.len());
        *place = Some((Part { images, labels: None, names }, labels, file));
    }
    build(tree, found)
}

/// The files that may be such tables: the named one, or all in the topmost folder that has any.
fn tables(tree: &Tree) -> Vec<&Entry> {
    let all = tree.entries().iter().filter(|entry| is_table(entry.file_name()));
    match &tree.focus {
        Some(focus) => all.filter(|entry| entry.path == *focus).collect(),
        None => {
            let all: Vec<&Entry> = all.collect();
            let depth = |entry: &Entry| entry.path.matches('/').count();
            let least = all.iter().map(|entry| depth(entry)).min();
            all.into_iter().filter(|entry| Some(depth(entry)) == least).collect()
        }
    }
}

/// The positions of label and pixels; `None` if the rows are not images.
fn places(
    table: &Columns<'_>,
    first: &ByteRecord,
    options: &Options,
) -> Result<Option<RowLayout>, DataError> {
    let all: Vec<usize> = (0..first.len()).collect();
    if first.len() < MIN_PIXELS {
        return Ok(None);
    }
    if table.header.is_empty() {
        // Without a header, the label comes first if the rest is an image.
        let shape = square_shape(first.len() - 1);
        if let Some(shape) = shape {
            return Ok(Some(RowLayout { label: Some(0), pixels: all[1..].to_vec(), shape }));
        }
        let shape = square_shape(first.len());
        return Ok(shape.map(|shape| RowLayout { label: None, pixels: all, shape }));
    }
    let is_pixel = |column: usize| {
        let name = table.header[column].to_lowercase();
        let digits =
            ["pixel", "px", "p", "x", ""].iter().find_map(|start| name.strip_prefix(start));
        let numbered = |text: &str| {
            let text = text.trim_matches(['_', '-', '.']);
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == 'x' || c == '_')
        };
        digits.is_some_and(numbered)
            || ["pixel", "px", "p", "x"].iter().any(|s| name.strip_prefix(s).is_some_and(numbered))
    };
    let pixels: Vec<usize> = all.iter().copied().filter(|&column| is_pixel(column)).collect();
    let Some(shape) = square_shape(pixels.len()).filter(|_| pixels.len() >= MIN_PIXELS) else {
        return Ok(None);
    };
    let mut label = table.find(options.label_column.as_deref(), &LABELS)?;
    if label.is_none() && pixels.len() + 1 == first.len() {
        label = all.iter().copied().find(|column| !pixels.contains(column));
    }
    Ok(Some(RowLayout { label, pixels, shape }))
}

/// All rows from `row` on as images and labels.
fn rows(
    mut table: Columns<'_>,
    mut row: ByteRecord,
    places: &RowLayout,
    file: &str,
) -> Result<(Images, Vec<String>), DataError> {
    let mut values: Vec<f32> = Vec::new();
    let mut pixels: Vec<u8> = Vec::new();
    let mut written = Vec::new();
    let mut number = 0;
    loop {
        for &column in &places.pixels {
            let field = row.get(column).unwrap_or_default();
            match whole(field) {
                Some(value) if values.is_empty() => pixels.push(value),
                _ => {
                    // From the first fraction on, all values are kept as fractions.
                    if values.is_empty() {
                        values.extend(pixels.iter().map(|&value| f32::from(value)));
                    }
                    values.push(fraction(field).ok_or_else(|| {
                        let shown: String = text(field).chars().take(24).collect();
                        let problem =
                            format!("row {number}: {shown:?} is not a pixel value from 0 to 255");
                        DataError::file(file, problem)
                    })?);
                }
            }
        }
        if let Some(column) = places.label {
            written.push(labels::clean(&text(row.get(column).unwrap_or_default())));
        }
        number += 1;
        if pixels.len().max(values.len()) as u64 > MAX_BYTES {
            return Err(DataError::file(file, format!("holds more than {MAX_BYTES} pixels")));
        }
        if !table.next(&mut row)? {
            break;
        }
    }
    if !values.is_empty() {
        let unit = values.iter().all(|&value| value <= 1.0);
        let scale = if unit { 255.0 } else { 1.0 };
        pixels = values.iter().map(|value| (value * scale).round() as u8).collect();
    }
    let mut images = Images { shape: places.shape, pixels };
    if layout::is_channels_first(&images) {
        layout::channels_last(&mut images);
    }
    Ok((images, written))
}

/// Parses a byte written as digits.
fn whole(field: &[u8]) -> Option<u8> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

/// Parses a number from 0 to 255 with a fraction.
fn fraction(field: &[u8]) -> Option<f32> {
    let value: f32 = std::str::from_utf8(field).ok()?.trim().parse().ok()?;
    (0.0..=255.0).contains(&value).then_some(value)
}

/// Builds the collection from the parts found.
fn build(
    tree: &Tree,
    found: [Option<(Part, Vec<String>, String)>; 3],
) -> Result<Option<Collection>, DataError> {
    let [train, ..] = &found;
    let Some((train, written, file)) = train else {
        return match found.into_iter().flatten().next() {
            Some((_, _, file)) => Err(DataError::file(
                file,
                "holds pixels, but there is no table with labels to train on",
            )),
            None => Ok(None),
        };
    };
    let classes = labels::classes(written, file)?;
    let shape = train.images.shape;
    let mut collection = Collection::new(tree.name(), classes.clone(), shape);
    for (i, part) in found.into_iter().enumerate() {
        let Some((mut part, written, file)) = part else { continue };
        check_shape(&part, shape, &file)?;
        if !written.is_empty() {
            part.labels = Some(labels::number(&written, &classes, &file)?);
        }
        collection.put(i, part);
    }
    name_fashion(&mut collection)?;
    Ok(Some(collection))
}
