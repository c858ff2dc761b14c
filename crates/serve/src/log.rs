//! The server's log: one line per event, on stderr.

use std::io::Write;

use crate::text::readable;

/// The largest length of a line, in characters.
const LONGEST: usize = 1000;

/// Writes one line; errors are ignored.
pub(crate) fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "modiste: {}", readable(line, LONGEST));
}
