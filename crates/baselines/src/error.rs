//! The crate's error type; each error is one lower-case line.

use modiste_data::PartName;

/// Why a baseline could not be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BaselineError {
    /// A setting outside its range.
    #[error("{setting} = {value}: {reason}")]
    Setting {
        /// The setting, as on the command line.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        reason: String,
    },
    /// A part cannot be learned from or compared with.
    #[error("the {part} part of {data} {problem}")]
    Part {
        /// The part.
        part: PartName,
        /// The data set's name.
        data: String,
        /// The missing part.
        problem: &'static str,
    },
    /// A fit did not converge.
    #[error("{what} did not converge in {steps} steps")]
    NotConverged {
        /// The fit.
        what: String,
        /// Number of steps done.
        steps: usize,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}
