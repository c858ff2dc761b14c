//! Filters in the layouts of the products, from the parameters in PyTorch's layout, once a step.

use crate::kernel::{Groups, Kernel};
use crate::layout::{BLOCK, Layout};
use crate::memory::{BufferId, Sizes};
use modiste_spec::{Network, NodeId, Op};

/// A filter in one layout: (taps, inner, outer), with outer channels padded to fours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    /// First value in the common buffer, and number of values.
    pub place: (BufferId, usize, usize),
    /// Outer channels with padding.
    pub padded: usize,
}

/// The filters of all convolutions and dense layers, in one buffer.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    /// For each node, the filter of the forward pass (sums over input channels) and that of the backward
    /// pass (sums over output channels).
    filters: Vec<Option<[Filter; 2]>>,
    buffer: BufferId,
    table: (BufferId, Vec<u32>),
    blocks: (BufferId, Vec<u32>),
}

impl Filters {
    pub fn new(network: &Network, layout: &Layout, sizes: &mut Sizes) -> Self {
        let buffer = sizes.add("filters", BLOCK, 0);
        let table = (sizes.add("filters' layouts", 8, 0), Vec::new());
        let blocks = (sizes.add("filters of blocks", 1, 0), Vec::new());
        let mut all = Self { filters: Vec::new(), buffer, table, blocks };
        for (id, node) in network.nodes().iter().enumerate() {
            let taps = match node.op {
                Op::Conv { kernel, .. } => kernel * kernel,
                Op::Dense { .. } => 1,
                _ => {
                    all.filters.push(None);
                    continue;
                }
            };
            let (c, k) = (network.input_shapes(id)[0].channels, node.shape.channels);
            let first = layout.firsts[layout.position(id)];
            let forward = all.add(first, taps, [c, k], [taps, c * taps]);
            let backward = all.add(first, taps, [k, c], [c * taps, taps]);
            all.filters.push(Some([forward, backward]));
        }
        sizes.grow(buffer, all.blocks.1.len() * BLOCK);
        sizes.grow(all.table.0, all.table.1.len());
        sizes.grow(all.blocks.0, all.blocks.1.len());
        all
    }

    /// Adds a layout of the parameter at `first`, whose inner and outer channels are `steps` apart.
    fn add(
        &mut self,
        first: usize,
        taps: usize,
        [inner, outer]: [usize; 2],
        steps: [usize; 2],
    ) -> Filter {
        let here = self.blocks.1.len() * BLOCK;
        let padded = outer.next_multiple_of(4);
        let len = taps * inner * padded;
        let number = (self.table.1.len() / 8) as u32;
        let entry = [here, first, taps, inner, outer, padded, steps[0], steps[1]];
        self.table.1.extend(entry.map(|n| n as u32));
        self.blocks.1.extend(std::iter::repeat_n(number, len.div_ceil(BLOCK)));
        Filter { place: (self.buffer, here, len), padded }
    }

    /// The filters of a node: forward, backward.
    pub fn of(&self, id: NodeId) -> [Filter; 2] {
        self.filters[id].expect("a node with a filter")
    }

    /// The kernel that writes all layouts from `weights`; `None` without filters.
    pub fn kernel(&self, weights: BufferId) -> Option<Kernel> {
        let values = self.blocks.1.len() * BLOCK;
        let body = include_str!("../shaders/filters.wgsl");
        (values > 0).then(|| {
            Kernel::new("filters", body, Groups::fixed(values))
                .number("values", values)
                .reads("parameters", weights, "f32")
                .reads("table", self.table.0, "u32")
                .reads("blocks", self.blocks.0, "u32")
                .writes("filters", self.buffer, "f32")
        })
    }

    /// The tables' contents.
    pub fn contents(self) -> Vec<(BufferId, Vec<u32>)> {
        vec![self.table, self.blocks]
    }
}
