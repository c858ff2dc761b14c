//! An ONNX graph under construction: nodes with one output each, and constant tensors.

use super::messages::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS, Attribute, Dimension, FLOAT, Graph, INT64,
    Node, Size, Tensor, TensorShape, TensorType, Type, ValueInfo,
};

/// Collects the parts of a graph.
#[derive(Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl GraphBuilder {
    /// Adds a node and returns the name of its output, which equals the node's name.
    pub fn node(
        &mut self,
        name: &str,
        op_type: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute: attributes,
        });
        name.to_owned()
    }

    /// Whether there is a node with this name.
    pub fn has(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }

    /// Adds a tensor of floats, unless there is one with this name, and returns its name.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, FLOAT, shape, raw)
    }

    /// Adds a list of whole numbers, unless there is one with this name, and returns its name.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, INT64, &[values.len()], raw)
    }

    fn tensor(&mut self, name: &str, data_type: i32, shape: &[usize], raw_data: Vec<u8>) -> String {
        if self.tensors.iter().all(|tensor| tensor.name != name) {
            let dims = shape.iter().map(|&size| size as i64).collect();
            self.tensors.push(Tensor { dims, data_type, name: name.to_owned(), raw_data });
        }
        name.to_owned()
    }

    /// The finished graph.
    pub fn finish(self, name: &str, input: ValueInfo, output: Vec<ValueInfo>) -> Graph {
        Graph {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.tensors,
            input: vec![input],
            output,
        }
    }
}

/// A whole number, such as an axis.
pub(super) fn int(name: &str, value: usize) -> Attribute {
    let i = Some(value as i64);
    Attribute { name: name.to_owned(), i, kind: ATTRIBUTE_INT, ..Attribute::default() }
}

/// A list of whole numbers, such as strides.
pub(super) fn ints(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|&value| value as i64).collect();
    Attribute { name: name.to_owned(), ints, kind: ATTRIBUTE_INTS, ..Attribute::default() }
}

/// A number.
pub(super) fn float(name: &str, value: f64) -> Attribute {
    let f = Some(value as f32);
    Attribute { name: name.to_owned(), f, kind: ATTRIBUTE_FLOAT, ..Attribute::default() }
}

/// An input or output of shape (n, `sizes`...) with any n.
pub(super) fn value(name: &str, elem_type: i32, sizes: &[usize], doc: &str) -> ValueInfo {
    let sizes = sizes.iter().map(|&size| Size::Value(size as i64));
    let all = std::iter::once(Size::Name("n".to_owned())).chain(sizes);
    let dim = all.map(|size| Dimension { size: Some(size) }).collect();
    let tensor = TensorType { elem_type, shape: Some(TensorShape { dim }) };
    let kind = Some(Type { tensor_type: Some(tensor) });
    ValueInfo { name: name.to_owned(), kind, doc_string: doc.to_owned() }
}
