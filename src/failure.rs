//! Failures of commands, reported as one line on stderr and an exit status.

use std::process::ExitCode;

use crate::output;

/// Why a command ended without completing its task.
#[derive(Debug)]
pub enum Failure {
    /// The command line is invalid; status 2.
    Usage(String),
    /// The command failed; status 1.
    Failed(anyhow::Error),
    /// The user or the system asked to stop, and all work is saved; status 130. The text says how
    /// to continue.
    Interrupted(String),
    /// Already reported, by this rank or another; the exit status.
    Reported(u8),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Failure {
    /// Prints the line and returns the exit status.
    pub fn report(&self) -> ExitCode {
        if let Some(line) = self.line() {
            output::note(&format!("modiste: {line}"));
        }
        ExitCode::from(self.status())
    }

    /// The failure in one line; `None` if it was reported already.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Usage(text) => Some(format!("{} (try 'modiste help')", shorten(text))),
            Self::Failed(error) => Some(one_line(error)),
            Self::Interrupted(text) => Some(text.clone()),
            Self::Reported(_) => None,
        }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Interrupted(_) => 130,
            Self::Reported(status) => *status,
        }
    }
}

/// The error and its causes, joined by colons. A cause that is already part of the text is not
/// repeated.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    shorten(&line.replace('\n', " "))
}

/// Largest length of a line in characters: longer than any of our errors, shorter than what a file may
/// put into one.
const LONGEST: usize = 4096;

/// The line, truncated if it is too long.
fn shorten(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_reported_once_in_one_line() {
        let cause = std::io::Error::other("the disk\nis gone");
        let told = anyhow::Error::new(cause).context("a.csv: not written");
        assert_eq!(one_line(&told), "a.csv: not written: the disk is gone");
        let cause = std::io::Error::other("the disk is gone");
        let twice = anyhow::Error::new(cause).context("a.csv: the disk is gone");
        assert_eq!(one_line(&twice), "a.csv: the disk is gone");
        let long = one_line(&anyhow::anyhow!("é".repeat(10_000)));
        assert!(long.ends_with("é ...") && long.chars().count() == LONGEST + 4, "{}", long.len());
    }
}
