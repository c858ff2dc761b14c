//! What goes to stdout: tables as text, or one JSON object.

use std::io::{self, Write};

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

/// Writes `value` to stdout as one line of JSON.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes `value` as JSON if `json`, otherwise as text.
pub fn print_either<T: Serialize + std::fmt::Display>(value: &T, json: bool) -> anyhow::Result<()> {
    if json { print_json(value) } else { print(&value.to_string()) }
}
