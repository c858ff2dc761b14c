//! Fusing: which nodes one step computes, and which nodes read which.

use super::Mode;
use super::layout::Layout;
use modiste_spec::{Network, NodeId, Op, Shape};

/// A network's nodes and edges as a plan sees them: in prediction, readers of a dropout node read its
/// input.
pub(super) struct Graph<'n> {
    pub network: &'n Network,
    inputs: Vec<Vec<NodeId>>,
    readers: Vec<Vec<NodeId>>,
    skipped: Vec<bool>,
}

/// The nodes that one convolution's step computes: the convolution, then a normalisation or the sum
/// that ends a residual block, then a ReLU.
pub(super) struct Chain {
    pub norm: Option<NodeId>,
    pub add: Option<NodeId>,
    pub relu: bool,
    pub last: NodeId,
}

impl<'n> Graph<'n> {
    pub fn new(network: &'n Network, mode: Mode) -> Self {
        let nodes = network.nodes();
        let drops = |op: &Op| mode == Mode::Inference && matches!(op, Op::Dropout { .. });
        let skipped: Vec<bool> = nodes.iter().map(|node| drops(&node.op)).collect();
        // Inputs come before their readers, so one step back leads to a computed node.
        let mut stands_for: Vec<NodeId> = Vec::with_capacity(nodes.len());
        let mut inputs = Vec::with_capacity(nodes.len());
        let mut readers = vec![Vec::new(); nodes.len()];
        for (id, node) in nodes.iter().enumerate() {
            let read: Vec<NodeId> = node.inputs.iter().map(|&input| stands_for[input]).collect();
            stands_for.push(if skipped[id] { read[0] } else { id });
            if !skipped[id] {
                read.iter().for_each(|&input: &usize| readers[input].push(id));
            }
            inputs.push(read);
        }
        Self { network, inputs, readers, skipped }
    }

    /// All nodes that a step computes, in order.
    pub fn computed(&self) -> impl Iterator<Item = NodeId> {
        let skipped = self.skipped.clone();
        (0..skipped.len()).filter(move |&id| !skipped[id])
    }

    pub fn op(&self, id: NodeId) -> &'n Op {
        &self.network.nodes()[id].op
    }

    pub fn shape(&self, id: NodeId) -> Shape {
        self.network.nodes()[id].shape
    }

    pub fn mask_key(&self, id: NodeId) -> usize {
        self.network.mask_key(id)
    }

    pub fn name(&self, id: NodeId) -> &'n str {
        &self.network.nodes()[id].name
    }

    pub fn inputs(&self, id: NodeId) -> &[NodeId] {
        &self.inputs[id]
    }

    pub fn input(&self, id: NodeId) -> NodeId {
        self.inputs[id][0]
    }

    /// The node that gives the logits.
    pub fn logits(&self) -> NodeId {
        self.input(self.inputs.len() - 1)
    }

    /// The only reader of a node; `None` if there are several or one reads it twice.
    pub fn only_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.readers[id][..] {
            [reader] => Some(reader),
            _ => None,
        }
    }

    /// The only reader of a node if that is a ReLU.
    pub fn relu_of(&self, id: NodeId) -> Option<NodeId> {
        self.only_reader(id).filter(|&reader| matches!(self.op(reader), Op::Relu))
    }

    /// The nodes fused into a convolution.
    pub fn chain(&self, id: NodeId, layout: &Layout) -> Chain {
        let end = |from: NodeId, norm, add| {
            let relu = self.relu_of(from);
            Chain { norm, add, relu: relu.is_some(), last: relu.unwrap_or(from) }
        };
        let Some(reader) = self.only_reader(id) else { return end(id, None, None) };
        match self.op(reader) {
            Op::BatchNorm { .. } => end(reader, Some(reader), None),
            Op::ScaledAdd { .. } if self.takes_sum(id, reader, layout) => {
                end(reader, None, Some(reader))
            }
            _ => end(id, None, None),
        }
    }

    /// Whether a convolution can end in this sum: it must be the second input, on the same lanes as
    /// the first one, and must not read the first one itself, because a step reads a buffer in only
    /// one way. The image, which has no gradient, is added by a separate step.
    fn takes_sum(&self, id: NodeId, add: NodeId, layout: &Layout) -> bool {
        let [first, second] = self.inputs[add][..] else { return false };
        second == id
            && first != self.input(id)
            && first != layout.image
            && layout.of(first).is_plain()
    }

    /// Whether the only reader of a node applies the normalisation itself as it reads; for a
    /// concatenation that the node is written into, whether its readers do. Other readers read a
    /// copy.
    pub fn read_deferred(&self, id: NodeId) -> bool {
        self.only_reader(id).is_some_and(|reader| match self.op(reader) {
            Op::Conv { .. } | Op::Dense { .. } | Op::Dropout { .. } | Op::Relu | Op::Concat => true,
            Op::MaxPool { .. } | Op::GlobalMaxPool => true,
            // The second summand, which is first copied to the place of the sum.
            Op::ScaledAdd { .. } => self.inputs[reader][1] == id,
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Softmax => false,
        })
    }

    /// Whether a concatenation's parts are stored one after the other: if a 1x1 convolution, which
    /// can gather its rows from parts, is the only reader, and no part is itself a concatenation.
    pub fn planar(&self, id: NodeId) -> bool {
        let pointwise = |reader| matches!(self.op(reader), Op::Conv { kernel: 1, stride: 1, .. });
        let nested = self.inputs(id).iter().any(|&part| matches!(self.op(part), Op::Concat));
        self.only_reader(id).is_some_and(pointwise) && !nested
    }
}
