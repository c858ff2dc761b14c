//! Dropout masks: Philox4x32-10 for many counters at once.
//!
//! The rule is that of `modiste_spec::random::dropout_keeps`; tests check that they agree.

use crate::isa::vectorised;

/// Counters computed side by side.
const SIDE: usize = 16;
/// Elements of a mask that one counter decides.
pub const PER_COUNTER: usize = 8;

/// Key, upper counter words and threshold of one dropout node at one step.
#[derive(Clone, Copy, Debug)]
pub struct MaskKey {
    /// The generator's key.
    pub key: [u32; 2],
    /// Its counter words 1 to 3.
    pub tail: [u32; 3],
    /// Elements whose 16 bits are below this are dropped.
    pub threshold: u32,
    /// The value of kept elements, 1 / (1 - rate).
    pub kept: f32,
}

vectorised! {
    /// Fills `mask` with 0 or `kept` for elements `first` .. of the node's output; `first` is a
    /// multiple of [`PER_COUNTER`].
    pub fn fill(key: MaskKey, first: usize, mask: &mut [f32]) {
        assert!(first.is_multiple_of(PER_COUNTER), "a mask from element {first} on");
        let end = first.checked_add(mask.len()).map(|end| end.div_ceil(PER_COUNTER) as u64);
        assert!(end.is_some_and(|end| end <= 1 << 32), "a mask beyond the last counter");
        let mut counter = (first / PER_COUNTER) as u32;
        for chunk in mask.chunks_mut(SIDE * PER_COUNTER) {
            let words = philox(key, counter);
            counter = counter.wrapping_add(SIDE as u32);
            let mut values = [0.0; SIDE * PER_COUNTER];
            for lane in 0..SIDE {
                for half in 0..PER_COUNTER {
                    let bits = (words[half / 2][lane] >> (16 * (half as u32 & 1))) & 0xFFFF;
                    let keep = bits >= key.threshold;
                    values[lane * PER_COUNTER + half] = if keep { key.kept } else { 0.0 };
                }
            }
            chunk.copy_from_slice(&values[..chunk.len()]);
        }
    }
}

/// The blocks of `SIDE` counters from `counter` on, word by word.
#[inline(always)]
fn philox(key: MaskKey, counter: u32) -> [[u32; SIDE]; 4] {
    let mut c = [[0; SIDE], [key.tail[0]; SIDE], [key.tail[1]; SIDE], [key.tail[2]; SIDE]];
    for lane in 0..SIDE {
        c[0][lane] = counter.wrapping_add(lane as u32);
    }
    let mut k = key.key;
    for round in 0..10 {
        if round > 0 {
            k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
        }
        for lane in 0..SIDE {
            let a = u64::from(c[0][lane]) * 0xD251_1F53;
            let b = u64::from(c[2][lane]) * 0xCD9E_8D57;
            c[0][lane] = (b >> 32) as u32 ^ c[1][lane] ^ k[0];
            c[1][lane] = b as u32;
            c[2][lane] = (a >> 32) as u32 ^ c[3][lane] ^ k[1];
            c[3][lane] = a as u32;
        }
    }
    c
}
