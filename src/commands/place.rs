//! A results folder that several processes may share: who works on which part of it, and files that
//! all of them write.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use modiste_files::{MAX_TEXT, append, atomic_write, read_text};
use modiste_search::{Shard, State};
use modiste_train::Config;

use crate::failure::Failure;

/// A results folder, one shard of which is this process's.
pub struct Place {
    out: PathBuf,
    /// Held as long as the process works on the shard.
    _shard: File,
}

impl Place {
    /// The folder `out`, made if it is not there, for `shard` of its trials.
    ///
    /// # Errors
    /// If it cannot be written, or another process is at this shard.
    pub fn open(out: &Path, shard: Shard) -> Result<Self, Failure> {
        std::fs::create_dir_all(out)
            .with_context(|| format!("{}: failed to create", out.display()))?;
        let path = out.join(shard.lock_file());
        let lock = append(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { out: out.to_owned(), _shard: lock }),
            Err(TryLockError::WouldBlock) => {
                let out = out.display();
                Err(anyhow!("{out}: is in use: another process works on its shard {shard}").into())
            }
            Err(TryLockError::Error(error)) => {
                Err(anyhow!(error).context(format!("{}: failed to lock", path.display())).into())
            }
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// The lock that whoever reads and writes what all shards write holds meanwhile; this waits for it.
    pub fn lock(&self) -> anyhow::Result<File> {
        let path = self.out.join(".lock");
        let file = append(&path)?;
        file.lock().with_context(|| format!("{}: failed to lock", path.display()))?;
        Ok(file)
    }

    /// Writes a file, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(atomic_write(&self.out.join(name), text.as_bytes())?)
    }
}

/// Whether `folder` is of the runs that `base` stands for, as its file `name` says; `false` if it is of
/// none yet. `what` is such a folder's kind.
///
/// # Errors
/// If it is of others, or the file is broken.
pub fn is_of(folder: &Path, name: &str, base: &Config, what: &str) -> Result<bool, Failure> {
    let Some([field, there, here]) = difference(folder, name, base)? else {
        return Ok(folder.join(name).exists());
    };
    let folder = folder.display();
    Err(anyhow!(
        "{folder}: belongs to another {what}: {field} is {there} there and {here} here; choose another \
         folder with --out"
    )
    .into())
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
) -> Result<Option<[String; 3]>, Failure> {
    let path = folder.join(name);
    let Some(text) = read_if_there(&path)? else { return Ok(None) };
    let there = Config::parse(&text, &path.display().to_string())?;
    Ok(State::difference(&there, config))
}

/// The text of a file that may not be there.
pub fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match read_text(path, MAX_TEXT) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
