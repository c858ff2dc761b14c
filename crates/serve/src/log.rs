//! The server's log: one line an event, on stderr.

use std::io::Write;

use crate::text::readable;

/// The longest line, in characters.
const LONGEST: usize = 1000;

/// Writes one line. Nothing stops because nobody reads the log.
pub(crate) fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "modiste: {}", readable(line, LONGEST));
}
