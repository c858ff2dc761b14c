//! Input files must be regular files within a size limit; anything else is refused at once, in one line.

use std::path::Path;

use modiste_files::{open, read, read_text};

fn refusal(path: &Path) -> String {
    let text = read(path, 100).unwrap_err().to_string();
    assert_eq!(open(path).unwrap_err().to_string(), text);
    assert!(text.starts_with(&*path.to_string_lossy()) && !text.contains('\n'), "{text}");
    text
}

#[test]
fn files_within_the_limit_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert_eq!(read_text(&path, u64::MAX).unwrap(), "12345");
    let text = read(&path, 4).unwrap_err().to_string();
    assert!(text.ends_with("file: has 5 bytes, more than the limit of 4"), "{text}");
    std::fs::write(&path, [0xff]).unwrap();
    let text = read_text(&path, 5).unwrap_err().to_string();
    assert!(text.ends_with("file: is not UTF-8 text"), "{text}");
}

#[test]
fn folders_and_missing_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(folder.path()).ends_with(": is a folder, not a file"));
    let missing = folder.path().join("missing");
    assert!(refusal(&missing).contains(": failed to read: No such file"));
    assert!(open(&missing).unwrap_err().is_not_found());
}

/// Files such as `/proc/self/mem` announce a length of zero and hold many bytes.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_has_more_than_it_announces_is_refused() {
    let maps = Path::new("/proc/self/maps");
    assert!(read(maps, 100).unwrap_err().to_string().contains("more than the limit of 100"));
}

#[cfg(unix)]
#[test]
fn pipes_devices_sockets_and_loops_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [pipe, socket, link] = ["pipe", "socket", "loop"].map(|name| folder.path().join(name));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refusal(&pipe).ends_with(": is a named pipe, not a file"));
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(refusal(&socket).ends_with(": is a socket, not a file"));
    assert!(refusal(Path::new("/dev/zero")).ends_with(": is a device, not a file"));
    std::os::unix::fs::symlink(&link, &link).unwrap();
    assert!(refusal(&link).contains(": failed to read: "));
}
