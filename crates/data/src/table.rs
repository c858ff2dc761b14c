//! The competition's csv files: the column `class`, to be read, and to be filled in for a submission.

use csv::ByteRecord;

use crate::DataError;

/// The column that holds the class.
const COLUMN: &str = "class";

/// The labels of a csv file with a header: its column `class`; errors speak of it as `name`.
pub fn parse_labels_csv(bytes: &[u8], name: &str) -> Result<Vec<u16>, DataError> {
    let (mut reader, _, column) = open(bytes, name)?;
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

/// A whole number, also where a float column was written (`9.0`).
fn label(text: &str) -> Option<u16> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok()
}

/// The number of rows of a sample submission, whose column `class` must be there.
pub(crate) fn count_rows(bytes: &[u8], name: &str) -> Result<usize, DataError> {
    let (mut reader, ..) = open(bytes, name)?;
    let rows = reader.byte_records().try_fold(0, |count, record| record.map(|_| count + 1));
    rows.map_err(|error| broken(&error, name))
}

/// The submission: `sample` (a csv file, called `name` in errors) with its column `class` overwritten
/// by `classes`, one a row.
pub fn fill_submission(sample: &[u8], name: &str, classes: &[u16]) -> Result<Vec<u8>, DataError> {
    let (mut reader, header, column) = open(sample, name)?;
    let unwritten = |error: csv::Error| DataError::file(name, format!("not filled in: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_byte_record(&header).map_err(unwritten)?;
    let mut rows = 0;
    for record in reader.byte_records() {
        let record = record.map_err(|error| broken(&error, name))?;
        let class = classes.get(rows).map(u16::to_string).unwrap_or_default();
        let fields = record.iter().enumerate();
        let filled: ByteRecord =
            fields.map(|(i, field)| if i == column { class.as_bytes() } else { field }).collect();
        writer.write_byte_record(&filled).map_err(unwritten)?;
        rows += 1;
    }
    if rows != classes.len() {
        let problem = format!("holds {rows} rows for {} predictions", classes.len());
        return Err(DataError::file(name, problem));
    }
    writer.into_inner().map_err(|error| DataError::file(name, error.to_string()))
}

/// A reader behind the header, the header, and the place of the column.
fn open<'a>(
    bytes: &'a [u8],
    name: &str,
) -> Result<(csv::Reader<&'a [u8]>, ByteRecord, usize), DataError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(DataError::file(name, "is empty"));
    }
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| broken(&error, name))?.clone();
    let column = header.iter().position(|field| field.trim_ascii() == COLUMN.as_bytes());
    let column = column.ok_or_else(|| {
        let columns: Vec<_> = header.iter().take(8).map(String::from_utf8_lossy).collect();
        DataError::file(name, format!("has no column {COLUMN} among {columns:?}"))
    })?;
    Ok((reader, header, column))
}

/// A csv file that cannot be read on.
fn broken(error: &csv::Error, name: &str) -> DataError {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields, the header {expected_len}")
        }
        _ => error.to_string(),
    };
    DataError::file(name, problem)
}
