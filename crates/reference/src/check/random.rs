//! Random networks from a seed: anything that the description allows.
//!
//! Every operation follows every other in some network: on the image, on values that several nodes
//! read, on joined parts of any width, on single pixels. Maps and channels are small, so that the
//! reference takes only milliseconds.

use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Network, NetworkBuilder, NodeId, Op, Shape};

/// A sequence of random numbers from a seed.
struct Random {
    stream: Stream,
    drawn: u64,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, Purpose::Bootstrap, (1 << 24) - 1, 0), drawn: 0 }
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.drawn += 1;
        self.stream.below(self.drawn, bound as u32) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`.
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A network that grows node by node.
struct Growth {
    builder: NetworkBuilder,
    dice: Random,
    /// Number of readers of each node's output.
    readers: Vec<usize>,
}

/// Numbers of channels on both sides of the engines' vector lengths, small ones more often.
const CHANNELS: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 17, 20, 32, 33];

/// The network of `seed`: 3 to some 30 nodes, images of 1x1 to 12x12 with one to 17 channels, 1 to
/// 9 classes.
///
/// # Panics
/// Never: every node that is added fits.
pub fn random_network(seed: u64) -> Network {
    let mut dice = Random::new(seed);
    let side =
        |dice: &mut Random| if dice.chance(10) { 1 + dice.below(3) } else { 1 + dice.below(12) };
    let shape = Shape {
        height: side(&mut dice),
        width: side(&mut dice),
        channels: dice.of(&[1, 1, 1, 3, 3, 3, 2, 5, 16, 17]),
    };
    let mut growth = Growth { builder: NetworkBuilder::default(), dice, readers: Vec::new() };
    growth.add(Op::Input { shape }, &[]);
    for _ in 0..1 + growth.dice.below(14) {
        growth.grow();
    }
    growth.finish()
}

/// Size of the largest map that is flattened, in values.
const LONGEST_ROW: usize = 600;

impl Growth {
    fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        let name = format!("{}{}", op.name(), self.readers.len());
        let id = self.builder.add(name, op, inputs).expect("a random node fits its inputs");
        inputs.iter().for_each(|&input| self.readers[input] += 1);
        self.readers.push(0);
        id
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.builder.shape(id)
    }

    /// A node to read: mostly the newest, often one without readers, or any.
    fn pick(&mut self) -> NodeId {
        let last = self.readers.len() - 1;
        match self.dice.below(10) {
            0..=5 => last,
            6 | 7 => {
                let open: Vec<NodeId> = (0..=last).filter(|&id| self.readers[id] == 0).collect();
                self.dice.of(&open)
            }
            _ => self.dice.below(last + 1),
        }
    }

    /// Any node whose output passes `fits`.
    fn other(&mut self, fits: impl Fn(Shape) -> bool) -> NodeId {
        let all: Vec<NodeId> =
            (0..self.readers.len()).filter(|&id| fits(self.builder.shape(id))).collect();
        self.dice.of(&all)
    }

    /// Adds one to four nodes after an existing node.
    fn grow(&mut self) {
        let x = self.pick();
        match self.dice.below(20) {
            0..=3 => {
                self.conv(x);
            }
            4..=6 => self.conv_norm(x),
            7 => {
                self.norm(x);
            }
            8 => {
                self.add(Op::Relu, &[x]);
            }
            9 | 10 => {
                self.dropout(x);
            }
            11 => {
                self.max_pool(x);
            }
            12 => {
                self.avg_pool(x);
            }
            13..=15 => {
                self.concat(x);
            }
            16..=18 => self.sum(x),
            _ if self.shape(x).pixels() == 1 => {
                let units = self.dice.of(&CHANNELS);
                self.add(Op::Dense { units }, &[x]);
            }
            // Of a large map every layer behind it would be one of many weights.
            _ if self.shape(x).len() <= LONGEST_ROW && self.dice.chance(70) => {
                self.add(Op::Flatten, &[x]);
            }
            _ => {
                self.conv(x);
            }
        }
    }

    fn conv_to(&mut self, x: NodeId, stride: usize, channels: usize) -> NodeId {
        let kernel = self.dice.of(&[1, 1, 1, 3, 3, 3, 3, 5, 7]);
        let bias = self.dice.chance(50);
        self.add(Op::Conv { kernel, stride, channels, bias }, &[x])
    }

    fn conv(&mut self, x: NodeId) -> NodeId {
        let (stride, channels) = (self.dice.of(&[1, 1, 1, 2, 3]), self.dice.of(&CHANNELS));
        self.conv_to(x, stride, channels)
    }

    /// Adds the usual chain, each link of which may be missing.
    fn conv_norm(&mut self, x: NodeId) {
        let mut x = self.conv(x);
        if self.dice.chance(80) {
            x = self.norm(x);
        }
        if self.dice.chance(80) {
            x = self.add(Op::Relu, &[x]);
        }
        if self.dice.chance(15) {
            self.dropout(x);
        }
    }

    fn norm(&mut self, x: NodeId) -> NodeId {
        let epsilon = self.dice.of(&[1e-3, 1e-2]);
        let momentum = self.dice.of(&[0.0, 0.1, 0.5, 1.0]);
        let scale = self.dice.chance(40);
        self.add(Op::BatchNorm { epsilon, momentum, scale }, &[x])
    }

    fn dropout(&mut self, x: NodeId) -> NodeId {
        let rate = self.dice.of(&[0.0, 0.1, 0.3, 0.5]);
        self.add(Op::Dropout { rate }, &[x])
    }

    fn max_pool(&mut self, x: NodeId) -> NodeId {
        let Shape { height, width, .. } = self.shape(x);
        let kernels: &[usize] =
            if height.min(width) > 1 { &[1, 2, 2, 3, 3, 4, 5] } else { &[1, 3, 3, 5] };
        let (kernel, stride) = (self.dice.of(kernels), self.dice.of(&[1, 2, 3]));
        self.add(Op::MaxPool { kernel, stride }, &[x])
    }

    fn avg_pool(&mut self, x: NodeId) -> NodeId {
        let Shape { height, width, .. } = self.shape(x);
        if self.dice.chance(30) {
            let op = if self.dice.chance(50) { Op::GlobalAvgPool } else { Op::GlobalMaxPool };
            return self.add(op, &[x]);
        }
        let kernel = 1 + self.dice.below(height.min(width).min(3));
        self.add(Op::AvgPool { kernel }, &[x])
    }

    /// Joins one to four values of the same map size, which may be equal; two times out of three,
    /// new branches as in real networks.
    fn concat(&mut self, x: NodeId) -> NodeId {
        let map = self.shape(x);
        let fresh = self.dice.chance(66);
        let parts: Vec<NodeId> = (0..1 + self.dice.below(4))
            .map(|_| match fresh && self.dice.chance(80) {
                true => {
                    let channels = self.dice.of(&CHANNELS);
                    let part = self.conv_to(x, 1, channels);
                    if self.dice.chance(50) { self.norm(part) } else { part }
                }
                false => self.other(|s| (s.height, s.width) == (map.height, map.width)),
            })
            .collect();
        let joined = self.add(Op::Concat, &parts);
        if self.dice.chance(40) {
            let channels = self.dice.of(&CHANNELS);
            return self.add(Op::Conv { kernel: 1, stride: 1, channels, bias: false }, &[joined]);
        }
        joined
    }

    /// Adds two values of the same shape, the second possibly from a new convolution.
    fn sum(&mut self, x: NodeId) {
        let shape = self.shape(x);
        let y = match self.dice.below(3) {
            0 => self.other(|other| other == shape),
            1 => self.conv_to(x, 1, shape.channels),
            _ => {
                let from = self.other(|s| (s.height, s.width) == (shape.height, shape.width));
                let mut y = self.conv_to(from, 1, shape.channels);
                if self.dice.chance(50) {
                    y = self.norm(y);
                }
                if self.dice.chance(20) { self.dropout(y) } else { y }
            }
        };
        let scale = self.dice.of(&[1.0, 0.2, -0.7, 0.0]);
        let inputs = if self.dice.chance(75) { [x, y] } else { [y, x] };
        let sum = self.add(Op::ScaledAdd { scale }, &inputs);
        if self.dice.chance(50) {
            self.add(Op::Relu, &[sum]);
        }
    }

    /// Joins all outputs without readers and ends in a softmax.
    fn finish(mut self) -> Network {
        let open: Vec<NodeId> =
            (0..self.readers.len()).filter(|&id| self.readers[id] == 0).collect();
        let mut ends: Vec<NodeId> = Vec::new();
        for id in open {
            let end = match self.shape(id).pixels() {
                1 if self.dice.chance(80) => id,
                _ if self.dice.chance(50) => self.add(Op::GlobalAvgPool, &[id]),
                _ => self.add(Op::GlobalMaxPool, &[id]),
            };
            ends.push(end);
        }
        let mut x = match ends[..] {
            [one] => one,
            _ => self.add(Op::Concat, &ends),
        };
        if self.dice.chance(20) {
            x = self.dropout(x);
        }
        if self.dice.chance(90) || self.shape(x).channels == 1 {
            let units = 2 + self.dice.below(8);
            x = self.add(Op::Dense { units }, &[x]);
        }
        if self.dice.chance(10) {
            x = self.add(Op::Relu, &[x]);
        }
        self.add(Op::Softmax, &[x]);
        self.builder.finish().expect("a random network is whole")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_gives_one_network_and_many_seeds_all_operations() {
        let networks: Vec<Network> = (0..200).map(random_network).collect();
        assert_eq!(networks[7], random_network(7));
        assert!(networks.iter().enumerate().all(|(i, n)| !networks[..i].contains(n)));
        let found: BTreeSet<&str> =
            networks.iter().flat_map(|n| n.nodes()).map(|node| node.op.name()).collect();
        assert_eq!(found.len(), 14, "{found:?}");
    }

    #[test]
    fn every_operation_follows_every_other() {
        let mut pairs = BTreeSet::new();
        for network in (0..4000).map(random_network) {
            for node in network.nodes().iter().filter(|n| n.op != Op::Softmax) {
                let of = |&input: &NodeId| network.nodes()[input].op.name();
                pairs.extend(node.inputs.iter().map(of).map(|input| (input, node.op.name())));
            }
        }
        // Of 14 operations 13 have an output that is read, and 12 but the softmax read one. A map of one
        // pixel, which four of them make, is not flattened.
        assert_eq!(pairs.len(), 13 * 12 - 4, "{pairs:?}");
    }
}
