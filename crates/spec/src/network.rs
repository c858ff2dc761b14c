//! The list of nodes and its walk.

use crate::architecture::FLATTEN;
use crate::limits::{self, MAX_INPUTS, MAX_NODES, Totals};
use crate::{Op, Parameter, Shape, SpecError};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Position of a node in its network.
pub type NodeId = usize;

/// One operation of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique name, a dotted path: `blocks.0.branches.2.1.conv`.
    pub name: String,
    /// The operation.
    pub op: Op,
    /// The nodes whose outputs are its inputs; each comes before this one.
    pub inputs: Vec<NodeId>,
    /// Shape of the output for one image.
    pub shape: Shape,
}

/// A network: nodes in topological order, the input first, the logits' softmax last.
///
/// Every network is small enough to run ([`crate::limits`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Vec<StoredNode>")]
pub struct Network {
    nodes: Vec<Node>,
}

/// A node as written to files, without its shape, which follows from the rest.
#[derive(Serialize, Deserialize)]
struct StoredNode {
    name: String,
    op: Op,
    #[serde(default)]
    inputs: Vec<NodeId>,
}

/// Builds a network node by node, checking each.
#[derive(Default)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    names: HashSet<String>,
    totals: Totals,
}

impl NetworkBuilder {
    /// Adds a node and returns its position.
    ///
    /// # Errors
    /// If the name is taken, an input does not come before the node, a shape does not fit, or the
    /// network becomes larger than [`crate::limits`] allow.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[NodeId],
    ) -> Result<NodeId, SpecError> {
        let name = name.into();
        if self.nodes.len() == MAX_NODES {
            return Err(SpecError::Network(format!("it has more than {MAX_NODES} nodes")));
        }
        if let Err(reason) = limits::check_name(&name) {
            let node = self.nodes.len();
            return Err(SpecError::Network(format!("node {node} has {reason}")));
        }
        let fail = |reason: String| SpecError::Node { node: name.clone(), reason };
        if self.names.contains(&name) {
            return Err(fail("the name is taken".into()));
        }
        if inputs.len() > MAX_INPUTS {
            return Err(fail(format!("{} inputs; {MAX_INPUTS} are allowed", inputs.len())));
        }
        if let Some(id) = inputs.iter().find(|&&id| id >= self.nodes.len()) {
            return Err(fail(format!("input {id} does not come before it")));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&id| self.nodes[id].shape).collect();
        let shape = op.output_shape(&shapes).map_err(fail)?;
        limits::check_shape(shape).map_err(fail)?;
        let node = Node { name: name.clone(), op, inputs: inputs.to_vec(), shape };
        let parameters = Parameter::of_node(self.nodes.len(), &node, &shapes);
        let values = parameters.iter().map(|parameter| parameter.len() as u64).sum();
        self.totals.add(&node, &shapes, values).map_err(fail)?;
        self.names.insert(name);
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// Shape of a node's output.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.nodes[id].shape
    }

    /// The finished network.
    ///
    /// # Errors
    /// If it does not begin with its only input and end with its only softmax, or if a node's
    /// output is not used.
    pub fn finish(self) -> Result<Network, SpecError> {
        let fail = |reason: &str| Err(SpecError::Network(reason.into()));
        let ends = |op: &Op| matches!(op, Op::Input { .. } | Op::Softmax);
        let [Node { op: Op::Input { .. }, .. }, inner @ .., Node { op: Op::Softmax, .. }] =
            self.nodes.as_slice()
        else {
            return fail("it begins with an input and ends with a softmax");
        };
        if inner.iter().any(|n| ends(&n.op)) {
            return fail("it has one input and one softmax");
        }
        let last = self.nodes.len() - 1;
        let mut used = vec![false; last];
        self.nodes.iter().flat_map(|n| &n.inputs).for_each(|&id| used[id] = true);
        if let Some(id) = used.iter().position(|used| !used) {
            return fail(&format!("the output of \"{}\" is not used", self.nodes[id].name));
        }
        Ok(Network { nodes: self.nodes })
    }
}

impl Network {
    /// The nodes in topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Shape of one image.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.nodes[self.nodes.len() - 1].shape.channels
    }

    /// The node that gives the logits: the softmax's input.
    pub fn logits(&self) -> NodeId {
        self.nodes[self.nodes.len() - 1].inputs[0]
    }

    /// The key of a dropout node's masks, together with the run's seed and step: its position among
    /// the nodes. Nodes that flatten do not count, because they did not exist when the first runs
    /// were recorded.
    pub fn mask_key(&self, id: NodeId) -> usize {
        self.nodes[..id].iter().filter(|node| node.op != Op::Flatten).count()
    }

    /// The network for images of `shape`. Before [`Op::Flatten`] existed, networks of dense layers
    /// took an image as one pixel with all values as its channels; such a network gets nodes for
    /// the image and its flattening. Any other is returned unchanged.
    pub fn image_first(self, shape: Shape) -> Self {
        let values =
            shape.height.checked_mul(shape.width).and_then(|n| n.checked_mul(shape.channels));
        let known = self.input_shape();
        match known.pixels() == 1 && known != shape && values == Some(known.channels) {
            true => self.with_flattened_input(shape).unwrap_or(self),
            false => self,
        }
    }

    fn with_flattened_input(&self, shape: Shape) -> Result<Self, SpecError> {
        let mut builder = NetworkBuilder::default();
        let image = builder.add(&self.nodes[0].name, Op::Input { shape }, &[])?;
        builder.add(FLATTEN, Op::Flatten, &[image])?;
        for node in &self.nodes[1..] {
            let inputs: Vec<NodeId> = node.inputs.iter().map(|&input| input + 1).collect();
            builder.add(&node.name, node.op.clone(), &inputs)?;
        }
        builder.finish()
    }

    /// Shapes of a node's inputs.
    pub fn input_shapes(&self, id: NodeId) -> Vec<Shape> {
        self.nodes[id].inputs.iter().map(|&i| self.nodes[i].shape).collect()
    }

    /// Every parameter and running statistic, in the order of the nodes.
    pub fn parameters(&self) -> Vec<Parameter> {
        (0..self.nodes.len()).flat_map(|id| self.node_parameters(id)).collect()
    }

    /// The parameters and running statistics of one node.
    pub fn node_parameters(&self, id: NodeId) -> Vec<Parameter> {
        Parameter::of_node(id, &self.nodes[id], &self.input_shapes(id))
    }

    /// Number of trainable values.
    pub fn trainable(&self) -> usize {
        self.parameters().iter().filter(|p| p.kind.trainable()).map(Parameter::len).sum()
    }

    /// Multiply-adds of one node for one image, forward.
    pub fn node_multiply_adds(&self, id: NodeId) -> u64 {
        self.nodes[id].op.multiply_adds(&self.input_shapes(id), self.nodes[id].shape)
    }

    /// Multiply-adds of one image, forward.
    pub fn multiply_adds(&self) -> u64 {
        (0..self.nodes.len()).map(|id| self.node_multiply_adds(id)).sum()
    }
}

impl<'de> Deserialize<'de> for Network {
    /// Checks each node as it is read, so an endless list is not read completely.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;

        impl<'de> Visitor<'de> for Nodes {
            type Value = Network;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of nodes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Network, A::Error> {
                let mut builder = NetworkBuilder::default();
                while let Some(StoredNode { name, op, inputs }) = nodes.next_element()? {
                    builder.add(name, op, &inputs).map_err(A::Error::custom)?;
                }
                builder.finish().map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_seq(Nodes)
    }
}

impl From<Network> for Vec<StoredNode> {
    fn from(network: Network) -> Self {
        let stored = |n: Node| StoredNode { name: n.name, op: n.op, inputs: n.inputs };
        network.nodes.into_iter().map(stored).collect()
    }
}
