//! What goes to stdout: tables as text, or one JSON object; and to stderr: lines about the work.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use modiste_draw::{plain, unseen};
use serde::Serialize;

/// Whether another rank speaks for this process.
static MUTE: AtomicBool = AtomicBool::new(false);

/// From now on nothing is written if `mute`: another rank writes the same.
pub fn mute(mute: bool) {
    MUTE.store(mute, Ordering::Relaxed);
}

/// Writes `text` to stdout; characters that a terminal would obey are shown instead.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_raw(&shown_lines(text))
}

/// Writes `text`, made by ourselves for other programs, to stdout as it is. A reader that went away
/// (`modiste summary | head`) is no failure.
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

/// `text` with every character shown that a terminal would obey, but for the ends of lines.
fn shown_lines(text: &str) -> Cow<'_, str> {
    match text.contains(|c| c != '\n' && unseen(c)) {
        false => text.into(),
        true => text.split('\n').map(plain).collect::<Vec<_>>().join("\n").into(),
    }
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
    print_json_text(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes JSON, or a part of it, to stdout; characters that a terminal would obey, which JSON has within
/// texts alone, are written as their numbers.
pub fn print_json_text(text: &str) -> anyhow::Result<()> {
    let obeyed = |c: char| c != '\n' && unseen(c);
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
