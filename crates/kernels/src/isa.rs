//! Instruction sets: which ones the host has, and how work is compiled for each of them.
//!
//! [`Isa::run`] runs a kernel with an instruction set. An [`Isa`] can only be created by detection, so
//! having one proves that its instructions may be used.

use crate::arch;
use crate::simd::Simd;

/// Work that is compiled for every instruction set.
pub trait Kernel {
    /// The result of the work.
    type Output;
    /// Does the work; must be `#[inline(always)]`, so that it is compiled with the target features.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set detected on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(IsaKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsaKind {
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
            if avx512::detected() {
                list.push(Isa(IsaKind::Avx512));
            }
            if avx2::detected() {
                list.push(Isa(IsaKind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if neon::detected() {
            list.push(Isa(IsaKind::Neon));
        }
        list.push(Isa(IsaKind::Portable));
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
            IsaKind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            IsaKind::Neon => "neon",
            IsaKind::Portable => "portable",
        }
    }

    /// Runs a kernel with this instruction set.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: an `Isa` of this kind is only made where its features were detected.
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx512 => unsafe { avx512::run(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx2 => unsafe { avx2::run(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            IsaKind::Neon => unsafe { neon::run(kernel) },
            IsaKind::Portable => kernel.run(arch::portable::Portable),
        }
    }
}

/// Defines a module with the detection of an instruction set and its entry point, both from one list of
/// CPU features.
macro_rules! instruction_set {
    ($name:ident, $token:ty, $detected:ident, [$($feature:tt)*]) => {
        mod $name {
            use super::Kernel;

            /// Whether the host has every feature.
            pub(super) fn detected() -> bool {
                $(std::arch::$detected!($feature))&&*
            }

            /// Runs a kernel that is compiled with the features.
            ///
            /// # Safety
            /// The features must have been detected.
            $(#[target_feature(enable = $feature)])*
            pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: the caller vouches for the features.
                kernel.run(unsafe { <$token>::new() })
            }
        }
    };
}

// The parts of AVX-512 that all servers have had since Skylake.
#[cfg(target_arch = "x86_64")]
instruction_set!(avx512, crate::arch::x86_64::Avx512, is_x86_feature_detected,
    ["avx512f" "avx512dq" "avx512vl" "avx512bw" "fma" "avx2"]);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, crate::arch::x86_64::Avx2, is_x86_feature_detected, ["avx2" "fma"]);
#[cfg(target_arch = "aarch64")]
instruction_set!(neon, crate::arch::aarch64::Neon, is_aarch64_feature_detected, ["neon"]);

/// Compiles a plain loop for every instruction set, for the compiler to vectorise.
///
/// `vectorised! { pub fn name(a: &[f32], b: &mut [f32]) { loop } }` makes `name(isa, a, b)`.
macro_rules! vectorised {
    ($(#[$doc:meta])* $visible:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $visible fn $name(isa: $crate::isa::Isa, $($arg: $type),*) {
            // Unlike fields, function arguments are known not to overlap.
            #[inline(always)]
            fn plain($($arg: $type),*) $body

            struct Loop<T>(T);

            impl $crate::isa::Kernel for Loop<($($type,)*)> {
                type Output = ();

                #[inline(always)]
                fn run<S: $crate::simd::Simd>(self, _: S) {
                    let Self(($($arg,)*)) = self;
                    plain($($arg),*);
                }
            }

            isa.run(Loop(($($arg,)*)));
        }
    };
}
pub(crate) use vectorised;
