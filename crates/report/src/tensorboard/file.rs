//! The name of an event file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::ReportError;

const PREFIX: &str = "events.out.tfevents.";

/// Creates an event file `events.out.tfevents.<seconds>.<host>.modiste` in `folder`.
///
/// Readers read the files of a run in the order of their names and never go back to an earlier one,
/// so the seconds are raised above those of all existing files, in case the clock went back or two
/// files are created in one second.
pub(super) fn create(folder: &Path, wall_time: f64) -> Result<(File, PathBuf), ReportError> {
    let failed = |path: &Path, action| {
        let path = path.to_path_buf();
        move |source: io::Error| ReportError::File { path, action, source }
    };
    let mut seconds = wall_time.max(0.0) as u64;
    for entry in fs::read_dir(folder).map_err(failed(folder, "read"))? {
        let name = entry.map_err(failed(folder, "read"))?.file_name();
        if let Some(there) = seconds_of(&name.to_string_lossy()) {
            seconds = seconds.max(there.saturating_add(1));
        }
    }
    // Ten digits, as the official writer does: names then sort like numbers.
    let path = folder.join(format!("{PREFIX}{seconds:010}.{}.modiste", host()));
    let file = OpenOptions::new().append(true).create_new(true).open(&path);
    Ok((file.map_err(failed(&path, "create"))?, path))
}

/// The seconds in the name of an event file.
fn seconds_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

/// The machine's name, reduced to characters for file names.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = name.trim().chars().filter(fits).take(64).collect();
    if name.is_empty() { "localhost".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_in_the_order_of_their_making() {
        let folder = tempfile::tempdir().unwrap();
        let names = [100.9, 100.2, 50.0, 2e9].map(|time| create(folder.path(), time).unwrap().1);
        assert!(names.is_sorted(), "{names:?}");
        let first = names[0].file_name().unwrap().to_str().unwrap();
        assert!(first.starts_with("events.out.tfevents.0000000100."), "{first}");
        assert!(first.ends_with(".modiste"), "{first}");
        assert_eq!(
            names.map(|name| seconds_of(name.file_name()?.to_str()?)).last(),
            Some(&Some(2_000_000_000))
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = create(Path::new("no such folder"), 0.0).unwrap_err().to_string();
        assert!(error.starts_with("no such folder: failed to read: "), "{error}");
    }
}
