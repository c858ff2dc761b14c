//! The list of nodes and its walk.

use crate::{Op, Parameter, Shape, SpecError};
use serde::{Deserialize, Serialize};

/// Position of a node in its network.
pub type NodeId = usize;

/// One operation of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique name, a dotted path: `blocks.0.branches.2.1.conv`.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// The nodes whose outputs are taken; each lies before this one.
    pub inputs: Vec<NodeId>,
    /// Shape of the output for one image.
    pub shape: Shape,
}

/// A network: nodes in topological order, the input first, the logits' softmax last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<StoredNode>", into = "Vec<StoredNode>")]
pub struct Network {
    nodes: Vec<Node>,
}

/// A node as it is written to files: shapes follow from the rest.
#[derive(Serialize, Deserialize)]
struct StoredNode {
    name: String,
    op: Op,
    #[serde(default)]
    inputs: Vec<NodeId>,
}

/// Puts a network together node by node and checks each.
#[derive(Default)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
}

impl NetworkBuilder {
    /// Adds a node and returns its position.
    ///
    /// # Errors
    /// If the name is taken, an input does not lie before the node, or a shape does not fit.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[NodeId],
    ) -> Result<NodeId, SpecError> {
        let name = name.into();
        let fail = |reason: String| SpecError::Node { node: name.clone(), reason };
        if self.nodes.iter().any(|n| n.name == name) {
            return Err(fail("the name is taken".into()));
        }
        if let Some(id) = inputs.iter().find(|&&id| id >= self.nodes.len()) {
            return Err(fail(format!("input {id} does not lie before it")));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&id| self.nodes[id].shape).collect();
        let shape = op.output_shape(&shapes).map_err(fail)?;
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), shape });
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
    /// output is used by nobody.
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
        let used = |id: NodeId| self.nodes.iter().any(|n| n.inputs.contains(&id));
        if let Some(id) = (0..last).find(|&id| !used(id)) {
            return fail(&format!("the output of \"{}\" is used by nobody", self.nodes[id].name));
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

impl TryFrom<Vec<StoredNode>> for Network {
    type Error = SpecError;

    fn try_from(stored: Vec<StoredNode>) -> Result<Self, SpecError> {
        let mut builder = NetworkBuilder::default();
        for node in stored {
            builder.add(node.name, node.op, &node.inputs)?;
        }
        builder.finish()
    }
}

impl From<Network> for Vec<StoredNode> {
    fn from(network: Network) -> Self {
        let stored = |n: Node| StoredNode { name: n.name, op: n.op, inputs: n.inputs };
        network.nodes.into_iter().map(stored).collect()
    }
}
