//! NEON.

use crate::simd::Simd;
use std::arch::aarch64::*;

/// Four values per register, 32 registers.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// # Safety
    /// The host must have NEON.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: a value is only made where the instructions exist.
unsafe impl Simd for Neon {
    type V = float32x4_t;
    const WIDTH: usize = 4;
    const GEMM_ROWS: &'static [usize] = &[16, 12, 8, 6];

    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: float32x4_t) {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    fn larger(self, v: float32x4_t, than: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let number = vceqq_f32(v, v);
            vbslq_f32(vorrq_u32(vcgtq_f32(v, than), vmvnq_u32(number)), v, than)
        }
    }
    #[inline(always)]
    fn split(self, a: float32x4_t, b: float32x4_t, v: float32x4_t) -> (float32x4_t, float32x4_t) {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let (equal, v) = (vceqq_f32(a, b), vreinterpretq_u32_f32(v));
            let (own, other) = (vandq_u32(v, equal), vbicq_u32(v, equal));
            (vreinterpretq_f32_u32(own), vreinterpretq_f32_u32(other))
        }
    }
    #[inline(always)]
    fn above(self, x: float32x4_t, floor: float32x4_t, v: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { vreinterpretq_f32_u32(vandq_u32(vcgtq_f32(x, floor), vreinterpretq_u32_f32(v))) }
    }
}
