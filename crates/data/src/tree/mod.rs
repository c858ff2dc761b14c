//! The files of a source: in a folder, a zip or a tar archive.
//!
//! Formats read from a [`Tree`], whichever it is. Nothing is unpacked to disk under a name from an
//! archive.

mod disk;
mod tar;
pub(crate) mod zip;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::idx::is_gzip;
use crate::passed_over::Skipped;
use crate::{DataError, files, memory};

/// Largest number of files in a source.
const MAX_FILES: usize = 1_000_000;
/// Largest depth of nested folders.
pub(crate) const MAX_DEPTH: usize = 32;

/// The files of a source, by path.
pub(crate) struct Tree {
    /// The source as given by the user.
    shown: String,
    /// Its last part, without the extension of an archive.
    name: String,
    entries: Vec<Entry>,
    store: Store,
    /// The path of the file that the user named, if it was one file of a folder.
    pub focus: Option<String>,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Path relative to the source, with slashes.
    pub path: String,
    /// Size in bytes, as far as known.
    pub bytes: u64,
    place: Location,
}

/// Where the contents of a file are.
#[derive(Clone, Debug)]
enum Location {
    /// A file of its own.
    Disk(PathBuf),
    /// The index of an entry in a zip archive.
    Zip(usize),
    /// An offset in a tar archive.
    Span(u64),
}

/// The storage that places refer to.
enum Store {
    Disk,
    Zip(Mutex<zip::Archive>),
    Tar(Mutex<File>),
}

impl Entry {
    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folder that holds it, without a slash at the end; empty at the top.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Tree {
    /// The files of the folder, archive or file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is a damaged archive, has an entry that leads outside, or has more
    /// than a million files.
    pub fn open(path: &Path, skipped: &mut Skipped) -> Result<Self, DataError> {
        let io = |error| DataError::io(path, error);
        let metadata = std::fs::metadata(path).map_err(io)?;
        let shown = path.display().to_string();
        if metadata.is_dir() {
            let entries = disk::walk(path, MAX_DEPTH, skipped)?;
            let whole = std::fs::canonicalize(path).ok();
            let name = whole.as_deref().and_then(Path::file_name).unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            return Ok(Self { shown, name, entries, store: Store::Disk, focus: None });
        }
        let mut begin = Vec::new();
        let mut file = modiste_files::open(path)?;
        (&mut file).take(512).read_to_end(&mut begin).map_err(io)?;
        file.rewind().map_err(io)?;
        let name = archive_name(path);
        if zip::is_zip(&begin) {
            let (archive, entries) = zip::open(file, &shown, skipped)?;
            let store = Store::Zip(Mutex::new(archive));
            return Ok(Self { shown, name, entries, store, focus: None });
        }
        if let Some((file, entries)) = tar::open(file, &begin, path, skipped)? {
            return Ok(Self {
                shown,
                name,
                entries,
                store: Store::Tar(Mutex::new(file)),
                focus: None,
            });
        }
        Self::around(path, shown)
    }

    /// The files in the folder of the file at `path`, which gets the focus; for a table also those
    /// below.
    fn around(path: &Path, shown: String) -> Result<Self, DataError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let focus = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lower = focus.to_lowercase();
        let table = [".csv", ".csv.gz", ".tsv"].iter().any(|ending| lower.ends_with(ending));
        let depth = if table { MAX_DEPTH } else { 0 };
        // Unrelated files beside a named file do not matter.
        let entries = disk::walk(folder, depth, &mut Skipped::default())?;
        let name = focus.split('.').next().unwrap_or("data").to_owned();
        Ok(Self { shown, name, entries, store: Store::Disk, focus: Some(focus) })
    }

    /// The source as given by the user, for messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The name of the data.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All files, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file as messages name it.
    pub fn show(&self, entry: &Entry) -> String {
        match &entry.place {
            Location::Disk(path) => path.display().to_string(),
            Location::Zip(_) | Location::Span(_) => format!("{}/{}", self.shown, entry.path),
        }
    }

    /// The contents of a file of at most `most` bytes.
    ///
    /// # Errors
    /// If it cannot be read, or is longer.
    pub fn read(&self, entry: &Entry, most: u64) -> Result<Vec<u8>, DataError> {
        memory::check(&self.show(entry), entry.bytes.min(most))?;
        match (&entry.place, &self.store) {
            (Location::Disk(path), _) => files::read(path, most),
            _ if entry.bytes > most => {
                let problem = format!("is longer than the limit of {most} bytes");
                Err(DataError::file(self.show(entry), problem))
            }
            (Location::Zip(number), Store::Zip(archive)) => {
                let mut archive = archive.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                zip::read(&mut archive, *number, most, &self.show(entry))
            }
            (Location::Span(start), Store::Tar(file)) => {
                let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let mut bytes = Vec::new();
                let read = file.seek(SeekFrom::Start(*start)).and_then(|_| {
                    Read::by_ref(&mut *file).take(entry.bytes).read_to_end(&mut bytes)
                });
                read.map_err(|error| DataError::io(Path::new(&self.show(entry)), error))?;
                if (bytes.len() as u64) < entry.bytes {
                    return Err(DataError::file(
                        self.show(entry),
                        "is cut off by the archive's end",
                    ));
                }
                Ok(bytes)
            }
            (Location::Zip(_) | Location::Span(_), _) => {
                unreachable!("a place belongs to its store")
            }
        }
    }

    /// The contents of a file, unpacked if it is gzipped.
    ///
    /// # Errors
    /// As [`Tree::read`], or if it unpacks to more than `most` bytes.
    pub fn read_unpacked(&self, entry: &Entry, most: u64) -> Result<Vec<u8>, DataError> {
        let bytes = self.read(entry, most)?;
        if !is_gzip(&bytes) {
            return Ok(bytes);
        }
        let mut unpacked = Vec::new();
        // A gzip file does not reliably state its unpacked length.
        let most = memory::free().map_or(most, |free| most.min(free));
        let read = flate2::read::MultiGzDecoder::new(bytes.as_slice());
        let read = read.take(most + 1).read_to_end(&mut unpacked);
        let fail = |problem: String| DataError::file(self.show(entry), problem);
        read.map_err(|error| fail(crate::idx::broken(&error, "its data")))?;
        if unpacked.len() as u64 > most {
            let problem = format!("unpacks to more than {}", memory::shown(most));
            return Err(fail(problem + ", which is the limit or all that is free"));
        }
        Ok(unpacked)
    }
}

/// Whether a file that begins with `begin` is an archive.
pub(crate) fn is_archive(begin: &[u8], path: &Path) -> bool {
    zip::is_zip(begin) || tar::is_archive(begin, path)
}

/// The name of an archive without its endings.
fn archive_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lower = name.to_lowercase();
    let endings = [".tar.gz", ".tgz", ".tar", ".zip", ".npz"];
    let ending = endings.iter().find(|ending| lower.ends_with(**ending));
    ending.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(&name).to_owned()
}

/// The entries sorted by path, compared component by component.
fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    entries
}

/// Whether a path has a component that starts with a dot: such files are hidden, and never data.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Whether a path in an archive leads outside.
fn leads_out(path: &str) -> bool {
    let path = path.replace('\\', "/");
    let drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with('/') || drive || path.split('/').any(|part| part == "..")
}

/// Refuses a source with too many files.
fn check_count(count: usize, shown: &str) -> Result<(), DataError> {
    if count > MAX_FILES {
        return Err(DataError::file(shown, format!("holds more than {MAX_FILES} files")));
    }
    Ok(())
}
