//! A thread's scratch memory.

use modiste_kernels::memory::{Memory, Prefetch};

/// A thread's scratch memory, sized once for the largest step.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Tiles of an input in the frequencies, or rows of patches.
    pub tiles: Memory,
    /// Tiles of an output in the frequencies, or a second set of rows.
    pub products: Memory,
    /// Gradient of a filter in the frequencies.
    pub filter: Memory,
    /// Columns of a tile row between the two directions of a transform.
    pub columns: Memory,
    /// Gradient of one image's raw output.
    pub raw: Memory,
    /// A dropout mask of one image, or sums of lanes.
    pub small: Memory,
    /// Memory that the next images will read and write, to be prefetched.
    pub ahead: Prefetch,
}

/// Sizes of the parts of a [`Scratch`], in values.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sizes {
    pub tiles: usize,
    pub products: usize,
    pub filter: usize,
    pub columns: usize,
    pub raw: usize,
    pub small: usize,
}

impl Scratch {
    /// Allocates zeroed memory of these sizes.
    ///
    /// # Errors
    /// If the memory cannot be allocated.
    pub fn new(sizes: Sizes) -> std::io::Result<Self> {
        Ok(Self {
            tiles: Memory::zeroed(sizes.tiles)?,
            products: Memory::zeroed(sizes.products)?,
            filter: Memory::zeroed(sizes.filter)?,
            columns: Memory::zeroed(sizes.columns)?,
            raw: Memory::zeroed(sizes.raw)?,
            small: Memory::zeroed(sizes.small)?,
            ahead: Prefetch::default(),
        })
    }
}
