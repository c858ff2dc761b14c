//! The vector operations that kernels use.
//!
//! A kernel is written once, generic over [`Simd`], and compiled for every instruction set by
//! [`crate::isa::Isa::run`]. A value of a `Simd` type proves that its instructions are available;
//! it cannot be created outside this crate.

/// Vector registers of `f32` and their operations.
///
/// # Safety
/// The methods may use instructions that a host lacks; a value must only be created where they exist.
pub unsafe trait Simd: Copy {
    /// One register.
    type V: Copy;
    /// Values in a register; divides [`crate::LANES`].
    const WIDTH: usize;
    /// The most rows of accumulators in a block of the matrix product that fit into the register
    /// file, by number of registers per row, from 1 on.
    const GEMM_ROWS: &'static [usize];

    /// A register with all values equal to `x`.
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
    /// The larger of each pair; NaN where `b` is NaN. Where only `a` is NaN, instruction sets
    /// differ, so `a` must be a limit.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// v where it is larger than `than` or NaN, else `than`.
    fn larger(self, v: Self::V, than: Self::V) -> Self::V;
    /// v where a equals b, else 0; and v where they differ, else 0.
    fn split(self, a: Self::V, b: Self::V, v: Self::V) -> (Self::V, Self::V);
    /// Prefetches the line at an address, which may be invalid, into the second-level cache.
    fn prefetch(self, _p: *const f32) {}
    /// v where x > floor, else 0
    fn above(self, x: Self::V, floor: Self::V, v: Self::V) -> Self::V;
}
