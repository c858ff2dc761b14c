//! A results folder that several processes may share: who works on which part of it, and files that
//! all of them write.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use modiste_files::{FileError, MAX_TEXT, append, atomic_write, read_text};
use modiste_train::Config;

use crate::{SearchError, Shard, State};

/// A results folder, one shard of which is this process's.
pub struct Place {
    out: PathBuf,
    /// Held as long as the process works on a shard.
    _shard: Option<File>,
}

impl Place {
    /// The folder `out`, made if it is not there, for `shard` of its trials.
    ///
    /// # Errors
    /// If it cannot be written, or another process is at this shard.
    pub fn open(out: &Path, shard: Shard) -> Result<Self, SearchError> {
        std::fs::create_dir_all(out).map_err(|e| FileError::io(out, "create", e))?;
        let path = out.join(shard.lock_file());
        let lock = append(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { out: out.to_owned(), _shard: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                let problem = format!("is in use: another process works on its shard {shard}");
                Err(SearchError::place(out.display().to_string(), problem))
            }
            Err(TryLockError::Error(error)) => Err(FileError::io(&path, "lock", error).into()),
        }
    }

    /// The folder `out`, for a process that works on no shard of it.
    pub fn at(out: &Path) -> Self {
        Self { out: out.to_owned(), _shard: None }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// The lock that whoever reads and writes what all shards write holds meanwhile; this waits for it.
    ///
    /// # Errors
    /// If the lock's file cannot be made.
    pub fn lock(&self) -> Result<File, SearchError> {
        let path = self.out.join(".lock");
        let file = append(&path)?;
        file.lock().map_err(|e| FileError::io(&path, "lock", e))?;
        Ok(file)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// As [`atomic_write`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), SearchError> {
        Ok(atomic_write(&self.out.join(name), text.as_bytes())?)
    }
}

/// Whether `folder` is of the runs that `base` stands for, as its file `name` says; `false` if it is of
/// none yet. `what` is such a folder's kind.
///
/// # Errors
/// If it is of others, or the file is broken.
pub fn is_of(folder: &Path, name: &str, base: &Config, what: &str) -> Result<bool, SearchError> {
    let Some([field, there, here]) = difference(folder, name, base)? else {
        return Ok(folder.join(name).exists());
    };
    let problem = format!(
        "belongs to another {what}: {field} is {there} there and {here} here; choose another folder \
         with --out"
    );
    Err(SearchError::place(folder.display().to_string(), problem))
}

/// The first field in which the configuration in the file `name` of `folder` is not `config`, its value
/// there and here; `None` also where there is no such file.
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
    Ok(State::difference(&there, config))
}

/// The text of a file that may not be there.
///
/// # Errors
/// If it is there and cannot be read.
pub fn read_if_there(path: &Path) -> Result<Option<String>, SearchError> {
    match read_text(path, MAX_TEXT) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
