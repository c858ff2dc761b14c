//! Probabilities as a CSV file: one row per picture, training pictures before validation pictures, and
//! one column per class, with the class as its heading.

use std::path::Path;

use anyhow::{Context, bail};
use modiste_data::{Dataset, PartName};
use modiste_files::atomic_write;
use modiste_model::guarded;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 32;

/// The columns before the classes' that [`write`] puts there.
const PLACE: [&str; 3] = ["part", "index", "label"];

/// Reads `rows` rows with one probability for each of `classes`: (rows, classes). Other columns are
/// ignored.
pub fn read(path: &Path, classes: &[String], rows: usize) -> anyhow::Result<Vec<f64>> {
    let shown = path.display();
    let bytes = modiste_files::read(path, MAX_BYTES)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let headings = reader.headers().with_context(|| format!("{shown}: failed to read"))?.clone();
    let mut columns = Vec::new();
    for class in classes {
        // The classes are the last columns, so a class may have the name of an earlier column.
        let called = |&i: &usize| headings[i] == **class || headings[i] == guarded(class);
        let Some(column) = (0..headings.len()).rev().find(called) else {
            bail!("{shown}: has no column {class:?}; every class needs a column");
        };
        columns.push(column);
    }
    let mut probabilities = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{shown}: failed to read"))?;
        for &column in &columns {
            let text = &record[column];
            let Ok(value) = text.parse() else {
                bail!("{shown}: row {}: {text:?} is not a probability", row + 1);
            };
            probabilities.push(value);
        }
    }
    let found = probabilities.len() / classes.len().max(1);
    if found != rows {
        bail!(
            "{shown}: has {found} rows; the training and validation pictures, in that order, are \
             {rows}"
        );
    }
    Ok(probabilities)
}

/// Writes the probabilities (n, classes) of the training and validation pictures of `data`.
pub fn write(path: &Path, data: &Dataset, probabilities: &[f64]) -> anyhow::Result<()> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    let names: Vec<_> = data.classes.iter().map(|class| guarded(class)).collect();
    rows.write_record(PLACE.into_iter().chain(names.iter().map(|name| name.as_ref())))?;
    let places = [PartName::Train, PartName::Validation].into_iter().flat_map(|part| {
        let labels = data.part(part).labels.iter().flatten();
        labels.enumerate().map(move |(index, &label)| (part, index, label))
    });
    for ((part, index, label), row) in places.zip(probabilities.chunks(data.classes.len())) {
        let class = names[usize::from(label)].clone().into_owned();
        let place = [part.to_string(), index.to_string(), class];
        rows.write_record(place.into_iter().chain(row.iter().map(f64::to_string)))?;
    }
    let bytes =
        rows.into_inner().with_context(|| format!("{}: failed to write", path.display()))?;
    Ok(atomic_write(path, &bytes)?)
}
