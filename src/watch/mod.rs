//! Those who watch a run: the progress on the terminal, and TensorBoard's event file.

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
