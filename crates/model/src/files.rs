//! Files that are either whole or untouched.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::ModelError;

/// Replaces the file at `path` by `bytes`, or leaves it as it was.
///
/// The bytes go to a temporary name in the same folder, are synced, and take the file's name in
/// one step; then the folder is synced. A process that is killed leaves the old or the new file,
/// and at worst a temporary one beside it, which the next write replaces.
///
/// # Errors
/// If the disk is full or the folder cannot be written; then the old file is still there.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    atomic_write_with(path, |file| file.write_all(bytes))
}

/// [`atomic_write`] with the writing left to `write`.
fn atomic_write_with(
    path: &Path,
    write: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<(), ModelError> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file).map_err(|error| ModelError::io(path, "write", error))?;
    file.finish()
}

/// A file in the making, as [`atomic_write`] makes them: until [`AtomicFile::finish`] the old file
/// stands, and goes on standing where that is never called.
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
}

impl AtomicFile {
    /// A new file that will be `path`.
    ///
    /// # Errors
    /// If the folder cannot be written, or `path` is something else than a file, such as a device. What a
    /// link leads to is replaced, not the link.
    pub fn create(path: &Path) -> Result<Self, ModelError> {
        let fail = |error| ModelError::io(path, "write", error);
        let target =
            if path.is_symlink() { path.canonicalize().map_err(fail)? } else { path.into() };
        if target.exists() && !target.is_file() {
            return Err(ModelError::file(
                path.display().to_string(),
                "is no file that can be written",
            ));
        }
        let temporary = temporary_name(&target);
        let file = File::create(&temporary).map_err(fail)?;
        Ok(Self { path: target, temporary, file: BufWriter::new(file) })
    }

    /// Syncs what was written and gives it the file's name.
    ///
    /// # Errors
    /// As [`atomic_write`].
    pub fn finish(mut self) -> Result<(), ModelError> {
        let replace = |file: &mut Self| {
            file.file.flush()?;
            file.file.get_ref().sync_all()?;
            std::fs::rename(&file.temporary, &file.path)?;
            sync_folder(&file.path)
        };
        replace(&mut self).map_err(|error| ModelError::io(&self.path, "write", error))
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

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // It is there only where something went wrong, and that is told already.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// `.last.ckpt.tmp` for `last.ckpt`.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}

/// Makes the renaming last; systems that cannot open a folder do this by themselves.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match File::open(folder.unwrap_or(Path::new("."))) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The bytes of a file of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read or is larger.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, ModelError> {
    let fail = |error| ModelError::io(path, "read", error);
    let file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut bytes = Vec::new();
    if length <= limit {
        file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    }
    let read = bytes.len() as u64;
    if length > limit || read > limit {
        let length = length.max(read);
        let problem = format!("{length} bytes are more than the {limit} that such a file may have");
        return Err(ModelError::file(path.display().to_string(), problem));
    }
    Ok(bytes)
}

/// The text of a file of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read, is larger, or is no UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, ModelError> {
    String::from_utf8(read_file(path, limit)?)
        .map_err(|_| ModelError::file(path.display().to_string(), "is not a text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomic_write(&path, b"a long first text").unwrap();
        atomic_write(&path, b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_write_that_fails_halfway_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomic_write(&path, b"old").unwrap();
        let error = atomic_write_with(&path, |file| {
            file.write_all(b"new, but not who")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with(&path.display().to_string()), "{text}");
        assert!(text.ends_with("failed to write: no storage space"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_folders_and_devices_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["file", "link"].map(|name| folder.path().join(name));
        atomic_write(&path, b"old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        atomic_write(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(link.is_symlink());
        for other in [folder.path(), Path::new("/dev/null")] {
            let text = atomic_write(other, b"new").unwrap_err().to_string();
            assert!(text.ends_with("is no file that can be written"), "{text}");
        }
        assert_eq!(names(folder.path()), ["file", "link"]);
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomic_write(&path, b"12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        let text = read_file(&path, 4).unwrap_err().to_string();
        assert!(text.ends_with("5 bytes are more than the 4 that such a file may have"), "{text}");
    }
}
