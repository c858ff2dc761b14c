//! Zip archives, by the crate `zip`.

use std::fs::File;
use std::io::{BufReader, Read};

use ::zip::ZipArchive;

use super::{Entry, Place, check_count, is_hidden, leads_out, sorted};
use crate::DataError;
use crate::passed_over::Skipped;

pub(super) type Archive = ZipArchive<BufReader<File>>;

/// Whether a file that begins so is a zip archive.
pub(super) fn is_zip(begin: &[u8]) -> bool {
    begin.starts_with(b"PK\x03\x04") || begin.starts_with(b"PK\x05\x06")
}

/// The archive and its files.
pub(super) fn open(
    file: File,
    shown: &str,
    skipped: &mut Skipped,
) -> Result<(Archive, Vec<Entry>), DataError> {
    let damaged = |error| DataError::file(shown, format!("is a damaged zip archive ({error})"));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    check_count(archive.len(), shown)?;
    let mut entries = Vec::new();
    for number in 0..archive.len() {
        let item = archive.by_index_raw(number).map_err(damaged)?;
        let path = String::from_utf8_lossy(item.name_raw()).into_owned();
        if leads_out(&path) {
            let problem = format!("holds {path:?}, which leads out of the archive");
            return Err(DataError::file(shown, problem));
        }
        if item.is_dir() || is_hidden(&path) {
            continue;
        }
        if item.is_symlink() {
            skipped.add(path, "is a link");
        } else if item.encrypted() {
            skipped.add(path, "is encrypted");
        } else {
            entries.push(Entry { path, bytes: item.size(), place: Place::Zip(number) });
        }
    }
    Ok((archive, sorted(entries)))
}

/// The content of an entry, cut off behind `most` bytes and one more.
pub(super) fn read(archive: &mut Archive, number: usize, most: u64) -> Result<Vec<u8>, String> {
    let damaged = |error: String| format!("is damaged in its archive ({error})");
    let item = archive.by_index(number).map_err(|error| damaged(error.to_string()))?;
    let mut bytes = Vec::new();
    item.take(most + 1).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    Ok(bytes)
}
