//! Tar archives, gzipped or not, read with the crate `tar`. A gzipped one is unpacked into an unnamed
//! temporary file, so that its files can be read in any order.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{Entry, Location, check_count, is_hidden, leads_out, sorted};
use crate::DataError;
use crate::idx::is_gzip;
use crate::passed_over::Skipped;

/// Limit of a gzipped archive's unpacked size: this many bytes, and this many times its own length.
/// Compression hardly shrinks pictures, and raw pixels to a tenth.
const MAX_UNPACKED: (u64, u64) = (1 << 30, 50);

/// Largest size of a file's name or attributes, in bytes.
const MAX_NAME: u64 = 1 << 20;

/// The archive's bytes and its files; `None` if a file that begins with `begin` is not a tar archive.
pub(super) fn open(
    file: File,
    begin: &[u8],
    path: &Path,
    skipped: &mut Skipped,
) -> Result<Option<(File, Vec<Entry>)>, DataError> {
    if !is_archive(begin, path) {
        return Ok(None);
    }
    let file = if is_gzip(begin) { unpack(file, path)? } else { file };
    let entries = list(&file, &path.display().to_string(), skipped)?;
    Ok(Some((file, entries)))
}

/// Whether a file is a tar archive, judging by its name or first block, or if gzipped, only by its name.
pub(super) fn is_archive(begin: &[u8], path: &Path) -> bool {
    let lower = path.to_string_lossy().to_lowercase();
    let named = [".tar", ".tar.gz", ".tgz"].iter().any(|ending| lower.ends_with(ending));
    named || (is_tar(begin) && !is_gzip(begin))
}

/// Whether the first block of a file is that of a tar archive.
fn is_tar(begin: &[u8]) -> bool {
    begin.get(257..262) == Some(b"ustar")
}

/// Unpacks a gzipped archive to a temporary file.
fn unpack(file: File, path: &Path) -> Result<File, DataError> {
    let packed = file.metadata().map_err(|error| DataError::io(path, error))?.len();
    let (fixed, times) = MAX_UNPACKED;
    let most = fixed + times.saturating_mul(packed);
    let copy = || -> io::Result<(u64, File)> {
        let mut unpacked = tempfile::tempfile()?;
        let reader = MultiGzDecoder::new(BufReader::new(file));
        let count = io::copy(&mut reader.take(most + 1), &mut unpacked)?;
        unpacked.flush()?;
        unpacked.rewind()?;
        Ok((count, unpacked))
    };
    let fail = |problem: String| DataError::file(path.display().to_string(), problem);
    let (count, unpacked) = copy().map_err(|error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            fail(format!("cannot be unpacked into the folder of temporary files ({error})"))
        }
        _ => fail(format!("is a damaged gzip archive ({error})")),
    })?;
    if count > most {
        let problem = format!("{packed} bytes unpack to more than {most}: this is not a data set");
        return Err(fail(problem));
    }
    Ok(unpacked)
}

/// Refuses an archive with extremely long names or attributes, because they are read as a whole.
fn check_names(mut file: &File, shown: &str) -> Result<(), DataError> {
    let damaged =
        |error: io::Error| DataError::file(shown, format!("is a damaged tar archive ({error})"));
    let mut archive = ::tar::Archive::new(file);
    for (count, item) in archive.entries_with_seek().map_err(damaged)?.raw(true).enumerate() {
        let item = item.map_err(damaged)?;
        // Each file may be preceded by several such entries.
        check_count(count / 4, shown)?;
        let kind = item.header().entry_type();
        let names = kind.is_gnu_longname() || kind.is_gnu_longlink();
        let attributes = kind.is_pax_local_extensions() || kind.is_pax_global_extensions();
        if (names || attributes) && item.size() > MAX_NAME {
            let problem = format!("holds a name or attributes of {} bytes", item.size());
            return Err(DataError::file(shown, problem));
        }
    }
    file.rewind().map_err(damaged)
}

/// The regular files of the archive.
fn list(file: &File, shown: &str, skipped: &mut Skipped) -> Result<Vec<Entry>, DataError> {
    let damaged =
        |error: io::Error| DataError::file(shown, format!("is a damaged tar archive ({error})"));
    check_names(file, shown)?;
    let mut archive = ::tar::Archive::new(file);
    let mut entries = Vec::new();
    for item in archive.entries_with_seek().map_err(damaged)? {
        let item = item.map_err(damaged)?;
        let path = String::from_utf8_lossy(&item.path_bytes()).into_owned();
        let path = path.trim_start_matches("./").to_owned();
        if leads_out(&path) {
            let problem = format!("holds {path:?}, which leads out of the archive");
            return Err(DataError::file(shown, problem));
        }
        let kind = item.header().entry_type();
        if kind.is_dir() || is_hidden(&path) {
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            skipped.add(path, "is not a regular file of the archive");
            continue;
        }
        let place = Location::Span(item.raw_file_position());
        entries.push(Entry { path, bytes: item.size(), place });
        check_count(entries.len(), shown)?;
    }
    Ok(sorted(entries))
}
