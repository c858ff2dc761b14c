//! Files of a source that are not used: unrelated files, broken pictures, rows without a picture.

use std::fmt;

use crate::DataError;

/// Number of files named in a message.
const NAMED: usize = 3;

/// One file that was not used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    /// The file, relative to the folder or archive that was loaded.
    pub file: String,
    /// The reason, in lower case.
    pub reason: String,
}

/// Formatted as in `cat/7.png: is empty`.
impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

/// All files that were not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(pub(crate) Vec<PassedOver>);

impl Skipped {
    /// Adds a file.
    pub(crate) fn add(&mut self, file: impl Into<String>, reason: impl Into<String>) {
        let (file, reason) = (file.into(), reason.into());
        self.0.push(PassedOver { file, reason });
    }

    /// All files, in order.
    pub fn all(&self) -> &[PassedOver] {
        &self.0
    }

    /// One line with the number of files and the first ones; `None` if every file was used.
    pub fn summary(&self) -> Option<String> {
        let count = self.0.len();
        let named: Vec<String> = self.0.iter().take(NAMED).map(PassedOver::to_string).collect();
        let more = if count > NAMED { ", ..." } else { "" };
        let files = if count == 1 { "file was" } else { "files were" };
        (count > 0).then(|| format!("{count} {files} passed over ({}{more})", named.join("; ")))
    }

    /// The list as text, one line per file.
    pub fn list(&self) -> String {
        self.0.iter().map(|file| format!("{file}\n")).collect()
    }

    /// Fails if a file was passed over.
    pub(crate) fn refuse(&self, source: &str) -> Result<(), DataError> {
        match self.summary() {
            Some(summary) => {
                Err(DataError::file(source, format!("{summary}; --strict allows none")))
            }
            None => Ok(()),
        }
    }
}
