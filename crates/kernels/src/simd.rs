//! The vector operations that kernels are written in.
//!
//! A kernel is written once, generic over [`Simd`], and compiled for every instruction set by
//! [`crate::isa::Isa::run`]. A value of a `Simd` type proves that its instructions are there: outside
//! this crate nobody can make one.

/// Vector registers of `f32` and what kernels do with them.
///
/// # Safety
/// The methods may use instructions that a host lacks; a value must only be made where they exist.
pub unsafe trait Simd: Copy {
    /// One register.
    type V: Copy;
    /// Values in a register; divides [`crate::LANES`].
    const WIDTH: usize;
    /// The largest blocks of accumulators (rows, registers a row) of the matrix product that fit the
    /// register file, by registers a row, from 1 on.
    const GEMM_ROWS: &'static [usize];

    /// All values `x`.
    fn splat(self, x: f32) -> Self::V;
    /// # Safety
    /// `WIDTH` values must be readable.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// # Safety
    /// `WIDTH` values must be writable.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// a + b
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a - b
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a * b
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a * b + c, rounded once where the host has the instruction
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of each pair; not a number where `b` is not. Where `a` alone is not, instruction
    /// sets differ, so `a` is to be a limit.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// v where it is larger than `than` or not a number, else `than`.
    fn larger(self, v: Self::V, than: Self::V) -> Self::V;
    /// v where a equals b, else 0; and the other way round.
    fn split(self, a: Self::V, b: Self::V, v: Self::V) -> (Self::V, Self::V);
    /// Asks for the line at an address, which may be any, in the second-level cache.
    fn prefetch(self, _p: *const f32) {}
    /// v where x > floor, else 0
    fn above(self, x: Self::V, floor: Self::V, v: Self::V) -> Self::V;
}
