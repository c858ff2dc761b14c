//! The lane of each channel of each node, by one rule that depends only on the network.
//!
//! The plans for training and prediction and the layout of the parameters all follow it, so
//! prediction reads the filters that training updates. A step that needs its input on other lanes
//! makes its own copy ([`super::values`]).

use crate::plan::Method;
use crate::weights::{ConvLanes, Weights};
use modiste_kernels::patches::Window;
use modiste_kernels::{LANES, padded};
use modiste_spec::{ChannelLayout, Network, NodeId, Op, Parameter, padding};

const _: () = assert!(LANES == modiste_spec::LANES);

/// The lanes of one node's output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeLanes {
    /// Lane of each channel, ascending.
    pub channels: Vec<usize>,
    /// Lanes with padding, a multiple of [`LANES`].
    pub lanes: usize,
}

impl NodeLanes {
    /// Channels side by side from the first lane on.
    pub fn plain(channels: usize) -> Self {
        Self { channels: (0..channels).collect(), lanes: padded(channels) }
    }

    /// Whether the channels are laid out as by [`Self::plain`].
    pub fn is_plain(&self) -> bool {
        self.lanes == padded(self.channels.len())
            && self.channels.last() == self.channels.len().checked_sub(1).as_ref()
    }

    /// The concatenated lanes of the parts.
    fn joined<'a>(parts: impl Iterator<Item = &'a NodeLanes>) -> Self {
        let mut all = Self { channels: Vec::new(), lanes: 0 };
        for part in parts {
            all.channels.extend(part.channels.iter().map(|lane| all.lanes + lane));
            all.lanes += part.lanes;
        }
        all
    }
}

/// A convolution or dense layer.
#[derive(Clone, Debug)]
pub(crate) struct ConvLayout {
    pub method: Method,
    /// Whether it reads the image, whose channels have no padding and which needs no gradient.
    pub image: bool,
    /// Position in [`Weights::convs`].
    pub weights: usize,
    /// Lane of each input channel, and the number of lanes.
    input: NodeLanes,
}

/// The lanes of a whole network.
pub(crate) struct Layout {
    /// The node that stands for the image: the input, or the node that flattens it for all readers,
    /// because the values already have that order.
    pub image: NodeId,
    nodes: Vec<NodeLanes>,
    convs: Vec<Option<ConvLayout>>,
    /// Position of each node's first parameter among the network's.
    first_parameter: Vec<usize>,
}

impl Layout {
    /// The layout of a network; with `direct`, without Winograd's method.
    pub fn new(network: &Network, direct: bool) -> Self {
        let mut layout = Self {
            image: image(network),
            nodes: Vec::new(),
            convs: Vec::new(),
            first_parameter: Vec::new(),
        };
        let (mut parameters, mut convs) = (0, 0);
        for (id, node) in network.nodes().iter().enumerate() {
            let lanes = layout.output(network, id);
            let conv = node.op.convolution().map(|window| {
                convs += 1;
                layout.conv(node.inputs[0], window, convs - 1, direct)
            });
            layout.nodes.push(lanes);
            layout.convs.push(conv);
            layout.first_parameter.push(parameters);
            parameters += network.node_parameters(id).len();
        }
        layout
    }

    fn output(&self, network: &Network, id: NodeId) -> NodeLanes {
        let node = &network.nodes()[id];
        match node.channel_layout() {
            ChannelLayout::Padded => NodeLanes::plain(node.shape.channels),
            ChannelLayout::Input => self.nodes[node.inputs[0]].clone(),
            ChannelLayout::Concatenated => {
                NodeLanes::joined(node.inputs.iter().map(|&input| &self.nodes[input]))
            }
            ChannelLayout::Flattened => {
                let from = node.inputs[0];
                let pixels = network.nodes()[from].shape.pixels();
                NodeLanes::joined(std::iter::repeat_n(&self.nodes[from], pixels))
            }
        }
    }

    fn conv(
        &self,
        from: NodeId,
        (kernel, stride): (usize, usize),
        weights: usize,
        direct: bool,
    ) -> ConvLayout {
        let image = from == self.image;
        let mut input = self.nodes[from].clone();
        if image {
            input.lanes = input.channels.len();
        }
        let method = match (kernel, stride) {
            (3, 1) if !direct && input.lanes.is_multiple_of(LANES) => Method::Winograd,
            (1, 1) => Method::Pointwise,
            (3, stride) if input.lanes == 1 => Method::Stem(stride),
            _ => Method::Patches(Window { kernel, stride, padding: padding(kernel) }),
        };
        ConvLayout { method, image, weights, input }
    }

    /// The lanes of a node's output.
    pub fn of(&self, id: NodeId) -> &NodeLanes {
        &self.nodes[id]
    }

    /// How a convolution or dense layer reads its input.
    pub fn conv_of(&self, id: NodeId) -> &ConvLayout {
        self.convs[id].as_ref().expect("asked for convolutions and dense layers")
    }

    /// Position of a node's first parameter among the network's.
    pub fn first_parameter(&self, id: NodeId) -> usize {
        self.first_parameter[id]
    }

    /// Number of values of all filters as training and prediction lay them out beside the parameters:
    /// transformed, transposed, folded.
    pub fn derived_values(&self) -> u64 {
        let of_node = |output: &NodeLanes, conv: &ConvLayout| {
            let taps = match conv.method {
                Method::Winograd | Method::Stem(_) => 9,
                Method::Pointwise => 1,
                Method::Patches(Window { kernel, .. }) => kernel * kernel,
            };
            // Prediction folds the taps and lays them out for the forward pass once more.
            let [forward, ..] = conv.method.forms(taps, false);
            let training: usize = conv.method.forms(taps, !conv.image).iter().sum();
            ((training + taps + forward) * conv.input.lanes * output.lanes) as u64
        };
        let filters = self.nodes.iter().zip(&self.convs);
        filters.filter_map(|(node, conv)| Some(of_node(node, conv.as_ref()?))).sum()
    }

    /// The layout of the parameters.
    pub fn weights(&self, parameters: &[Parameter]) -> Weights {
        Weights::new(
            parameters,
            |node| (self.nodes[node].channels.as_slice(), self.nodes[node].lanes),
            |node| {
                let conv = self.conv_of(node);
                ConvLanes {
                    method: conv.method,
                    input: (&conv.input.channels, conv.input.lanes),
                    output: self.nodes[node].lanes,
                    backward: !conv.image,
                }
            },
        )
    }
}

fn image(network: &Network) -> NodeId {
    let reads = |id: &NodeId| network.nodes()[*id].inputs.contains(&0);
    let readers: Vec<NodeId> = (1..network.nodes().len()).filter(reads).collect();
    match readers[..] {
        [reader] if network.nodes()[reader].op == Op::Flatten => reader,
        _ => 0,
    }
}
