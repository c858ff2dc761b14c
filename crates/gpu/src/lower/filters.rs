//! Filters in the layouts of the products, from the parameters in PyTorch's layout, once a step.

use crate::kernel::{Groups, Kernel};
use crate::layout::{BLOCK, Layout};
use crate::memory::{BufferId, Sizes};
use modiste_spec::{Network, NodeId, Op};

/// Fewest channels that are added up for which Winograd's method is used: its shader takes four at a time.
const FEWEST_CHANNELS: usize = 4;
/// Smallest side of a map for it: smaller ones waste half of the tiles.
const SMALLEST_SIDE: usize = 4;
/// Values of a filter's description.
const ENTRY: usize = 9;

/// Whether a product takes its filter transformed for Winograd's method; the number is the shader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain = 0,
    /// Transformed.
    Winograd = 1,
    /// Turned by half a circle and transformed, for the gradient by the input.
    Turned = 2,
}

/// A filter in one layout: (taps, inner, outer), with outer channels padded to fours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    /// Whether it is transformed.
    pub form: Form,
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
            let (taps, step) = match node.op {
                Op::Conv { kernel, stride, .. } => (kernel * kernel, stride),
                Op::Dense { .. } => (1, 1),
                _ => {
                    all.filters.push(None);
                    continue;
                }
            };
            let (x, k) = (network.input_shapes(id)[0], node.shape.channels);
            let c = x.channels;
            let first = layout.firsts[layout.position(id)];
            let fits = taps == 9 && step == 1 && x.height.min(x.width) >= SMALLEST_SIDE;
            let form = |form, inner| match fits && inner >= FEWEST_CHANNELS {
                true => form,
                false => Form::Plain,
            };
            let forward = all.add(first, taps, [c, k], [taps, c * taps], form(Form::Winograd, c));
            let backward = all.add(first, taps, [k, c], [c * taps, taps], form(Form::Turned, k));
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
        form: Form,
    ) -> Filter {
        // A transformed window has 4 x 4 values.
        let taps = if form == Form::Plain { taps } else { 16 };
        let here = self.blocks.1.len() * BLOCK;
        let padded = outer.next_multiple_of(4);
        let len = taps * inner * padded;
        let number = (self.table.1.len() / ENTRY) as u32;
        let entry = [here, first, taps, inner, outer, padded, steps[0], steps[1], form as usize];
        self.table.1.extend(entry.map(|n| n as u32));
        self.blocks.1.extend(std::iter::repeat_n(number, len.div_ceil(BLOCK)));
        Filter { form, place: (self.buffer, here, len), padded }
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
