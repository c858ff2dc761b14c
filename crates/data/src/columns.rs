//! Tables separated by commas, semicolons or tabs, with or without a byte-order mark.

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::DataError;
use crate::table::broken;

/// Largest table, unpacked, in bytes.
pub(crate) const MAX_TABLE: u64 = 4 << 30;

/// A table whose rows are read one by one.
pub(crate) struct Columns<'a> {
    name: String,
    /// The names of the columns; empty for a table without a header.
    pub header: Vec<String>,
    reader: Reader<&'a [u8]>,
}

/// Whether a file is a table, judging by its name.
pub(crate) fn is_table(file: &str) -> bool {
    let lower = file.to_lowercase();
    let lower = lower.strip_suffix(".gz").unwrap_or(&lower);
    lower.ends_with(".csv") || lower.ends_with(".tsv")
}

impl<'a> Columns<'a> {
    /// Reads the table `bytes`; errors call it `name`. A first row of numbers only is not a header.
    ///
    /// # Errors
    /// If it is empty or not text in columns.
    pub fn new(bytes: &'a [u8], name: &str) -> Result<Self, DataError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(DataError::file(name, "is empty"));
        }
        let build = |header| {
            let mut builder = ReaderBuilder::new();
            builder.delimiter(delimiter(bytes)).has_headers(header);
            builder.from_reader(bytes)
        };
        let mut reader = build(true);
        let first = reader.byte_headers().map_err(|error| broken(&error, name))?.clone();
        let numbers = first.iter().all(|field| text(field).trim().parse::<f64>().is_ok());
        if numbers {
            return Ok(Self { name: name.to_owned(), header: Vec::new(), reader: build(false) });
        }
        let header = first.iter().map(|field| text(field).trim().to_owned()).collect();
        Ok(Self { name: name.to_owned(), header, reader })
    }

    /// Reads the next row; `false` after the last one.
    ///
    /// # Errors
    /// If it has another number of fields than the others.
    pub fn next(&mut self, row: &mut ByteRecord) -> Result<bool, DataError> {
        self.reader.read_byte_record(row).map_err(|error| broken(&error, &self.name))
    }

    /// The position of the column `wanted`, or else of the first of `known` that exists.
    ///
    /// # Errors
    /// If the column `wanted` does not exist.
    pub fn find(&self, wanted: Option<&str>, known: &[&str]) -> Result<Option<usize>, DataError> {
        let place =
            |name: &str| self.header.iter().position(|column| column.eq_ignore_ascii_case(name));
        match wanted {
            Some(name) => place(name).map(Some).ok_or_else(|| {
                let there = self.header.join(", ");
                DataError::file(&self.name, format!("has no column {name:?}; it has {there}"))
            }),
            None => Ok(known.iter().find_map(|name| place(name))),
        }
    }
}

/// The separator of the fields in the first line.
fn delimiter(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |mark: u8| line.iter().filter(|&&byte| byte == mark).count();
    let marks = [b',', b';', b'\t'];
    let most = marks.into_iter().max_by_key(|&mark| (count(mark), mark == b','));
    most.unwrap_or(b',')
}

/// A field as text; bytes that are not Unicode are replaced.
pub(crate) fn text(field: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(field)
}

impl Columns<'_> {
    /// An error that names the table.
    pub fn fail(&self, problem: String) -> DataError {
        DataError::file(&self.name, problem)
    }
}
