//! SIMD loops over slices, and the thread pool: modiste's only unsafe code.
//!
//! Nothing here knows about networks. Each kernel is one file: an `ensure` that asserts its limits,
//! and a loop that is generic over [`simd::Simd`] or a plain loop that the compiler vectorises,
//! compiled for every instruction set by [`isa::Isa`].

mod arch;
pub mod bytes;
pub mod elementwise;
pub mod gemm;
pub mod isa;
pub mod mask;
pub mod memory;
pub mod norm;
pub mod optimizer;
pub mod orthogonal;
pub mod patches;
pub mod pool;
pub mod pooling;
pub mod simd;
pub mod stem;
pub mod view;
pub mod winograd;

/// Channels of feature maps and columns of matrices come in multiples of this, the width of the
/// widest register (AVX-512) in `f32`.
pub const LANES: usize = 16;

/// The smallest multiple of [`LANES`] that is at least `n`.
pub const fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}
