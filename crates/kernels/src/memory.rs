//! Large zeroed arrays on huge pages, and an allocator setting for servers.
//!
//! A training step walks over hundreds of megabytes. With pages of 4 KiB, every page is a TLB miss;
//! on pages of 2 MiB the same loops read up to twice as fast (docs/performance.md).

use crate::view::{Map, span};
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// A zero-initialised array of `f32`, for which the system is asked to use huge pages.
#[derive(Default)]
pub struct Memory {
    /// `None` for an empty array.
    map: Option<MmapMut>,
    len: usize,
}

impl Memory {
    /// `len` zeros.
    ///
    /// # Errors
    /// If the memory cannot be allocated.
    pub fn zeroed(len: usize) -> std::io::Result<Self> {
        if len == 0 {
            return Ok(Self { map: None, len });
        }
        let bytes = len.checked_mul(size_of::<f32>());
        // A slice may not be larger than `isize::MAX` bytes.
        let bytes = bytes.filter(|&bytes| isize::try_from(bytes).is_ok());
        let bytes = bytes.ok_or(std::io::ErrorKind::OutOfMemory)?;
        let map = MmapMut::map_anon(bytes)?;
        // If the system has no huge pages, ordinary ones will do.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map: Some(map), len })
    }
}

/// Makes the allocator return every block of 128 KiB or more to the system as soon as it is freed.
///
/// glibc starts that way, but each large block that is freed raises its limit, up to 32 MiB. From then on
/// such blocks come from heaps, one for some threads each, which fragment: a server that decodes
/// pictures of many sizes in many threads grew to five times the memory that it needed
/// (docs/serve.md). Other allocators are left alone.
pub fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const KEEP_AT_MOST: libc::c_int = 128 << 10;
        // SAFETY: `mallopt` takes two integers, and may be called at any time.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, KEEP_AT_MOST) };
    }
}

impl Deref for Memory {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let Some(map) = &self.map else { return &[] };
        // SAFETY: the mapping begins on a page, so it is aligned for f32; it holds `len` of them, no
        // more than `isize::MAX` bytes, and lives as long as `self`; nobody else writes to it; every
        // pattern of bits is an f32.
        unsafe { std::slice::from_raw_parts(map.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [f32] {
        let Some(map) = &mut self.map else { return &mut [] };
        // SAFETY: as above, and the mapping is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(map.as_mut_ptr().cast(), self.len) }
    }
}

/// Maps that will be needed soon, prefetched into the second-level cache part by part between other
/// work, so that memory has the time of a whole image's computation to respond.
///
/// Stores only addresses; prefetching memory that no longer exists does nothing.
#[derive(Default)]
pub struct Prefetch {
    stretches: [(usize, usize); 32],
    count: usize,
}

impl Prefetch {
    /// Removes all maps.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds the map `distance` values after `map`, such as that of a later image; ignored beyond 32
    /// maps.
    pub fn add(&mut self, map: Map<'_>, distance: usize) {
        if map.pixels() == 0 {
            return;
        }
        if let Some(stretch) = self.stretches.get_mut(self.count) {
            let start = map.values.as_ptr().wrapping_add(distance).addr();
            *stretch = (start, span(map.pixels(), map.stride, map.channels) * size_of::<f32>());
            self.count += 1;
        }
    }

    /// Prefetches part `part` of `parts` of every map.
    pub fn fetch(&self, part: usize, parts: usize) {
        for &(start, len) in &self.stretches[..self.count] {
            let lines = len.div_ceil(LINE);
            for line in part * lines / parts..(part + 1) * lines / parts {
                fetch_line(start + line * LINE);
            }
        }
    }
}

/// Bytes per cache line.
const LINE: usize = 64;

fn fetch_line(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that touches no memory for the program, whatever the address; every x86-64 has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(std::ptr::without_provenance(address));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: likewise.
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "miri maps no memory")]
    fn memory_is_zero_and_keeps_what_is_written() {
        let mut memory = Memory::zeroed(3_000_000).unwrap();
        assert!(memory.iter().all(|&v| v == 0.0));
        memory[2_999_999] = 7.0;
        assert_eq!((memory.len(), memory[2_999_999]), (3_000_000, 7.0));
        assert!(Memory::zeroed(0).unwrap().is_empty());
    }

    #[test]
    fn too_much_memory_is_an_error() {
        for len in [usize::MAX / 2, usize::MAX / 4, isize::MAX as usize / 4 + 1] {
            assert!(Memory::zeroed(len).is_err(), "{len}");
        }
    }
}
