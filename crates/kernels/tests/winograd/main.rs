//! Winograd's transforms and convolution by them, on every instruction set, against the direct
//! formulas in f64.

mod biased;
#[path = "../common/mod.rs"]
mod common;
mod convolution;
mod direct;
mod transforms;
