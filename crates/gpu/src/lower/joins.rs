//! Joined maps without copies: the parts are written to where they are joined.
//!
//! A part can be, if nobody but the join reads it. It may be normalised and cut off at 0; then all parts must be,
//! so that the joined maps are read in one way.

use crate::memory::{BufferId, Norm, Place, Sizes, Statistics, View};
use modiste_spec::{Network, Node, NodeId, Op};

/// Maps that are joined by being written side by side.
#[derive(Clone, Copy, Debug)]
struct Join {
    buffer: BufferId,
    norm: Option<BufferId>,
    relu: bool,
}

/// All joins of a network without copies.
#[derive(Clone, Debug)]
pub(super) struct Joins {
    /// The join of each node that is one.
    joins: Vec<Option<Join>>,
    /// For each node that writes a part, or normalises one: the join and the part's first channel.
    homes: Vec<Option<(NodeId, usize)>>,
}

/// A part of a join: the node that writes it, and what normalises it.
struct Part {
    writer: NodeId,
    norm: Option<NodeId>,
    relu: bool,
}

impl Joins {
    /// Finds the joins and plans their buffers.
    pub fn new(network: &Network, readers: &[usize], sizes: &mut Sizes) -> Self {
        let count = network.nodes().len();
        let mut all = Self { joins: vec![None; count], homes: vec![None; count] };
        for (id, node) in network.nodes().iter().enumerate() {
            if node.op != Op::Concat {
                continue;
            }
            let parts = node.inputs.iter().map(|&input| part(network, readers, input));
            if let Some(parts) = parts.collect::<Option<Vec<_>>>() {
                all.add(network, id, node, &parts, sizes);
            }
        }
        all
    }

    fn add(
        &mut self,
        network: &Network,
        id: NodeId,
        node: &Node,
        parts: &[Part],
        sizes: &mut Sizes,
    ) {
        let channels = parts.iter().map(|part| network.nodes()[part.writer].shape.channels);
        let starts: Vec<usize> = channels
            .scan(0, |next, channels| Some(std::mem::replace(next, *next + channels)))
            .collect();
        let form = |part: &Part| (part.norm.is_some(), part.relu);
        let normal = parts[0].norm.is_some();
        let alike = parts.iter().all(|part| form(part) == form(&parts[0]));
        // Statistics are read four at a time.
        if !alike || (normal && !starts.iter().all(|start| start.is_multiple_of(4))) {
            return;
        }
        let values = Statistics::len(node.shape.channels);
        self.joins[id] = Some(Join {
            buffer: sizes.add(&node.name, 0, node.shape.len()),
            norm: normal.then(|| sizes.add("statistics of joined maps", values, 0)),
            relu: parts[0].relu,
        });
        for (part, start) in parts.iter().zip(starts) {
            for node in [Some(part.writer), part.norm].into_iter().flatten() {
                self.homes[node] = Some((id, start));
            }
        }
    }

    /// The maps of a join, if it needs no copies.
    pub fn joined(&self, network: &Network, id: NodeId) -> Option<View> {
        let Join { buffer, norm, relu } = self.joins[id]?;
        let mut view = View::dense(buffer, network.nodes()[id].shape);
        view.relu = relu;
        view.place.norm = norm.map(|buffer| Norm::whole(buffer, view.shape.channels));
        Some(view)
    }

    /// Where a node writes its output, if it is a part of a join.
    pub fn home(&self, network: &Network, id: NodeId) -> Option<View> {
        let (join, first) = self.homes[id]?;
        let Join { buffer, .. } = self.joins[join]?;
        let stride = network.nodes()[join].shape.channels;
        let shape = network.nodes()[id].shape;
        let place = Place { buffer, offset: first, stride, norm: None };
        Some(View { place, ..View::dense(buffer, shape) })
    }

    /// Where the statistics of a normalisation lie, if it is part of a join.
    pub fn norm(&self, network: &Network, id: NodeId) -> Option<Norm> {
        let (join, first) = self.homes[id]?;
        let buffer = self.joins[join]?.norm?;
        Some(Norm { first, ..Norm::whole(buffer, network.nodes()[join].shape.channels) })
    }
}

/// The part that ends with node `end`; `None` if somebody else reads it, or it has no maps of its own.
fn part(network: &Network, readers: &[usize], end: NodeId) -> Option<Part> {
    let nodes = network.nodes();
    let alone = |id: NodeId| (readers[id] == 1).then_some(id);
    let mut at = alone(end)?;
    let relu = nodes[at].op == Op::Relu;
    if relu {
        at = alone(nodes[at].inputs[0])?;
    }
    let norm = matches!(nodes[at].op, Op::BatchNorm { .. }).then_some(at);
    if norm.is_some() {
        at = alone(nodes[at].inputs[0])?;
    }
    let writes = match nodes[at].op {
        Op::Conv { .. }
        | Op::Dense { .. }
        | Op::Dropout { .. }
        | Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::GlobalAvgPool
        | Op::GlobalMaxPool
        | Op::Flatten
        | Op::ScaledAdd { .. } => true,
        Op::Input { .. } | Op::BatchNorm { .. } | Op::Relu | Op::Concat | Op::Softmax => false,
    };
    writes.then_some(Part { writer: at, norm, relu })
}
