//! Reading: only regular files, and never more than a limit.
//!
//! A named pipe or a terminal would block for ever, `/dev/zero` never ends, and opening some devices has
//! side effects. So the type is checked before the file is opened and again on the open file, in case it
//! was replaced in between; opening never waits.

use std::fs::{File, FileType, OpenOptions};
use std::io::Read;
use std::path::Path;

use crate::FileError;

/// Limit for text files written by people or by this project, such as configurations: 64 MiB.
pub const MAX_TEXT: u64 = 1 << 26;

/// Opens a regular file, following links.
///
/// # Errors
/// If it cannot be opened or is not a file but a folder, named pipe, device or socket.
pub fn open(path: &Path) -> Result<File, FileError> {
    let fail = |error| FileError::io(path, "read", error);
    ensure_regular(path, std::fs::metadata(path).map_err(fail)?.file_type())?;
    open_regular(path, OpenOptions::new().read(true), "read")
}

/// Opens what should be a regular file, without waiting for the other end if it is a pipe.
pub(crate) fn open_regular(
    path: &Path,
    options: &mut OpenOptions,
    action: &'static str,
) -> Result<File, FileError> {
    let fail = |error| FileError::io(path, action, error);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(fail)?;
    ensure_regular(path, file.metadata().map_err(fail)?.file_type())?;
    Ok(file)
}

pub(crate) fn ensure_regular(path: &Path, kind: FileType) -> Result<(), FileError> {
    match kind.is_file() {
        true => Ok(()),
        false => Err(FileError::refused(path, format!("is {}, not a file", name_of(kind)))),
    }
}

#[cfg(unix)]
fn name_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "a device" }
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], or if it is larger than `limit` or than memory.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let fail = |error| FileError::io(path, "read", error);
    let file = open(path)?;
    let length = file.metadata().map_err(fail)?.len();
    let too_large = |length: u64| {
        let problem = format!("has {length} bytes, more than the limit of {limit}");
        Err(FileError::refused(path, problem))
    };
    if length > limit {
        return too_large(length);
    }
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX)).is_err() {
        let problem = format!("has {length} bytes, more than there is memory for");
        return Err(FileError::refused(path, problem));
    }
    // The file may grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    match bytes.len() as u64 {
        read if read > limit => too_large(read),
        _ => Ok(bytes),
    }
}

/// Reads the text of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], or if it isn't UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, limit)?).map_err(|_| FileError::refused(path, "is not UTF-8 text"))
}
