//! Compares Winograd's transforms and the convolutions that use them with the direct formulas in f64, on
//! every instruction set.

mod biased;
#[path = "../common/mod.rs"]
mod common;
mod convolution;
mod direct;
mod transforms;
