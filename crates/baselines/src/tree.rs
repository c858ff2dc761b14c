//! One tree of a forest. Pixels are bytes, so the best split is found by counting: how many samples of
//! each class have each of the 256 values.

use modiste_spec::random::Stream;

use crate::samples::Samples;

/// Values of a byte.
const BYTES: usize = 256;

/// The pixels column by column, as tree growing reads them.
pub(crate) struct Columns {
    /// (values, n)
    pixels: Vec<u8>,
    images: usize,
}

impl Columns {
    pub fn new(samples: &Samples<'_>) -> Self {
        let (images, values) = (samples.len(), samples.values);
        let mut pixels = vec![0; images * values];
        for i in 0..images {
            for (value, &pixel) in samples.image(i).iter().enumerate() {
                pixels[value * images + i] = pixel;
            }
        }
        Self { pixels, images }
    }

    fn get(&self, value: u32) -> &[u8] {
        &self.pixels[value as usize * self.images..][..self.images]
    }
}

/// A grown tree.
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// Shares of the classes, leaf by leaf (leaves, classes).
    shares: Vec<f32>,
    classes: usize,
}

enum Node {
    /// Goes to `low` if the pixel is at most `threshold`, else to `high`.
    Split { value: u32, threshold: u8, low: u32, high: u32 },
    /// The leaf with this number.
    Leaf(u32),
}

/// A node with known samples that is not yet split.
struct UnsplitNode {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
}

impl Tree {
    /// Grows a tree on `samples`, which may contain an image more than once, until leaves are pure,
    /// cannot be split or have depth `depth`. `draws` gives each node's random numbers.
    pub fn grow(
        columns: &Columns,
        train: &Samples<'_>,
        mut samples: Vec<u32>,
        depth: Option<usize>,
        draws: &dyn Fn(u64) -> Stream,
    ) -> Self {
        let mut tree = Self { nodes: vec![Node::Leaf(0)], shares: vec![], classes: train.classes };
        let mut splitter = Splitter::new(columns, train);
        let mut open = vec![UnsplitNode { node: 0, start: 0, end: samples.len(), depth: 0 }];
        while let Some(UnsplitNode { node, start, end, depth: level }) = open.pop() {
            let own = &mut samples[start..end];
            let counts = splitter.count_classes(own);
            let pure = counts.iter().filter(|&&count| count > 0).count() <= 1;
            let deep = depth.is_some_and(|most| level >= most);
            let split = match pure || deep {
                true => None,
                false => splitter.split(own, &counts, &draws(node as u64)),
            };
            let Some((value, threshold)) = split else {
                tree.leaf(node, &counts);
                continue;
            };
            let middle = start + divide(own, columns.get(value), threshold);
            let low = tree.nodes.len();
            tree.nodes.extend([Node::Leaf(0), Node::Leaf(0)]);
            let [low_id, high] = [low as u32, low as u32 + 1];
            tree.nodes[node] = Node::Split { value, threshold, low: low_id, high };
            open.push(UnsplitNode { node: low, start, end: middle, depth: level + 1 });
            open.push(UnsplitNode { node: low + 1, start: middle, end, depth: level + 1 });
        }
        tree
    }

    fn leaf(&mut self, node: usize, counts: &[u32]) {
        let total: u32 = counts.iter().sum();
        self.nodes[node] = Node::Leaf((self.shares.len() / self.classes) as u32);
        self.shares.extend(counts.iter().map(|&count| count as f32 / total as f32));
    }

    /// The shares of the classes in the leaf that an image falls into.
    pub fn shares(&self, image: &[u8]) -> &[f32] {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                Node::Split { value, threshold, low, high } => {
                    node = if image[value as usize] <= threshold { low } else { high } as usize;
                }
                Node::Leaf(leaf) => {
                    return &self.shares[leaf as usize * self.classes..][..self.classes];
                }
            }
        }
    }

    /// Number of nodes, including leaves.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }
}

/// Moves the samples with a pixel of at most `threshold` to the front; returns their number.
fn divide(samples: &mut [u32], column: &[u8], threshold: u8) -> usize {
    let mut low = 0;
    for i in 0..samples.len() {
        if column[samples[i] as usize] <= threshold {
            samples.swap(low, i);
            low += 1;
        }
    }
    low
}

/// Finds splits; owns the buffers for this.
struct Splitter<'a> {
    columns: &'a Columns,
    labels: &'a [u16],
    classes: usize,
    /// Every value's number, in an order that each node shuffles further.
    order: Vec<u32>,
    /// Samples of each byte and class (256, classes); zeros between two uses.
    counts: Vec<u32>,
}

impl<'a> Splitter<'a> {
    fn new(columns: &'a Columns, train: &Samples<'a>) -> Self {
        Self {
            columns,
            labels: train.labels,
            classes: train.classes,
            order: (0..train.values as u32).collect(),
            counts: vec![0; BYTES * train.classes],
        }
    }

    fn count_classes(&self, samples: &[u32]) -> Vec<u32> {
        let mut counts = vec![0; self.classes];
        for &i in samples {
            counts[usize::from(self.labels[i as usize])] += 1;
        }
        counts
    }

    /// The best value and threshold among random values, as many as the square root of their
    /// number. Values that are the same in all samples do not count; `None` if all values are.
    fn split(&mut self, samples: &[u32], totals: &[u32], draws: &Stream) -> Option<(u32, u8)> {
        let values = self.order.len();
        let wanted = values.isqrt().max(1);
        let (mut best, mut most, mut tried) = (None, f64::NEG_INFINITY, 0);
        for place in 0..values {
            let other = place + draws.below(place as u64, (values - place) as u32) as usize;
            self.order.swap(place, other);
            let value = self.order[place];
            if let Some((purity, threshold)) = self.threshold(samples, totals, value) {
                if purity > most {
                    (best, most) = (Some((value, threshold)), purity);
                }
                tried += 1;
                if tried == wanted {
                    break;
                }
            }
        }
        best
    }

    /// The best threshold of one value, and the purity of the two sides; `None` if all samples have
    /// the same value.
    ///
    /// The purity is the sum of squared class counts over the count, of both sides: the weighted Gini
    /// impurity is the number of samples minus that.
    fn threshold(&mut self, samples: &[u32], totals: &[u32], value: u32) -> Option<(f64, u8)> {
        let column = self.columns.get(value);
        let (mut least, mut most) = (u8::MAX, 0);
        for &i in samples {
            let byte = column[i as usize];
            (least, most) = (least.min(byte), most.max(byte));
        }
        if least == most {
            return None;
        }
        for &i in samples {
            let (i, byte) = (i as usize, usize::from(column[i as usize]));
            self.counts[byte * self.classes + usize::from(self.labels[i])] += 1;
        }
        let range = usize::from(least) * self.classes..(usize::from(most) + 1) * self.classes;
        let found = best_threshold(&self.counts[range.clone()], least, totals);
        self.counts[range].fill(0);
        Some(found)
    }
}

/// The best threshold for counts (bytes from `first` on, classes), in which the first and the last
/// byte have samples. It is midway between the byte below and the next byte above with samples.
fn best_threshold(counts: &[u32], first: u8, totals: &[u32]) -> (f64, u8) {
    let mut low = vec![0_u32; totals.len()];
    let all: u32 = totals.iter().sum();
    let (mut best, mut most) = (first, f64::NEG_INFINITY);
    // The byte below the threshold and the purity of the split there, until the next byte is known.
    let mut pending: Option<(u8, f64)> = None;
    for (offset, row) in counts.chunks_exact(totals.len()).enumerate() {
        if row.iter().all(|&count| count == 0) {
            continue;
        }
        let byte = first + offset as u8;
        if let Some((below, purity)) = pending
            && purity > most
        {
            (best, most) = (below.midpoint(byte), purity);
        }
        low.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        let (mut low_squares, mut high_squares) = (0.0, 0.0);
        for (&low, &total) in low.iter().zip(totals) {
            low_squares += f64::from(low) * f64::from(low);
            high_squares += f64::from(total - low) * f64::from(total - low);
        }
        let below: u32 = low.iter().sum();
        let purity = low_squares / f64::from(below) + high_squares / f64::from(all - below);
        pending = Some((byte, purity));
    }
    (most, best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_threshold_lies_between_the_classes() {
        // Bytes 10, 11, 14, 17; classes 0, 0, 1, 1, and one stray of class 1 at 10.
        let mut counts = vec![0; 8 * 2];
        for (byte, class, n) in [(10, 0, 5), (10, 1, 1), (11, 0, 4), (14, 1, 6), (17, 1, 2)] {
            counts[(byte - 10) * 2 + class] = n;
        }
        let (purity, threshold) = best_threshold(&counts, 10, &[9, 9]);
        assert_eq!(threshold, 12);
        assert_eq!(purity, (81.0 + 1.0) / 10.0 + 64.0 / 8.0);
    }

    #[test]
    fn samples_are_divided_in_place() {
        let column = [5, 9, 1, 7, 3];
        let mut samples = [0, 1, 2, 2, 3, 4, 0];
        let low = divide(&mut samples, &column, 5);
        assert_eq!(low, 5);
        let (low, high) = samples.split_at_mut(low);
        low.sort_unstable();
        high.sort_unstable();
        assert_eq!((&*low, &*high), (&[0, 0, 2, 2, 4][..], &[1, 3][..]));
    }
}
