//! `digests.csv` of a run folder: a checksum of everything that training changed, after each epoch.
//!
//! It makes one repeated epoch enough to tell whether a run is reproducible: `metrics.csv` would
//! not show a changed bit until it changes a sum.

use std::path::Path;

use modiste_files::read_text;

use crate::format::other_columns;
use crate::{ModelError, csv_text};

/// The first line.
const COLUMNS: [&str; 2] = ["epoch", "state"];
/// Largest file that is read, in bytes: millions of epochs.
const MAX_BYTES: u64 = 1 << 26;

/// The state of a run after an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The epoch, from 1.
    pub epoch: usize,
    /// CRC-32 of parameters, running statistics and the optimiser's state, as 8 hexadecimal digits.
    pub state: String,
}

/// Reads `digests.csv`.
///
/// # Errors
/// If the file cannot be read or a row was not written by [`write_digests`]; the error names the row.
pub fn read_digests(path: &Path) -> Result<Vec<Digest>, ModelError> {
    let text = read_text(path, MAX_BYTES)?;
    let mut lines = text.lines();
    let (first, wanted) = (lines.next().unwrap_or_default(), COLUMNS.join(","));
    if first != wanted {
        return Err(ModelError::file(path, other_columns(first, &wanted)));
    }
    let digest = |(i, line): (usize, &str)| {
        parse(line).ok_or_else(|| {
            ModelError::file(path, format!("line {} is not an epoch: {line:?}", i + 2))
        })
    };
    lines.enumerate().map(digest).collect()
}

/// The text of `digests.csv`.
pub fn write_digests(digests: &[Digest]) -> String {
    let first = COLUMNS.map(str::to_owned).to_vec();
    let row = |digest: &Digest| vec![digest.epoch.to_string(), digest.state.clone()];
    csv_text(std::iter::once(first).chain(digests.iter().map(row)))
}

fn parse(line: &str) -> Option<Digest> {
    let (epoch, state) = line.split_once(',')?;
    let hexadecimal = state.len() == 8 && u32::from_str_radix(state, 16).is_ok();
    let epoch = epoch.parse().ok().filter(|_| hexadecimal)?;
    Some(Digest { epoch, state: state.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_and_broken_ones_are_named() {
        let digest = |epoch, state: &str| Digest { epoch, state: state.into() };
        let digests = [digest(1, "0123abcd"), digest(2, "ffffffff")];
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            read_digests(file.path()).map_err(|error| error.to_string())
        };
        let text = write_digests(&digests);
        assert_eq!(read(&text).unwrap(), digests);
        assert!(read(&text.replace("ffffffff", "fff")).unwrap_err().contains("line 3 is not"));
        assert!(read("epoch\n").unwrap_err().contains("the first line is not epoch,state"));
    }
}
