//! The resources of steps: threads, an instruction set, scratch memory, and the division of a batch.

use crate::conv::{self, TRAINING};
use crate::plan::Plan;
use crate::scratch::{Scratch, Sizes};
use modiste_kernels::isa::Isa;
use modiste_kernels::pool::Pool;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Images per shard. Sums over a batch are computed in shards, each by one thread, and added up in
/// order, so results do not depend on the number of threads; threads beyond the number of shards
/// are idle.
///
/// Each shard writes a gradient of all weights, which must be added up, so a shard has eight images
/// unless that gives fewer than eight shards.
const SHARD_IMAGES: usize = 8;
const FEWEST_SHARDS: usize = 8;
/// Largest number of shards of a batch.
pub(crate) const MOST_SHARDS: usize = 32;

/// Threads and their scratch memory.
pub(crate) struct Machine {
    pub isa: Isa,
    pub pool: Pool,
    /// Scratch memory of each thread.
    pub scratch: Vec<Scratch>,
    /// The bias of convolutions without one.
    pub zeros: Vec<f32>,
}

impl Machine {
    /// Starts `threads` threads, with scratch memory for the given plans.
    ///
    /// # Errors
    /// If threads cannot be started or memory cannot be allocated.
    pub fn new(isa: Isa, threads: usize, plans: &[&Plan]) -> std::io::Result<Self> {
        let mut sizes = Sizes::default();
        let mut lanes = 0;
        for plan in plans {
            conv::grow(&mut sizes, plan, TRAINING);
            for step in &plan.steps {
                let (from, to) =
                    (&plan.buffers[step.from.place.buffer], &plan.buffers[step.to.buffer]);
                lanes = lanes.max(to.lanes);
                // A mask of an image begins and ends within a block of eight.
                let small = (to.image() + 16).max(2 * from.lanes).max(2 * to.lanes);
                sizes.small = sizes.small.max(small);
                sizes.raw = sizes.raw.max(to.image());
            }
        }
        let pool = Pool::new(threads)?;
        let scratch = (0..pool.threads()).map(|_| Scratch::new(sizes)).collect::<Result<_, _>>()?;
        Ok(Self { isa, pool, scratch, zeros: vec![0.0; lanes] })
    }
}

/// The division of one batch among ranks and threads.
///
/// Each rank takes a range of the shards. Images are counted from the first of this rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Images of this rank.
    pub images: usize,
    /// Position of the first of them in the whole batch.
    pub first: usize,
    /// Images of the whole batch.
    pub all: usize,
    /// Shards of the whole batch.
    pub shards: usize,
    /// This rank's shards: first and end (exclusive).
    own: (usize, usize),
}

impl Extent {
    /// Divides a batch into shards of whole images; depends only on the number of images.
    pub fn of_shards(images: usize) -> Self {
        Self::of_rank(images, 0, 1)
    }

    /// The share of rank `rank` of `ranks` in a batch of `all` images.
    pub fn of_rank(all: usize, rank: usize, ranks: usize) -> Self {
        let shards = (all / SHARD_IMAGES).clamp(FEWEST_SHARDS, MOST_SHARDS).min(all);
        let own = share(shards, rank, ranks);
        let [first, end] = [own.start, own.end].map(|shard| share(all, shard, shards).start);
        Self { images: end - first, first, all, shards, own: (own.start, own.end) }
    }

    /// The images of one of this rank's shards.
    pub fn images_of(&self, shard: usize) -> std::ops::Range<usize> {
        let of_all = share(self.all, shard, self.shards);
        of_all.start - self.first..of_all.end - self.first
    }

    /// This rank's shards, as a queue for all threads of a step.
    pub fn queue(&self) -> Queue {
        Queue { next: AtomicUsize::new(self.own.0), end: self.own.1 }
    }
}

/// A queue of shards: a thread that is held up takes fewer. A shard's sums do not depend on which
/// thread takes it.
pub(crate) struct Queue {
    next: AtomicUsize,
    end: usize,
}

impl Queue {
    /// The shards that the calling thread takes.
    pub fn shards(&self) -> impl Iterator<Item = usize> + '_ {
        let next = || self.next.fetch_add(1, Ordering::Relaxed);
        std::iter::from_fn(move || Some(next()).filter(|&shard| shard < self.end))
    }
}

/// A thread's or rank's equal share of `count` items.
pub(crate) use modiste_spec::engine::part as share;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_grow_with_the_batch_and_take_every_image_once() {
        for (images, shards) in [(1, 1), (5, 5), (64, 8), (71, 8), (128, 16), (1000, 32)] {
            let extent = Extent::of_shards(images);
            assert_eq!(extent.shards, shards, "{images} images");
            let all: Vec<usize> = (0..shards).flat_map(|s| extent.images_of(s)).collect();
            assert!(all.into_iter().eq(0..images), "{images} images");
        }
    }

    #[test]
    fn ranks_take_every_shard_once() {
        for (images, ranks) in [(1, 3), (5, 2), (64, 3), (71, 4), (1000, 40)] {
            let extents: Vec<_> = (0..ranks).map(|r| Extent::of_rank(images, r, ranks)).collect();
            let shards: Vec<usize> = extents.iter().flat_map(|e| e.own.0..e.own.1).collect();
            assert!(shards.into_iter().eq(0..extents[0].shards), "{images} images, {ranks} ranks");
            let all: Vec<usize> =
                extents.iter().flat_map(|e| e.first..e.first + e.images).collect();
            assert!(all.into_iter().eq(0..images), "{images} images, {ranks} ranks");
            for e in extents {
                let own: Vec<usize> = (e.own.0..e.own.1).flat_map(|s| e.images_of(s)).collect();
                assert!(own.into_iter().eq(0..e.images), "{images} images, {ranks} ranks");
            }
        }
    }
}
