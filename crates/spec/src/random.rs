//! Random numbers without state: each is a function of (seed, purpose, item, time, index).
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
//! 1, 2, 3", SC 2011). Because a number depends only on its position, every engine draws the same
//! dropout masks, any number of threads draws the same bits, and a resumed run needs no saved
//! generator.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Purpose of a random number; equal indices of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial values of the parameters; the item is the parameter's position in the network.
    Initialisation = 1,
    /// Order of the training images; the time is the epoch.
    Shuffle = 2,
    /// Horizontal flips; the time is the epoch, the index the image.
    Flip = 3,
    /// Dropout masks; the item is the node, the time the training step, the index the element.
    Dropout = 4,
    /// Draws of a split or of folds.
    Split = 5,
    /// Resampling for intervals.
    Bootstrap = 6,
    /// Augmentation other than flips; the time is the epoch, the index the image.
    Augment = 7,
    /// Samples and pixels of a forest's trees; the item is the tree, the time is 0 for its samples and
    /// otherwise a node.
    Forest = 8,
    /// Trials of a search; the item is the trial, the time the attempt at drawing it.
    Search = 9,
}

/// One sequence of random numbers, addressed by index.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 2],
    tail: [u32; 3],
}

impl Stream {
    /// The sequence of `seed` for `purpose`, further distinguished by `item` (below 2^24: a node, a
    /// parameter) and `time` (an epoch or a step).
    pub fn new(seed: u64, purpose: Purpose, item: u32, time: u64) -> Self {
        assert!(item < 1 << 24, "item {item} of a random stream is over 24 bits");
        let tail = [(purpose as u32) << 24 | item, time as u32, (time >> 32) as u32];
        Self { key: [seed as u32, (seed >> 32) as u32], tail }
    }

    /// Key and upper three counter words, for kernels that compute many blocks at once.
    pub fn words(&self) -> ([u32; 2], [u32; 3]) {
        (self.key, self.tail)
    }

    /// The block of four random words at `counter`.
    pub fn block(&self, counter: u32) -> [u32; 4] {
        philox([counter, self.tail[0], self.tail[1], self.tail[2]], self.key)
    }

    /// The 32 random bits at `index` (below 2^34).
    pub fn bits(&self, index: u64) -> u32 {
        let counter = u32::try_from(index >> 2).expect("index of a random stream under 2^34");
        self.block(counter)[(index & 3) as usize]
    }

    /// A number in [0, 1) with 32 random bits.
    pub fn unit(&self, index: u64) -> f64 {
        f64::from(self.bits(index)) / 4_294_967_296.0
    }

    /// A whole number in 0 .. `bound`; the bias is below `bound` / 2^32.
    pub fn below(&self, index: u64, bound: u32) -> u32 {
        ((u64::from(self.bits(index)) * u64::from(bound)) >> 32) as u32
    }

    /// A random order of 0 .. `n` (Fisher-Yates).
    pub fn permutation(&self, n: usize) -> Vec<u32> {
        let n = u32::try_from(n).expect("a permutation of under 2^32 elements");
        let mut order: Vec<u32> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i as usize, self.below(u64::from(i), i + 1) as usize);
        }
        order
    }
}

/// Ten rounds of Philox4x32.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let [a, b] = [0, 1].map(|i| u64::from(MULTIPLIERS[i]) * u64::from(counter[2 * i]));
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

/// The threshold of the dropout mask: element `index` is dropped if its 16 random bits are below it.
///
/// So the rate is rounded to a multiple of 2^-16.
pub fn dropout_threshold(rate: f64) -> u32 {
    (rate * 65_536.0).round() as u32
}

/// Whether element `index` of a dropout node's output is kept; 8 elements share a block.
pub fn dropout_keeps(stream: &Stream, index: u64, threshold: u32) -> bool {
    let counter = u32::try_from(index >> 3).expect("under 2^35 elements in a dropout mask");
    let word = stream.block(counter)[((index & 7) >> 1) as usize];
    (word >> (16 * (index & 1))) & 0xFFFF >= threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of the authors' library Random123 for philox4x32-10.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut order = Stream::new(7, Purpose::Shuffle, 0, 3).permutation(1000);
        assert_ne!(order[..5], [0, 1, 2, 3, 4]);
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(i, &v)| i == v as usize));
    }

    #[test]
    fn dropout_keeps_the_rate() {
        let stream = Stream::new(1, Purpose::Dropout, 5, 9);
        let threshold = dropout_threshold(0.3);
        let kept = (0..100_000).filter(|&i| dropout_keeps(&stream, i, threshold)).count();
        assert!((69_400..70_600).contains(&kept), "{kept}");
    }
}
