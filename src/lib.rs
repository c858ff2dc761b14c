//! Trains, explains and exports small image classifiers on a CPU, as a library.
//!
//! This is the front door to the crates behind the binary of the same name, each under its short
//! name. None of them prints, reads arguments or stops the process.
//!
#![doc = include_str!("../docs/library.md")]

pub use modiste_baselines as baselines;
pub use modiste_cpu as cpu;
pub use modiste_data as data;
pub use modiste_draw as draw;
pub use modiste_explain as explain;
pub use modiste_export as export;
pub use modiste_gpu as gpu;
pub use modiste_metrics as metrics;
pub use modiste_model as model;
pub use modiste_paper as paper;
pub use modiste_report as report;
pub use modiste_search as search;
pub use modiste_serve as serve;
pub use modiste_spec as spec;
pub use modiste_train as train;
pub use modiste_views as views;
pub use modiste_writeup as writeup;
