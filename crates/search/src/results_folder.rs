//! A results folder that several processes may share: locks for its shards, and files that all processes
//! write.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use modiste_files::{FileError, MAX_TEXT, append, atomic_write, read_text};
use modiste_train::Config;

use crate::{SearchError, Shard, TrialProgress};

/// A results folder, with a lock on one shard if this process trains it.
pub struct ResultsFolder {
    out: PathBuf,
    /// The lock, held while the process works on a shard.
    _shard: Option<File>,
}

impl ResultsFolder {
    /// Opens the folder `out` for `shard` of its trials, and creates it if necessary.
    ///
    /// # Errors
    /// If it cannot be written, or another process works on this shard.
    pub fn open(out: &Path, shard: Shard) -> Result<Self, SearchError> {
        std::fs::create_dir_all(out).map_err(|e| FileError::io(out, "create", e))?;
        let path = out.join(shard.lock_file());
        let lock = append(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { out: out.to_owned(), _shard: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                let problem = format!("is in use: another process works on its shard {shard}");
                Err(SearchError::conflict(out.display().to_string(), problem))
            }
            Err(TryLockError::Error(error)) => Err(FileError::io(&path, "lock", error).into()),
        }
    }

    /// The folder `out` for a process that does not work on a shard.
    pub fn at(out: &Path) -> Self {
        Self { out: out.to_owned(), _shard: None }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// Waits for the lock of the files that all shards write; hold it while reading and writing them.
    ///
    /// # Errors
    /// If the lock file cannot be created.
    pub fn lock(&self) -> Result<File, SearchError> {
        let path = self.out.join(".lock");
        let file = append(&path)?;
        file.lock().map_err(|e| FileError::io(&path, "lock", e))?;
        Ok(file)
    }

    /// Writes a file atomically.
    ///
    /// # Errors
    /// As [`atomic_write`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), SearchError> {
        Ok(atomic_write(&self.out.join(name), text.as_bytes())?)
    }
}

/// Whether `folder` already belongs to `base`, according to its file `name`; `false` if it is new. `what`
/// names the kind of folder in errors.
///
/// # Errors
/// If it belongs to another configuration, or the file is broken.
pub fn is_of(folder: &Path, name: &str, base: &Config, what: &str) -> Result<bool, SearchError> {
    let Some([field, there, here]) = difference(folder, name, base)? else {
        return Ok(folder.join(name).exists());
    };
    let problem = format!(
        "belongs to another {what}: {field} is {there} there and {here} here; choose another folder \
         with --out"
    );
    Err(SearchError::conflict(folder.display().to_string(), problem))
}

/// The first field in which the configuration in the file `name` of `folder` differs from `config`, its
/// value there and here; `None` also if there is no such file.
///
/// # Errors
/// If the file is broken.
pub fn difference(
    folder: &Path,
    name: &str,
    config: &Config,
) -> Result<Option<[String; 3]>, SearchError> {
    let path = folder.join(name);
    let Some(text) = read_if_there(&path)? else { return Ok(None) };
    let there = Config::parse(&text, &path.display().to_string())?;
    Ok(TrialProgress::difference(&there, config))
}

/// The text of a file that may not exist.
///
/// # Errors
/// If it exists and cannot be read.
pub fn read_if_there(path: &Path) -> Result<Option<String>, SearchError> {
    match read_text(path, MAX_TEXT) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
