//! Output files are replaced as a whole or not at all, whatever other processes write and the folder holds.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use modiste_files::{AtomicFile, atomic_write, read, remove_leftovers};

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
    assert_eq!(read(&path, 5).unwrap(), b"short");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_write_that_ends_halfway_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    atomic_write(&path, b"old").unwrap();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"new, but not who").unwrap();
    drop(file);
    assert_eq!(read(&path, 5).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn two_writers_of_one_file_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let [mut one, mut two] = [(), ()].map(|()| AtomicFile::create(&path).unwrap());
    for _ in 0..10_000 {
        one.write_all(b"one\n").unwrap();
        two.write_all(b"two\n").unwrap();
    }
    one.finish().unwrap();
    two.finish().unwrap();
    assert!(read(&path, 40_000).unwrap() == b"two\n".repeat(10_000));
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_planted_link_is_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let [path, victim] = ["p.csv", "victim"].map(|name| folder.path().join(name));
    std::fs::write(&victim, "mine").unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join(".p.csv.tmp")).unwrap();
    atomic_write(&path, b"new").unwrap();
    assert_eq!(read(&victim, 9).unwrap(), b"mine");
    assert_eq!(names(folder.path()), [".p.csv.tmp", "p.csv", "victim"]);
}

#[cfg(unix)]
#[test]
fn the_old_files_permissions_are_kept_and_new_files_obey_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let [plain, path] = ["plain", "file"].map(|name| folder.path().join(name));
    std::fs::write(&plain, "as other programs make it").unwrap();
    atomic_write(&path, b"new").unwrap();
    assert_eq!(mode(&path), mode(&plain));
    for kept in [0o600, 0o640, 0o755] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(kept)).unwrap();
        atomic_write(&path, b"newer").unwrap();
        assert_eq!(mode(&path), kept);
    }
}

#[cfg(unix)]
#[test]
fn links_stay_and_special_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [path, link] = ["file", "link"].map(|name| folder.path().join(name));
    atomic_write(&path, b"old").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    atomic_write(&link, b"new").unwrap();
    assert_eq!(read(&path, 3).unwrap(), b"new");
    assert!(link.is_symlink());
    for other in [folder.path(), Path::new("/dev/null")] {
        let text = atomic_write(other, b"new").unwrap_err().to_string();
        assert!(text.ends_with("is not a file that can be replaced"), "{text}");
    }
    assert_eq!(names(folder.path()), ["file", "link"]);
}

#[test]
fn only_leftovers_of_the_same_file_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".a.12345678.tmp", ".a.1234567.tmp", ".ab.12345678.tmp", "a", ".a.12345678.csv"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    remove_leftovers(&folder.path().join("a"));
    assert_eq!(
        names(folder.path()),
        [".a.1234567.tmp", ".a.12345678.csv", ".ab.12345678.tmp", "a"]
    );
}
