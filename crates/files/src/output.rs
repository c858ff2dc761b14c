//! Writing: a file is either replaced completely or left unchanged.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::FileError;
use crate::input::{ensure_regular, open_regular};

/// Replaces the file at `path` by `bytes`, or leaves it unchanged.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::finish`]; then the old file is still there.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|error| FileError::io(path, "write", error))?;
    file.finish()
}

/// A file being written. The old file stays until [`AtomicFile::finish`], or for good if that is never
/// called.
///
/// The bytes go to a new file with a random name in the same folder, are synced, and take the file's
/// name in one step; then the folder is synced. So two writers never mix, and a planted link
/// cannot redirect the bytes. A process that is killed leaves either the old or the new file, and
/// possibly the temporary one, which [`remove_leftovers`] removes.
pub struct AtomicFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Creates a file that will replace `path`, with the permissions of the old one. If `path` is a
    /// link, its target is replaced, and the link stays.
    ///
    /// # Errors
    /// If the folder cannot be written, or `path` is not a file but, for example, a device.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let fail = |error| FileError::io(path, "write", error);
        let target =
            if path.is_symlink() { path.canonicalize().map_err(fail)? } else { path.into() };
        let old = match target.metadata() {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fail(error)),
        };
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Err(FileError::refused(path, "is not a file that can be replaced"));
        }
        let (prefix, suffix) = affixes(&target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(suffix).rand_bytes(8);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder_of(&target)).map_err(fail)?;
        if let Some(old) = old {
            file.as_file().set_permissions(old.permissions()).map_err(fail)?;
        }
        Ok(Self { path: target, file: BufWriter::new(file) })
    }

    /// Syncs the contents and gives them the file's name.
    ///
    /// # Errors
    /// If the disk is full or the folder can't be written; then the old file is still there.
    pub fn finish(self) -> Result<(), FileError> {
        let Self { path, file } = self;
        let replace = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            sync(folder_of(&path))
        };
        replace().map_err(|error| FileError::io(&path, "write", error))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file for appending, creating it if it does not exist.
///
/// # Errors
/// If it cannot be opened, or is not a regular file.
pub fn append(path: &Path) -> Result<File, FileError> {
    if let Ok(old) = std::fs::metadata(path) {
        ensure_regular(path, old.file_type())?;
    }
    open_regular(path, OpenOptions::new().create(true).append(true), "write")
}

/// Removes the temporary files that killed writers of `path` left behind. Only for callers that know
/// that no other process writes `path`.
pub fn remove_leftovers(path: &Path) {
    let (prefix, suffix) = affixes(path);
    for entry in std::fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let inner = name.strip_prefix(prefix.as_encoded_bytes());
        if inner.is_some_and(|inner| {
            inner.len() == 8 + suffix.len() && inner.ends_with(suffix.as_bytes())
        }) {
            // Failing to remove a leftover is harmless.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Prefix and suffix of the random part of a temporary name: `.last.ckpt.` and `.tmp`.
fn affixes(path: &Path) -> (OsString, &'static str) {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    (prefix, ".tmp")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the renaming durable; systems that cannot open a folder do this by themselves.
fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        Ok(_) | Err(_) => Ok(()),
    }
}
