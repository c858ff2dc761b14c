//! Observers of a run: progress on the terminal, TensorBoard's event file, warnings.

mod board;
mod events;
mod pieces;
mod progress;
mod warned;

pub use board::{Board, TrialState};
pub use events::Events;
pub use pieces::Pieces;
pub use progress::{Progress, duration};
pub use warned::Warned;
