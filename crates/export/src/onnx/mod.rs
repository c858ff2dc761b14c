//! A trained network as an ONNX model that takes pixels and returns probabilities.
//!
//! The model contains everything that affects the answers: scaling of the pixels, order of the channels,
//! running statistics, temperature, softmax. Weights keep the network's names and layout. Batch
//! normalisations remain separate nodes (with a scale of ones if they have no trained scale), because every
//! runtime folds them into convolutions itself.

mod graph;
mod messages;

use modiste_spec::engine::{EngineError, PIXEL_MAX, State, Tensor};
use modiste_spec::{Network, NodeId, Op, Shape, padding};
use prost::Message;

use graph::{GraphBuilder, float, int, ints, value};
use messages::{Attribute, FLOAT, INT64, Model, OperatorSet, Property, UINT8};

/// ONNX 1.12's version of the file format.
const IR_VERSION: i64 = 8;
/// Version of the operators, from ONNX 1.12; runtimes since 2022 support it.
const OPSET: i64 = 17;

/// The model's input: pixels as bytes, (n, h, w) of grey images or (n, h, w, c).
pub const ONNX_IMAGES: &str = "images";
/// The model's first output: probabilities (n, classes).
pub const ONNX_PROBABILITIES: &str = "probabilities";
/// The model's second output: the index of the most likely class (n); the first of equals.
pub const ONNX_CLASS: &str = "class";

/// The source of an ONNX model.
#[derive(Clone, Copy, Debug)]
pub struct OnnxSource<'a> {
    /// The network.
    pub network: &'a Network,
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub parameters: &'a [Tensor],
    /// Divisor of the logits before softmax; 1 for none.
    pub temperature: f32,
    /// Keys and values of the model's metadata, such as the names of the classes.
    pub metadata: &'a [(String, String)],
}

/// The bytes of an ONNX model of `source`; equal sources give equal bytes.
///
/// # Errors
/// If the parameters do not fit the network.
pub fn onnx(source: &OnnxSource<'_>) -> Result<Vec<u8>, EngineError> {
    let state = State::of_parameters(source.parameters.to_vec());
    state.check(source.network)?;
    let graph = Walk::new(source).run(source);
    let property =
        |(key, value): &(String, String)| Property { key: key.clone(), value: value.clone() };
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "modiste".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: "From pixels to probabilities; includes scaling and softmax.".into(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: Some(String::new()), version: OPSET }],
        metadata_props: source.metadata.iter().map(property).collect(),
    };
    Ok(model.encode_to_vec())
}

/// An output of a node: its name, and whether it is (n, c) instead of (n, c, h, w).
struct NodeOutput {
    name: String,
    flat: bool,
}

/// State of the walk over the nodes.
struct Walk<'a> {
    network: &'a Network,
    /// The parameters of each node.
    parameters: Vec<Vec<&'a Tensor>>,
    graph: GraphBuilder,
    /// NodeOutput of each visited node.
    outputs: Vec<NodeOutput>,
}

impl<'a> Walk<'a> {
    fn new(source: &OnnxSource<'a>) -> Self {
        let network = source.network;
        let mut parameters = vec![Vec::new(); network.nodes().len()];
        for (parameter, tensor) in network.parameters().iter().zip(source.parameters) {
            parameters[parameter.node].push(tensor);
        }
        Self { network, parameters, graph: GraphBuilder::default(), outputs: Vec::new() }
    }

    fn run(mut self, source: &OnnxSource<'_>) -> messages::Graph {
        for (id, node) in self.network.nodes().iter().enumerate() {
            let flat = matches!(node.op, Op::Flatten | Op::Dense { .. } | Op::Softmax);
            let name = match node.op {
                Op::Softmax => self.softmax(node.inputs[0], source.temperature),
                _ => self.node(id),
            };
            self.outputs.push(NodeOutput { name, flat });
        }
        let shape = self.network.input_shape();
        let sizes = [shape.height, shape.width, shape.channels];
        let sizes = if shape.channels == 1 { &sizes[..2] } else { &sizes };
        let images = value(ONNX_IMAGES, UINT8, sizes, "pixels, 0 to 255");
        let classes = [self.network.classes()];
        let outputs = vec![
            value(
                ONNX_PROBABILITIES,
                FLOAT,
                &classes,
                "one per class, in the order of the classes",
            ),
            value(ONNX_CLASS, INT64, &[], "index of the most likely class"),
        ];
        self.graph.finish("modiste", images, outputs)
    }

    /// Adds the operators of node `id`, and returns the name of its output.
    fn node(&mut self, id: NodeId) -> String {
        let network = self.network;
        let node = &network.nodes()[id];
        let name = node.name.as_str();
        match node.op {
            Op::Input { shape } => self.input(name, shape),
            Op::Conv { kernel, stride, .. } => {
                let mut inputs = vec![self.map(node.inputs[0])];
                inputs.extend(self.weights(id));
                self.add(name, "Conv", &inputs, window(kernel, stride))
            }
            Op::BatchNorm { epsilon, scale, .. } => {
                let mut inputs = vec![self.map(node.inputs[0])];
                if !scale {
                    let channels = node.shape.channels;
                    let (name, ones) = (format!("ones.{channels}"), vec![1.0; channels]);
                    inputs.push(self.graph.floats(&name, &[channels], &ones));
                }
                inputs.extend(self.weights(id));
                self.add(name, "BatchNormalization", &inputs, vec![float("epsilon", epsilon)])
            }
            Op::Relu => self.plain(id, "Relu", vec![]),
            // Dropout has no effect after training.
            Op::Dropout { .. } => self.map(node.inputs[0]),
            Op::MaxPool { kernel, stride } => self.plain(id, "MaxPool", window(kernel, stride)),
            Op::AvgPool { kernel } => {
                let sides = [kernel; 2];
                let attributes = vec![ints("kernel_shape", &sides), ints("strides", &sides)];
                self.plain(id, "AveragePool", attributes)
            }
            Op::GlobalAvgPool => self.plain(id, "GlobalAveragePool", vec![]),
            Op::GlobalMaxPool => {
                let Shape { height, width, .. } = network.input_shapes(id)[0];
                let window = ints("kernel_shape", &[height, width]);
                self.plain(id, "MaxPool", vec![window, ints("strides", &[1, 1])])
            }
            Op::Flatten if network.input_shapes(id)[0].pixels() == 1 => self.flat(node.inputs[0]),
            Op::Flatten => {
                let map = self.map(node.inputs[0]);
                let order = vec![ints("perm", &[0, 2, 3, 1])];
                let rows = self.add(&format!("{name}.rows"), "Transpose", &[map], order);
                self.add(name, "Flatten", &[rows], vec![int("axis", 1)])
            }
            Op::Concat => self.plain(id, "Concat", vec![int("axis", 1)]),
            Op::ScaledAdd { scale } => {
                let [x, y] = [0, 1].map(|i| self.map(node.inputs[i]));
                let factor = self.graph.floats(&format!("{name}.scale"), &[], &[scale as f32]);
                let scaled = self.add(&format!("{name}.scaled"), "Mul", &[y, factor], vec![]);
                self.add(name, "Add", &[x, scaled], vec![])
            }
            Op::Dense { .. } => {
                let inputs = [vec![self.flat(node.inputs[0])], self.weights(id)].concat();
                self.add(name, "Gemm", &inputs, vec![int("transB", 1)])
            }
            Op::Softmax => unreachable!("`run` adds it with the temperature"),
        }
    }

    /// Converts bytes (n, h, w) or (n, h, w, c) to floats (n, c, h, w) in [0, 1].
    fn input(&mut self, name: &str, shape: Shape) -> String {
        let images = ONNX_IMAGES.to_owned();
        let to = int("to", FLOAT as usize);
        let x = self.add(&format!("{name}.float"), "Cast", &[images], vec![to]);
        let divisor = self.graph.floats(&format!("{name}.divisor"), &[], &[PIXEL_MAX]);
        let x = self.add(&format!("{name}.scaled"), "Div", &[x, divisor], vec![]);
        if shape.channels == 1 {
            let axis = self.graph.integers("axis.1", &[1]);
            return self.add(name, "Unsqueeze", &[x, axis], vec![]);
        }
        self.add(name, "Transpose", &[x], vec![ints("perm", &[0, 3, 1, 2])])
    }

    /// Adds the two outputs of the model.
    fn softmax(&mut self, logits: NodeId, temperature: f32) -> String {
        let mut x = self.flat(logits);
        let attributes = vec![int("axis", 1), int("keepdims", 0)];
        self.add(ONNX_CLASS, "ArgMax", std::slice::from_ref(&x), attributes);
        if temperature != 1.0 {
            let divisor = self.graph.floats("temperature", &[], &[temperature]);
            x = self.add("logits.scaled", "Div", &[x, divisor], vec![]);
        }
        self.add(ONNX_PROBABILITIES, "Softmax", &[x], vec![int("axis", 1)])
    }

    fn add(
        &mut self,
        name: &str,
        op_type: &str,
        inputs: &[String],
        attributes: Vec<Attribute>,
    ) -> String {
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.graph.node(name, op_type, &inputs, attributes)
    }

    /// Adds a node that takes only the maps of its inputs.
    fn plain(&mut self, id: NodeId, op_type: &str, attributes: Vec<Attribute>) -> String {
        let node = &self.network.nodes()[id];
        let inputs: Vec<String> = node.inputs.iter().map(|&input| self.map(input)).collect();
        self.add(&node.name, op_type, &inputs, attributes)
    }

    /// Adds the parameters of a node to the graph and returns their names.
    fn weights(&mut self, id: NodeId) -> Vec<String> {
        let of_node = self.parameters[id].iter();
        of_node.map(|t| self.graph.floats(&t.name, &t.shape, &t.values)).collect()
    }

    /// The name of a node's output as (n, c, h, w).
    fn map(&mut self, id: NodeId) -> String {
        let NodeOutput { name, flat } = &self.outputs[id];
        let name = name.clone();
        if !flat {
            return name;
        }
        let axes = self.graph.integers("axes.2.3", &[2, 3]);
        self.reshaped(&format!("{name}.map"), "Unsqueeze", &[name, axes], vec![])
    }

    /// The name of the output of a node with a 1x1 map as (n, c).
    fn flat(&mut self, id: NodeId) -> String {
        let NodeOutput { name, flat } = &self.outputs[id];
        let name = name.clone();
        if *flat {
            return name;
        }
        self.reshaped(&format!("{name}.flat"), "Flatten", &[name], vec![int("axis", 1)])
    }

    /// [`Self::add`], unless the node exists already.
    fn reshaped(
        &mut self,
        name: &str,
        op_type: &str,
        inputs: &[String],
        attributes: Vec<Attribute>,
    ) -> String {
        if self.graph.has(name) {
            return name.to_owned();
        }
        self.add(name, op_type, inputs, attributes)
    }
}

/// A square window that moves by `stride` over a padded map.
fn window(kernel: usize, stride: usize) -> Vec<Attribute> {
    vec![
        ints("kernel_shape", &[kernel; 2]),
        ints("pads", &[padding(kernel); 4]),
        ints("strides", &[stride; 2]),
    ]
}
