//! The walk over a network's nodes for one image: in order for the outputs, backwards for the
//! gradient of a logit by the output of one node.

use modiste_spec::engine::{EngineError, PIXEL_MAX, State, Tensor};
use modiste_spec::{Network, NodeId, Op};

use crate::ops::{self, Window};

/// A network with its parameters, as it is after training: running statistics, nothing dropped.
pub(crate) struct Walk<'a> {
    pub network: &'a Network,
    /// The values of each node's parameters, in the order of [`Network::node_parameters`].
    parameters: Vec<Vec<&'a [f32]>>,
}

impl<'a> Walk<'a> {
    /// # Errors
    /// If the parameters are not the network's.
    pub fn new(network: &'a Network, parameters: &'a [Tensor]) -> Result<Self, EngineError> {
        State { parameters: parameters.to_vec(), ..State::default() }.check(network)?;
        let mut of_node = vec![Vec::new(); network.nodes().len()];
        for (parameter, tensor) in network.parameters().iter().zip(parameters) {
            of_node[parameter.node].push(&tensor.values[..]);
        }
        Ok(Self { network, parameters: of_node })
    }

    /// The output (h, w, c) of every node but the softmax, whose place stays empty.
    pub fn forward(&self, pixels: &[u8]) -> Vec<Vec<f32>> {
        let mut outputs: Vec<Vec<f32>> = Vec::with_capacity(self.network.nodes().len());
        for (id, node) in self.network.nodes().iter().enumerate() {
            let inputs: Vec<&[f32]> = node.inputs.iter().map(|&i| &outputs[i][..]).collect();
            let output = match node.op {
                Op::Input { .. } => pixels.iter().map(|&p| f32::from(p) / PIXEL_MAX).collect(),
                _ => self.node_forward(id, &inputs),
            };
            outputs.push(output);
        }
        outputs
    }

    fn node_forward(&self, id: NodeId, inputs: &[&[f32]]) -> Vec<f32> {
        let (node, p, x) = (&self.network.nodes()[id], &self.parameters[id], inputs[0]);
        match node.op {
            Op::Input { .. } => unreachable!("the input has no inputs"),
            Op::Conv { .. } | Op::Dense { .. } => {
                let bias = p.get(1).copied();
                ops::conv_forward(x, p[0], bias, self.window(id))
            }
            Op::BatchNorm { epsilon, .. } => {
                ops::norm_forward(x, p[1], &ops::norm_scale(p[2], epsilon), p[0])
            }
            Op::Relu => x.iter().map(|x| x.max(0.0)).collect(),
            Op::Dropout { .. } => x.to_vec(),
            Op::MaxPool { .. } => ops::max_pool_forward(x, self.window(id)),
            Op::AvgPool { .. } => ops::mean_forward(x, self.window(id)),
            Op::GlobalAvgPool => ops::global_mean_forward(x, node.shape.channels),
            Op::Concat => ops::concat_forward(inputs, node.shape.pixels()),
            Op::ScaledAdd { scale } => {
                x.iter().zip(inputs[1]).map(|(x, y)| x + scale as f32 * y).collect()
            }
            Op::Softmax => Vec::new(),
        }
    }

    /// The gradient of the logit of `class` by the output of node `layer`, from the outputs of
    /// [`Self::forward`].
    pub fn gradient(&self, outputs: &[Vec<f32>], class: usize, layer: NodeId) -> Vec<f32> {
        let nodes = self.network.nodes();
        let mut gradients: Vec<Option<Vec<f32>>> = vec![None; nodes.len()];
        let logits = self.network.logits();
        let mut start = vec![0.0; self.network.classes()];
        start[class] = 1.0;
        gradients[logits] = Some(start);
        for id in (layer + 1..=logits).rev() {
            let Some(dy) = gradients[id].take() else { continue };
            for (position, &input) in nodes[id].inputs.iter().enumerate() {
                // What lies before the layer does not depend on it.
                if input < layer {
                    continue;
                }
                let dx = self.node_backward(id, position, outputs, &dy);
                match &mut gradients[input] {
                    Some(sum) => sum.iter_mut().zip(dx).for_each(|(sum, dx)| *sum += dx),
                    none => *none = Some(dx),
                }
            }
        }
        gradients[layer].take().unwrap_or_else(|| vec![0.0; nodes[layer].shape.len()])
    }

    /// The gradient by the input of node `id` at `position`.
    fn node_backward(
        &self,
        id: NodeId,
        position: usize,
        outputs: &[Vec<f32>],
        dy: &[f32],
    ) -> Vec<f32> {
        let (node, p) = (&self.network.nodes()[id], &self.parameters[id]);
        let x = &outputs[node.inputs[position]];
        match node.op {
            Op::Input { .. } | Op::Softmax => unreachable!("nothing flows back through these"),
            Op::Conv { .. } | Op::Dense { .. } => ops::conv_backward(dy, p[0], self.window(id)),
            Op::BatchNorm { epsilon, .. } => {
                ops::norm_backward(dy, &ops::norm_scale(p[2], epsilon))
            }
            Op::Relu => dy.iter().zip(x).map(|(&dy, &x)| if x > 0.0 { dy } else { 0.0 }).collect(),
            Op::Dropout { .. } => dy.to_vec(),
            Op::MaxPool { .. } => ops::max_pool_backward(x, dy, self.window(id)),
            Op::AvgPool { .. } => ops::mean_backward(dy, self.window(id)),
            Op::GlobalAvgPool => {
                ops::global_mean_backward(dy, self.network.input_shapes(id)[0].pixels())
            }
            Op::Concat => {
                let shapes = self.network.input_shapes(id);
                let start = shapes[..position].iter().map(|shape| shape.channels).sum();
                let channels = shapes[position].channels;
                ops::concat_backward(dy, node.shape.channels, start, channels)
            }
            Op::ScaledAdd { scale } if position == 1 => {
                dy.iter().map(|dy| scale as f32 * dy).collect()
            }
            Op::ScaledAdd { .. } => dy.to_vec(),
        }
    }

    /// The window of a node that has one; a dense layer is a convolution of a 1x1 map.
    fn window(&self, id: NodeId) -> Window {
        let node = &self.network.nodes()[id];
        let (from, to) = (self.network.input_shapes(id)[0], node.shape);
        let window = |kernel, stride, padding| Window { kernel, stride, padding, from, to };
        match node.op {
            Op::Conv { kernel, stride, .. } | Op::MaxPool { kernel, stride } => {
                window(kernel, stride, kernel / 2)
            }
            Op::AvgPool { kernel } => window(kernel, kernel, 0),
            Op::Dense { .. } => window(1, 1, 0),
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::GlobalAvgPool
            | Op::Concat
            | Op::ScaledAdd { .. }
            | Op::Softmax => unreachable!("{} has no window", node.op.name()),
        }
    }
}
