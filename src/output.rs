//! What goes to stdout: tables as text, or one JSON object; and to stderr: lines about the work.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

/// Writes `text` to stdout. A reader that went away (`modiste summary | head`) is no failure.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output: failed to write"),
    }
}

/// Writes a line to stderr. Nobody may be reading any more, which no work ends for.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A path as JSON has it, which holds no other than Unicode: as it is shown.
pub fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Some paths, each as [`shown`].
pub fn all_shown<S: serde::Serializer>(
    paths: &[PathBuf],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// Writes `value` to stdout as one line of JSON.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes `value` as JSON if `json`, otherwise as text.
pub fn print_either<T: Serialize + std::fmt::Display>(value: &T, json: bool) -> anyhow::Result<()> {
    if json { print_json(value) } else { print(&value.to_string()) }
}
