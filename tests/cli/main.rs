//! Tests of the real binary in temporary folders, as a user runs it.

mod bad_input;
mod baseline;
mod bench;
mod check;
mod diagram;
mod evaluate;
mod explain;
mod export;
mod files;
mod going_on;
mod grid;
mod hostile;
mod interrupt;
mod outputs;
mod own;
mod predict;
mod readme;
mod report;
mod reproduce;
mod serve;
mod summary;
mod threads;
mod train;
mod usage;
mod util;
mod verify;
