//! Instruction sets: which ones the host has, and the vector operations that kernels are written in.
//!
//! A kernel is written once, generic over [`Simd`], and compiled for every instruction set by
//! [`Isa::run`], the only function that names target features. A value of a `Simd` type proves that
//! its instructions are there: outside this crate nobody can make one.

use crate::arch;

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
    /// Asks for the line at an address, which may be any, in the second-level cache.
    fn prefetch(self, _p: *const f32) {}
    /// v where x > floor, else 0
    fn above(self, x: Self::V, floor: Self::V, v: Self::V) -> Self::V;
}

/// Work that is compiled for every instruction set.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// Does the work; must be `#[inline(always)]`, so that it is compiled with the target features.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that this host was found to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(crate) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// Every instruction set of this host, the fastest first.
    pub fn available() -> Vec<Isa> {
        let mut list = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if arch::x86_64::has_avx512() {
                list.push(Isa(Kind::Avx512));
            }
            if arch::x86_64::has_avx2() {
                list.push(Isa(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        list.push(Isa(Kind::Neon));
        list.push(Isa(Kind::Portable));
        list
    }

    /// The fastest instruction set of this host.
    pub fn best() -> Isa {
        Isa::available()[0]
    }

    /// The instruction set of that name, if this host has it.
    pub fn named(name: &str) -> Option<Isa> {
        Isa::available().into_iter().find(|isa| isa.name() == name)
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    /// Runs a kernel with this instruction set.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: an `Isa` of this kind is only made where the host has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { run_avx2(kernel) },
            // SAFETY: every aarch64 host has NEON.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { run_neon(kernel) },
            Kind::Portable => kernel.run(arch::portable::Portable),
        }
    }
}

/// # Safety
/// The host must have AVX-512 F, DQ, VL and BW.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma,avx2")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions.
    kernel.run(unsafe { arch::x86_64::Avx512::new() })
}

/// # Safety
/// The host must have AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions.
    kernel.run(unsafe { arch::x86_64::Avx2::new() })
}

/// # Safety
/// The host must have NEON.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
unsafe fn run_neon<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions.
    kernel.run(unsafe { arch::aarch64::Neon::new() })
}

/// Compiles a plain loop for every instruction set, for the compiler to vectorise.
///
/// `vectorised! { pub fn name(a: &[f32], b: &mut [f32]) { loop } }` makes `name(isa, a, b)`.
macro_rules! vectorised {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub fn $name(isa: $crate::simd::Isa, $($arg: $type),*) {
            #[inline(always)]
            fn plain($($arg: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma,avx2")]
            fn avx512($($arg: $type),*) {
                plain($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) {
                plain($($arg),*);
            }

            match isa.0 {
                // SAFETY: an `Isa` of this kind is only made where the host has the instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Kind::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Kind::Avx2 => unsafe { avx2($($arg),*) },
                // NEON is part of every aarch64 target, so the plain loop has it.
                #[cfg(target_arch = "aarch64")]
                $crate::simd::Kind::Neon => plain($($arg),*),
                $crate::simd::Kind::Portable => plain($($arg),*),
            }
        }
    };
}
pub(crate) use vectorised;
