//! The lock of a run folder, and which process holds it.

use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::SystemTime;

use modiste_files::{FileError, append, read_text};
use modiste_model::{RunFolder, utc};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The largest text of a lock file, in bytes.
const MAX_BYTES: u64 = 4096;

/// The process that trains in a run folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in UTC by that machine's clock.
    pub since: String,
    /// Its scheduler job, if it runs in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl Holder {
    /// The process that holds the lock of the run in `folder`; `None` if no process does. The host
    /// is empty if the lock file does not name the holder.
    ///
    /// # Errors
    /// If the lock cannot be checked.
    pub fn of(folder: &Path) -> Result<Option<Self>, TrainError> {
        let path = RunFolder::new(folder).lock();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::io(&path, "open", error).into()),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(Self::read(&path))),
            Err(TryLockError::Error(error)) => Err(no_lock(folder, &error)),
        }
    }

    /// This holder, if the lock file names it.
    pub fn known(self) -> Option<Self> {
        (!self.host.is_empty()).then_some(self)
    }

    /// Reads the contents of a lock file.
    fn read(path: &Path) -> Self {
        let text = read_text(path, MAX_BYTES).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn this_process() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
        let job = array.map(|(job, task)| format!("{job}_{task}"));
        let job = job.or_else(|| variable("SLURM_JOB_ID"));
        let since = utc(SystemTime::now());
        Self { host: host_name(), pid: std::process::id(), since, job }
    }
}

/// Written as `pid 12 on hosta, job 5_3, since 2026-11-30T12:00:00Z`.
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, pid, since, job } = self;
        write!(f, "pid {pid} on {host}")?;
        job.iter().try_for_each(|job| write!(f, ", job {job}"))?;
        write!(f, ", since {since}")
    }
}

/// The name of this machine.
pub fn host_name() -> String {
    let file = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = file.ok().or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    match name.trim() {
        "" => "this machine".to_owned(),
        name => name.to_owned(),
    }
}

/// Locks the run in `folder`, and writes the holder to the lock file.
///
/// # Errors
/// If another process holds it, or the file system keeps no locks.
pub(crate) fn lock(folder: &Path) -> Result<File, TrainError> {
    let path = RunFolder::new(folder).lock();
    let mut file = append(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = Holder::read(&path).known();
            let holder = holder.map(|holder| format!(" ({holder})")).unwrap_or_default();
            return Err(TrainError::InUse { folder: folder.display().to_string(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(no_lock(folder, &error)),
    }
    // A second lock must be refused; some shared file systems grant every lock.
    if append(&path)?.try_lock().is_ok() {
        let problem = "its file system keeps no locks: two locks on one file were granted; mount \
                       it with locks, or train elsewhere";
        return Err(TrainError::run(folder, problem));
    }
    let text = serde_json::to_string(&Holder::this_process()).expect("plain data is JSON");
    let written = file.set_len(0).and_then(|()| file.rewind());
    written
        .and_then(|()| file.write_all(text.as_bytes()))
        .map_err(|error| FileError::io(&path, "write", error))?;
    Ok(file)
}

fn no_lock(folder: &Path, error: &std::io::Error) -> TrainError {
    let problem = format!("cannot be locked: {error}; its file system must keep locks");
    TrainError::run(folder, problem)
}
