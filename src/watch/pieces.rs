//! Progress of a classical baseline on stderr: a bar on a terminal, occasional lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use modiste_baselines::Progress;

use crate::output;

/// Time between lines if there is no terminal.
const SILENCE: Duration = Duration::from_secs(30);

/// Shows how many parts of the work are done.
pub struct Pieces {
    bar: Option<ProgressBar>,
    /// When a line was last written; `None` when quiet.
    said: Option<Instant>,
}

impl Pieces {
    /// Shows progress on stderr unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(super::progress::bar);
        Self { bar, said: (!quiet).then(Instant::now) }
    }

    /// Shows the current progress.
    pub fn show(&mut self, progress: Progress) {
        let Progress { what, done, of } = progress;
        if let Some(bar) = &self.bar {
            bar.set_prefix(what);
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        } else if self.said.is_some_and(|said| said.elapsed() >= SILENCE) {
            output::note(&format!("{what} {done}/{of}"));
            self.said = Some(Instant::now());
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
