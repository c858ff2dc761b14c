//! The thread that watches the model's file and reloads the model when it has changed.

use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use crate::models::Problem;
use crate::state::Server;

/// How often the file is checked.
const EVERY: Duration = Duration::from_millis(500);

/// Starts the thread, which ends with the server.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn start(path: PathBuf, server: Weak<Server>) -> std::io::Result<()> {
    let mut watch = Watch::new(path);
    let work = move || {
        loop {
            std::thread::sleep(EVERY);
            let Some(server) = server.upgrade() else { return };
            match watch.look() {
                Some(Change::New) => drop(server.models.reload("the model's file changed")),
                Some(Change::Gone) => server.models.note("the model's file", Problem::Gone),
                None => {}
            }
        }
    };
    std::thread::Builder::new().name("watch".into()).spawn(work)?;
    Ok(())
}

/// Identifies the state of a file. A replaced file has another inode, and a file that was written
/// to has another change time, which cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

/// How the file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It was replaced or written to.
    New,
    /// It does not exist any more.
    Gone,
}

struct Watch {
    path: PathBuf,
    /// The last state that was served or tried.
    known: Option<FileState>,
    /// A change seen once. It counts when it is seen twice, because until then the file may still
    /// be being written.
    changed: Option<Option<FileState>>,
}

impl Watch {
    fn new(path: PathBuf) -> Self {
        let known = look(&path);
        Self { path, known, changed: None }
    }

    /// Checks the file once.
    fn look(&mut self) -> Option<Change> {
        let now = look(&self.path);
        if now == self.known {
            self.changed = None;
            return None;
        }
        if self.changed.replace(now) != Some(now) {
            return None;
        }
        self.changed = None;
        self.known = now;
        Some(if now.is_some() { Change::New } else { Change::Gone })
    }
}

fn look(path: &Path) -> Option<FileState> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    Some(FileState {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        #[cfg(unix)]
        identity,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{File, rename, write};

    use super::*;

    #[test]
    fn a_file_of_equal_length_and_time_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| folder.path().join(name));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let age = |path: &Path| File::options().write(true).open(path).unwrap().set_modified(time);
        write(&path, "one").unwrap();
        age(&path).unwrap();
        let mut watch = Watch::new(path.clone());
        assert_eq!([watch.look(), watch.look()], [None, None]);
        write(&other, "two").unwrap();
        age(&other).unwrap();
        rename(&other, &path).unwrap();
        assert_eq!([watch.look(), watch.look(), watch.look()], [None, Some(Change::New), None]);
        std::thread::sleep(Duration::from_millis(20));
        write(&path, "six").unwrap();
        age(&path).unwrap();
        assert_eq!([watch.look(), watch.look()], [None, Some(Change::New)]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!([watch.look(), watch.look(), watch.look()], [None, Some(Change::Gone), None]);
    }
}
