//! Copies: pictures with the same bytes, or so similar that one was made from the other.
//!
//! Candidates are pairs whose thumbnails correlate; all pairs are compared, coarsely first. A
//! candidate is a copy if the edges of the whole pictures also correlate.

use std::collections::HashMap;
use std::ops::Range;

use crate::thumbnail::{Thumbnail, edge_correlation};

/// Pictures whose edges correlate by at least this much are near copies. Counted on Fashion-MNIST
/// (docs/data-check.md): of 79 pairs above it, 70 show one garment; of 26 pairs from 0.975 on, 11; of 30
/// from 0.97 on, 5.
pub const SIMILARITY: f64 = 0.98;
/// Smallest correlation of thumbnails at which two whole pictures are compared.
const CANDIDATE: f32 = 0.99;
/// Number of pictures that a thread compares with all earlier ones at a time.
const BLOCK: usize = 256;

/// An earlier picture that a picture is a copy of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Index of the copy.
    pub image: usize,
    /// Index of the earlier picture.
    pub of: usize,
    /// The correlation of their edges; 1 for an exact copy.
    pub similarity: f64,
    /// Whether all bytes are the same.
    pub exact: bool,
}

/// The pictures to compare, with options.
#[derive(Clone, Copy, Debug)]
pub struct Copies<'a> {
    /// The pictures, each (h, w, c).
    pub images: &'a [&'a [u8]],
    /// Height, width and channels of each.
    pub shape: [usize; 3],
    /// The end of each group of pictures, such as a part of the data.
    pub groups: &'a [usize],
    /// Smallest correlation of the edges of near copies; above 1 to find only exact copies.
    pub similarity: f64,
    /// Threads to compute with.
    pub threads: usize,
}

/// For every picture, in order, the best earlier match in each group, if there is one.
///
/// A constant picture is a copy only of the same constant picture.
pub fn copies(input: &Copies<'_>) -> Vec<Match> {
    let (mut found, first) = exact(input);
    if input.similarity <= 1.0 {
        found.extend(near(input, &first));
    }
    found.sort_by_key(|m| (m.image, m.of));
    found
}

/// Exact copies, and the pictures that are not copies of an earlier one in their group.
fn exact(input: &Copies<'_>) -> (Vec<Match>, Vec<usize>) {
    let mut seen: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let (mut found, mut first) = (Vec::new(), Vec::new());
    for (image, &bytes) in input.images.iter().enumerate() {
        let earlier = seen.entry(bytes).or_default();
        found.extend(earlier.iter().map(|&of| Match { image, of, similarity: 1.0, exact: true }));
        if earlier.iter().all(|&of| input.group(of) != input.group(image)) {
            first.push(image);
            earlier.push(image);
        }
    }
    (found, first)
}

impl Copies<'_> {
    fn group(&self, image: usize) -> usize {
        self.groups.partition_point(|&end| end <= image)
    }
}

/// Near copies among the pictures `first`.
fn near(input: &Copies<'_>, first: &[usize]) -> Vec<Match> {
    let thumbnails: Vec<(usize, Thumbnail)> = first
        .iter()
        .filter_map(|&i| Some((i, Thumbnail::of(input.images[i], input.shape)?)))
        .collect();
    let blocks = thumbnails.len().div_ceil(BLOCK);
    let threads = input.threads.clamp(1, blocks.max(1));
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let block = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if block >= blocks {
                return found;
            }
            let range = block * BLOCK..((block + 1) * BLOCK).min(thumbnails.len());
            compare_block(input, &thumbnails, range, &mut found);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("comparing does not panic")).collect()
    })
}

/// Compares the pictures of `block` with all earlier ones.
fn compare_block(
    input: &Copies<'_>,
    thumbnails: &[(usize, Thumbnail)],
    block: Range<usize>,
    found: &mut Vec<Match>,
) {
    // The best match of each picture of the block in each group.
    let groups = input.groups.len();
    let mut best: Vec<Option<Match>> = vec![None; block.len() * groups];
    for (j, (of, earlier)) in thumbnails[..block.end].iter().enumerate() {
        let slot = input.group(*of);
        for i in block.start.max(j + 1)..block.end {
            let (image, thumbnail) = &thumbnails[i];
            if !candidate(thumbnail, earlier) || input.images[*image] == input.images[*of] {
                continue;
            }
            let similarity = edge_correlation(input.images[*image], input.images[*of], input.shape);
            let best = &mut best[(i - block.start) * groups + slot];
            if similarity >= input.similarity && best.is_none_or(|b| similarity > b.similarity) {
                *best = Some(Match { image: *image, of: *of, similarity, exact: false });
            }
        }
    }
    found.extend(best.into_iter().flatten());
}

/// Whether two thumbnails correlate at [`CANDIDATE`] or more.
fn candidate(a: &Thumbnail, b: &Thumbnail) -> bool {
    // For vectors of length 1 the squared distance is 2 - 2 x correlation.
    let most = 2.0 - 2.0 * CANDIDATE;
    a.least_distance(b) <= most && a.distance(b) <= most
}
