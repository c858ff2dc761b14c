//! AVX2 with FMA, and AVX-512.

use crate::simd::Simd;
use std::arch::x86_64::*;

/// Sixteen values per register, 32 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The host must have AVX-512 F, DQ, VL and BW.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: a value is only made where the instructions exist.
unsafe impl Simd for Avx512 {
    type V = __m512;
    const WIDTH: usize = 16;
    const GEMM_ROWS: &'static [usize] = &[14, 12, 8, 6];

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn larger(self, v: __m512, than: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // Of equal values and where one is not a number, the maximum is the second operand.
            let larger = _mm512_max_ps(v, than);
            _mm512_mask_mov_ps(larger, _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v), v)
        }
    }
    #[inline(always)]
    fn split(self, a: __m512, b: __m512, v: __m512) -> (__m512, __m512) {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let equal = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
            (_mm512_maskz_mov_ps(equal, v), _mm512_maskz_mov_ps(!equal, v))
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch of any address does nothing but that.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    fn above(self, x: __m512, floor: __m512, v: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, floor), v) }
    }
}

/// Eight values per register, 16 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The host must have AVX2 and FMA.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: a value is only made where the instructions exist.
unsafe impl Simd for Avx2 {
    type V = __m256;
    const WIDTH: usize = 8;
    const GEMM_ROWS: &'static [usize] = &[10, 6, 4];

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: as above; the caller vouches for the memory.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch of any address does nothing but that.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    fn larger(self, v: __m256, than: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // Of equal values and where one is not a number, the maximum is the second operand.
            let larger = _mm256_max_ps(v, than);
            _mm256_blendv_ps(larger, v, _mm256_cmp_ps::<_CMP_UNORD_Q>(v, v))
        }
    }
    #[inline(always)]
    fn split(self, a: __m256, b: __m256, v: __m256) -> (__m256, __m256) {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let equal = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
            (_mm256_and_ps(equal, v), _mm256_andnot_ps(equal, v))
        }
    }
    #[inline(always)]
    fn above(self, x: __m256, floor: __m256, v: __m256) -> __m256 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, floor), v) }
    }
}
