//! Observers of a run: progress on the terminal, warnings.

mod board;
mod pieces;
mod progress;
mod warned;

pub use board::{Board, TrialState};
pub use pieces::Pieces;
pub use progress::{Progress, duration};
pub use warned::WarningObserver;
