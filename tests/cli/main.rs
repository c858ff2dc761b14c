//! Tests of the real binary in temporary folders, as a user runs it.

mod summary;
mod usage;
mod util;
