//! A competition's csv files: reads the column `class`, and fills in the answer column of a submission.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use csv::ByteRecord;

use crate::DataError;
use crate::formats::LABELS;

/// The column that holds the class.
const COLUMN: &str = "class";

/// The labels in the column `class` of a csv file with a header; errors call it `name`.
pub fn parse_labels_csv(bytes: &[u8], name: &str) -> Result<Vec<u16>, DataError> {
    let (mut reader, header) = open(bytes, name)?;
    let column = column(&header, &[COLUMN]).ok_or_else(|| no_column(&header, name))?;
    let mut labels = Vec::new();
    for (row, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|error| broken(&error, name))?;
        let text = String::from_utf8_lossy(record.get(column).unwrap_or_default());
        let label = label(text.trim()).ok_or_else(|| {
            let shown: String = text.chars().take(24).collect();
            let problem = format!("row {row}: class {shown:?} is not a number from 0 to 65535");
            DataError::file(name, problem)
        })?;
        labels.push(label);
    }
    if labels.is_empty() {
        return Err(DataError::file(name, "holds no row"));
    }
    Ok(labels)
}

/// A whole number, also if written as a float (`9.0`).
fn label(text: &str) -> Option<u16> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok()
}

/// The number of rows of a sample submission, which must have an answer column.
pub(crate) fn count_rows(bytes: &[u8], name: &str) -> Result<usize, DataError> {
    let (mut reader, header) = open(bytes, name)?;
    answers(&header, name)?;
    let rows = reader.byte_records().try_fold(0, |count, record| record.map(|_| count + 1));
    rows.map_err(|error| broken(&error, name))
}

/// Whether the answer column of a sample submission (called `name` in errors) has numbers, so that the
/// competition expects positions of classes rather than names.
///
/// # Errors
/// If the sample cannot be read or has no answer column.
pub fn wants_numbers(sample: &[u8], name: &str) -> Result<bool, DataError> {
    let (mut reader, header) = open(sample, name)?;
    let column = answers(&header, name)?;
    let mut numbers = 0;
    for record in reader.byte_records() {
        let record = record.map_err(|error| broken(&error, name))?;
        let text = String::from_utf8_lossy(record.get(column).unwrap_or_default());
        match label(text.trim()) {
            Some(_) => numbers += 1,
            None if text.trim().is_empty() => {}
            None => return Ok(false),
        }
    }
    Ok(numbers > 0)
}

/// The submission: `sample` (a csv file, called `name` in errors) with its answer column replaced by
/// `classes`, one per row. The column is called `class`, `label` or the like, or is the second of two.
///
/// # Errors
/// If the sample cannot be read, has no such column or another number of rows, or its column `id` shows
/// that the rows are not in the order of the images: a repeated id, or decreasing numbers.
pub fn fill_submission<T: ToString>(
    sample: &[u8],
    name: &str,
    classes: &[T],
) -> Result<Vec<u8>, DataError> {
    let mut rows = 0;
    let mut seen = HashSet::new();
    let mut last = None;
    let filled = fill(sample, name, |row, id| {
        rows = row + 1;
        if let Some(id) = id {
            if !seen.insert(id.to_owned()) {
                return Err(format!("row {row}: id {id:?} occurs twice"));
            }
            let number: Option<u64> = id.trim().parse().ok();
            if number.is_some() && number <= last {
                return Err(format!(
                    "row {row}: id {id} follows a larger one; the rows must be \
                                    in the order of the images"
                ));
            }
            last = number;
        }
        // Rows beyond the last prediction are counted, not filled.
        Ok(classes.get(row).map(ToString::to_string).unwrap_or_default())
    })?;
    if rows != classes.len() {
        let problem = format!("holds {rows} rows for {} predictions", classes.len());
        return Err(DataError::file(name, problem));
    }
    Ok(filled)
}

/// Like [`fill_submission`], but by name: the row with id `boot-7` gets the class of the picture
/// with that file name, with or without folder and extension. `classes` are those of the pictures
/// `ids`.
///
/// # Errors
/// As [`fill_submission`], or if a row has no picture or a picture no row.
pub fn fill_named_submission<T: ToString>(
    sample: &[u8],
    name: &str,
    ids: &[String],
    classes: &[T],
) -> Result<Vec<u8>, DataError> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (i, id) in ids.iter().enumerate() {
        let path = Path::new(id);
        let short = [path.file_name(), path.file_stem()].into_iter().flatten();
        let names: HashSet<&str> = short.filter_map(OsStr::to_str).chain([id.as_str()]).collect();
        for short in names {
            if known.insert(short, i).is_some() {
                let problem =
                    format!("{id:?} is not the only picture that {short:?} may stand for");
                return Err(DataError::file(name, problem));
            }
        }
    }
    let mut used = vec![false; ids.len()];
    let filled = fill(sample, name, |row, id| {
        let id = id.ok_or_else(|| "has no column that identifies the pictures".to_owned())?;
        let picture = *known.get(id).ok_or(format!("row {row}: id {id:?} matches no picture"))?;
        if std::mem::replace(&mut used[picture], true) {
            return Err(format!("row {row}: id {id:?} occurs twice"));
        }
        Ok(classes[picture].to_string())
    })?;
    match used.iter().position(|used| !used) {
        Some(left) => Err(DataError::file(name, format!("has no row for {}", ids[left]))),
        None => Ok(filled),
    }
}

/// `sample` with its answer column replaced by the results of `class_of` for each row's number and id.
/// Ids are in the column `id`, or in the only other one.
fn fill(
    sample: &[u8],
    name: &str,
    mut class_of: impl FnMut(usize, Option<&str>) -> Result<String, String>,
) -> Result<Vec<u8>, DataError> {
    let (mut reader, header) = open(sample, name)?;
    let column = answers(&header, name)?;
    let other = (header.len() == 2).then_some(1 - column.min(1));
    let id_column = self::column(&header, &["id"]).filter(|&id| id != column).or(other);
    let unwritten = |error: csv::Error| DataError::file(name, format!("not filled in: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_byte_record(&header).map_err(unwritten)?;
    for (row, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|error| broken(&error, name))?;
        let id = id_column.and_then(|at| record.get(at)).map(String::from_utf8_lossy);
        let class = class_of(row, id.as_deref()).map_err(|e| DataError::file(name, e))?;
        let fields = record.iter().enumerate();
        let filled: ByteRecord =
            fields.map(|(i, field)| if i == column { class.as_bytes() } else { field }).collect();
        writer.write_byte_record(&filled).map_err(unwritten)?;
    }
    writer.into_inner().map_err(|error| DataError::file(name, error.to_string()))
}

/// A reader positioned after the header, and the header.
fn open<'a>(bytes: &'a [u8], name: &str) -> Result<(csv::Reader<&'a [u8]>, ByteRecord), DataError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(DataError::file(name, "is empty"));
    }
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| broken(&error, name))?.clone();
    Ok((reader, header))
}

/// The position of the first of these columns that exists.
fn column(header: &ByteRecord, names: &[&str]) -> Option<usize> {
    let place = |name: &&str| {
        header.iter().position(|field| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    names.iter().find_map(place)
}

/// The position of the answer column of a sample submission.
fn answers(header: &ByteRecord, name: &str) -> Result<usize, DataError> {
    let second = (header.len() == 2).then_some(1);
    let found = column(header, &[COLUMN]).or_else(|| column(header, &LABELS)).or(second);
    found.ok_or_else(|| no_column(header, name))
}

fn no_column(header: &ByteRecord, name: &str) -> DataError {
    let columns: Vec<_> = header.iter().take(8).map(String::from_utf8_lossy).collect();
    DataError::file(name, format!("has no column {COLUMN} among {columns:?}"))
}

/// The error of a csv file that cannot be read.
pub(crate) fn broken(error: &csv::Error, name: &str) -> DataError {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields, the header {expected_len}")
        }
        _ => error.to_string(),
    };
    DataError::file(name, problem)
}
