//! Output: tables as text or one JSON object on stdout, and messages on stderr.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use modiste_draw::{is_control, plain};
use serde::Serialize;

/// Whether another rank prints for this process.
static MUTE: AtomicBool = AtomicBool::new(false);

/// If `mute`, nothing is printed from now on, because another rank prints the same.
pub fn mute(mute: bool) {
    MUTE.store(mute, Ordering::Relaxed);
}

/// Writes `text` to stdout, with control characters escaped.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_raw(&shown_lines(text))
}

/// Writes `text`, generated for other programs, to stdout unchanged. A closed pipe
/// (`modiste summary | head`) is not a failure.
pub fn print_raw(text: &str) -> anyhow::Result<()> {
    if MUTE.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output: failed to write"),
    }
}

/// Writes a line to stderr. Errors are ignored: work continues if the reader of stderr is gone.
pub fn note(line: &str) {
    if !MUTE.load(Ordering::Relaxed) {
        let _ = writeln!(io::stderr(), "{}", shown_lines(line));
    }
}

/// `text` with all control characters escaped, except line ends.
fn shown_lines(text: &str) -> Cow<'_, str> {
    match text.contains(|c| c != '\n' && is_control(c)) {
        false => text.into(),
        true => text.split('\n').map(plain).collect::<Vec<_>>().join("\n").into(),
    }
}

/// Serialises a path as it is displayed, because JSON can hold only Unicode.
pub fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Serialises paths, each like [`shown`].
pub fn all_shown<S: serde::Serializer>(
    paths: &[PathBuf],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// Writes `value` to stdout as one line of JSON.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_json_text(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes JSON, or a part of it, to stdout. Control characters, which occur only within strings, are
/// written as escapes.
pub fn print_json_text(text: &str) -> anyhow::Result<()> {
    let obeyed = |c: char| c != '\n' && is_control(c);
    if !text.contains(obeyed) {
        return print_raw(text);
    }
    let shown = |c: char| match obeyed(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    print_raw(&text.chars().map(shown).collect::<String>())
}

/// Writes `value` as JSON if `json`, otherwise as text.
pub fn print_either<T: Serialize + std::fmt::Display>(value: &T, json: bool) -> anyhow::Result<()> {
    if json { print_json(value) } else { print(&value.to_string()) }
}
