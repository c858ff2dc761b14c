//! Zip archives, read with the crate `zip`.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use ::zip::ZipArchive;

use super::{Entry, Location, check_count, is_hidden, leads_out, sorted};
use crate::passed_over::Skipped;
use crate::{DataError, memory};

pub(super) type Archive = ZipArchive<BufReader<File>>;

/// Whether a file that begins with these bytes is a zip archive.
pub(super) fn is_zip(begin: &[u8]) -> bool {
    begin.starts_with(b"PK\x03\x04") || begin.starts_with(b"PK\x05\x06")
}

/// The archive and its files.
pub(super) fn open(
    mut file: File,
    shown: &str,
    skipped: &mut Skipped,
) -> Result<(Archive, Vec<Entry>), DataError> {
    let io = |error| DataError::io(Path::new(shown), error);
    // The archive's list is read as a whole, so check its length first.
    let announced = announced_entries(&mut file).map_err(io)?;
    check_count(usize::try_from(announced).unwrap_or(usize::MAX), shown)?;
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
            entries.push(Entry { path, bytes: item.size(), place: Location::Zip(number) });
        }
    }
    Ok((archive, sorted(entries)))
}

/// The contents of an entry of at most `most` bytes; errors call it `shown`.
pub(super) fn read(
    archive: &mut Archive,
    number: usize,
    most: u64,
    shown: &str,
) -> Result<Vec<u8>, DataError> {
    let damaged = |error| DataError::file(shown, format!("is damaged in its archive ({error})"));
    let item = archive.by_index(number).map_err(damaged)?;
    let announced = item.size();
    unpack(item, announced, most, shown)
}

/// Unpacks `item`, up to the size in its header.
///
/// # Errors
/// If that is more than `most` bytes or than fits into memory, or if the stated size is wrong.
pub(crate) fn unpack(
    item: impl Read,
    announced: u64,
    most: u64,
    shown: &str,
) -> Result<Vec<u8>, DataError> {
    let fail = |problem: String| Err(DataError::file(shown, problem));
    if announced > most {
        return fail(format!("is longer than the limit of {most} bytes"));
    }
    memory::check(shown, announced)?;
    let mut bytes = Vec::new();
    match item.take(announced + 1).read_to_end(&mut bytes) {
        Ok(count) if count as u64 > announced => {
            fail(format!("unpacks to more than the {announced} bytes it announces"))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::OutOfMemory => {
            fail("is larger than there is memory for".into())
        }
        Err(error) => fail(format!("is damaged in its archive ({error})")),
    }
}

/// The number of entries according to the archive's last record; 0 without such a record.
fn announced_entries(file: &mut File) -> io::Result<u64> {
    // The record, the longest comment after it, and the records of large archives before it.
    const LONGEST: u64 = 22 + 65_535 + 20 + 56;
    let length = file.metadata()?.len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    Read::by_ref(file).take(LONGEST).read_to_end(&mut tail)?;
    file.rewind()?;
    let find = |mark: &[u8]| tail.windows(4).rposition(|window| window == mark);
    let bytes = |at: usize, count: usize| {
        let bytes = tail.get(at..at + count).unwrap_or_default();
        bytes.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))
    };
    let entries = find(b"PK\x05\x06").map_or(0, |at| bytes(at + 10, 2));
    match find(b"PK\x06\x06") {
        Some(at) if entries == u64::from(u16::MAX) => Ok(bytes(at + 32, 8)),
        _ => Ok(entries),
    }
}
