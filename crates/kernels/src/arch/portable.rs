//! Plain arrays, which the compiler vectorises as far as its target allows.

use crate::simd::Simd;

/// Eight values at once without naming an instruction.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: uses no special instruction.
unsafe impl Simd for Portable {
    type V = [f32; 8];
    const WIDTH: usize = 8;
    const GEMM_ROWS: &'static [usize] = &[4];

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 8] {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> [f32; 8] {
        // SAFETY: the caller vouches for eight readable values.
        unsafe { p.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: [f32; 8]) {
        // SAFETY: the caller vouches for eight writable values.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(v) }
    }
    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn fma(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn larger(self, v: [f32; 8], than: [f32; 8]) -> [f32; 8] {
        zip(v, than, |v, than| if v > than || v.is_nan() { v } else { than })
    }
    #[inline(always)]
    fn split(self, a: [f32; 8], b: [f32; 8], v: [f32; 8]) -> ([f32; 8], [f32; 8]) {
        let of =
            |wanted| std::array::from_fn(|i| if (a[i] == b[i]) == wanted { v[i] } else { 0.0 });
        (of(true), of(false))
    }
    #[inline(always)]
    fn above(self, x: [f32; 8], floor: [f32; 8], v: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if x[i] > floor[i] { v[i] } else { 0.0 })
    }
}
