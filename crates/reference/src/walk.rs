//! The walk over a network's nodes: forward for the outputs, backward for the gradients.

use crate::Maps;
use crate::ops::{
    avg_pool, batch_norm, concat, conv, cross_entropy, dense, dropout, flatten, global_avg_pool,
    global_max_pool, input, max_pool, relu, scaled_add,
};
use modiste_spec::{Network, NodeId, Op, Shape};

/// What dropout and batch normalisation do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Masks of this seed and step; the batch's own statistics.
    Train {
        /// The run's seed.
        seed: u64,
        /// Number of steps before this one.
        step: u64,
    },
    /// No masks; running statistics.
    Predict,
}

/// A network with the values of its parameters, ready to be walked.
pub(crate) struct Walk<'a> {
    /// The nodes.
    pub network: &'a Network,
    /// The parameters of each node, in the order of [`Network::node_parameters`].
    pub parameters: Vec<Vec<&'a [f64]>>,
    /// How dropout and batch normalisation behave.
    pub mode: Mode,
    /// Nodes whose running statistics are frozen, so that they normalise in training, too.
    pub frozen: Vec<NodeId>,
}

impl Walk<'_> {
    /// The output of every node; that of the softmax holds the probabilities.
    pub fn forward(&self, images: &[u8]) -> Vec<Maps> {
        let mut outputs: Vec<Maps> = Vec::with_capacity(self.network.nodes().len());
        for (id, node) in self.network.nodes().iter().enumerate() {
            let inputs: Vec<&Maps> = node.inputs.iter().map(|&i| &outputs[i]).collect();
            let output = match node.op {
                Op::Input { shape } => input::input_forward(images, shape),
                _ => self.node_forward(id, &inputs),
            };
            assert_eq!(output.shape, node.shape, "output of \"{}\"", node.name);
            outputs.push(output);
        }
        outputs
    }

    fn node_forward(&self, id: NodeId, inputs: &[&Maps]) -> Maps {
        let (x, p) = (inputs[0], &self.parameters[id]);
        match self.network.nodes()[id].op {
            Op::Input { .. } => unreachable!("the input has no inputs"),
            Op::Conv { kernel, stride, .. } => {
                conv::conv_forward(x, p[0], p.get(1).copied(), kernel, stride)
            }
            Op::BatchNorm { epsilon, scale, .. } => {
                let [shift, mean, variance] = statistics(p);
                let trained = (scale.then(|| p[0]), shift);
                match self.normalises_itself(id) {
                    false => batch_norm::batch_norm_forward(x, mean, variance, trained, epsilon),
                    true => {
                        let own = batch_norm::Statistics::of(x);
                        let (mean, variance) = (&own.mean, &own.variance);
                        batch_norm::batch_norm_forward(x, mean, variance, trained, epsilon)
                    }
                }
            }
            Op::Relu => relu::relu_forward(x),
            Op::Dropout { rate } => match self.mask(id) {
                Some(mask) => dropout::dropout_forward(x, rate, mask),
                None => x.clone(),
            },
            Op::MaxPool { kernel, stride } => max_pool::max_pool_forward(x, kernel, stride),
            Op::AvgPool { kernel } => avg_pool::avg_pool_forward(x, kernel),
            Op::GlobalAvgPool => global_avg_pool::global_avg_pool_forward(x),
            Op::GlobalMaxPool => global_max_pool::global_max_pool_forward(x),
            Op::Flatten => flatten::flatten_forward(x),
            Op::Concat => concat::concat_forward(inputs),
            Op::ScaledAdd { scale } => scaled_add::scaled_add_forward(x, inputs[1], scale),
            Op::Dense { .. } => dense::dense_forward(x, p[0], p[1]),
            Op::Softmax => cross_entropy::softmax_forward(x),
        }
    }

    /// Gradients with respect to the trained parameters of each node, given the outputs of
    /// [`Self::forward`] and the gradient with respect to the logits.
    pub fn backward(&self, outputs: &[Maps], dlogits: Maps) -> Vec<Vec<Vec<f64>>> {
        self.flow(outputs, dlogits, 0, true).1
    }

    /// The gradient with respect to the output of node `end`, given the same.
    pub fn gradient_by(&self, outputs: &[Maps], dlogits: Maps, end: NodeId) -> Maps {
        let found = self.flow(outputs, dlogits, end, false).0;
        found.unwrap_or_else(|| outputs[end].map(|_| 0.0))
    }

    /// Propagates the gradient with respect to the logits back to node `end`. Returns its gradient,
    /// and those with respect to the trained parameters of the nodes after it,
    /// but those of convolutions only if `parameters` is set.
    fn flow(
        &self,
        outputs: &[Maps],
        dlogits: Maps,
        end: NodeId,
        parameters: bool,
    ) -> (Option<Maps>, Vec<Vec<Vec<f64>>>) {
        let nodes = self.network.nodes();
        let mut gradients: Vec<Option<Maps>> = vec![None; nodes.len()];
        let mut dparameters = vec![Vec::new(); nodes.len()];
        gradients[self.network.logits()] = Some(dlogits);
        for id in (end + 1..nodes.len()).rev() {
            // The softmax has none: its gradient is fused with the loss.
            let Some(dy) = gradients[id].take() else { continue };
            let node = &nodes[id];
            let inputs: Vec<&Maps> = node.inputs.iter().map(|&i| &outputs[i]).collect();
            let (dinputs, dparameter) = self.node_backward(id, &inputs, dy, parameters);
            for (&input, dx) in node.inputs.iter().zip(dinputs) {
                match &mut gradients[input] {
                    Some(sum) => sum.add(&dx),
                    none => *none = Some(dx),
                }
            }
            dparameters[id] = dparameter;
        }
        (gradients[end].take(), dparameters)
    }

    /// Gradients with respect to a node's inputs and its trained parameters.
    fn node_backward(
        &self,
        id: NodeId,
        inputs: &[&Maps],
        dy: Maps,
        parameters: bool,
    ) -> (Vec<Maps>, Vec<Vec<f64>>) {
        let Some(&x) = inputs.first() else { return (Vec::new(), Vec::new()) };
        let p = &self.parameters[id];
        let alone = |dx: Maps| (vec![dx], Vec::new());
        match self.network.nodes()[id].op {
            Op::Input { .. } | Op::Softmax => unreachable!("nothing flows back through these"),
            // Heat maps need half of the work.
            Op::Conv { kernel, stride, .. } if !parameters => {
                alone(conv::conv_input_gradient(x, p[0], kernel, stride, &dy))
            }
            Op::Conv { kernel, stride, bias, .. } => {
                let found = conv::conv_backward(x, p[0], kernel, stride, &dy);
                let bias = bias.then_some(found.dbias);
                (vec![found.dx], [found.dweight].into_iter().chain(bias).collect())
            }
            Op::BatchNorm { epsilon, scale, .. } => {
                let [_, mean, variance] = statistics(p);
                let scale = scale.then(|| p[0]);
                let found = match self.normalises_itself(id) {
                    false => batch_norm::running_backward(x, (mean, variance), scale, epsilon, &dy),
                    true => batch_norm::batch_norm_backward(x, scale, epsilon, &dy),
                };
                let trained = scale.map(|_| found.dscale).into_iter().chain([found.dshift]);
                (vec![found.dx], trained.collect())
            }
            Op::Relu => alone(relu::relu_backward(x, &dy)),
            Op::Dropout { rate } => alone(match self.mask(id) {
                Some(mask) => dropout::dropout_backward(&dy, rate, mask),
                None => dy,
            }),
            Op::MaxPool { kernel, stride } => {
                alone(max_pool::max_pool_backward(x, kernel, stride, &dy))
            }
            Op::AvgPool { kernel } => alone(avg_pool::avg_pool_backward(x, kernel, &dy)),
            Op::GlobalAvgPool => alone(global_avg_pool::global_avg_pool_backward(x.shape, &dy)),
            Op::GlobalMaxPool => alone(global_max_pool::global_max_pool_backward(x, &dy)),
            Op::Flatten => alone(flatten::flatten_backward(x.shape, &dy)),
            Op::Concat => {
                let shapes: Vec<Shape> = inputs.iter().map(|x| x.shape).collect();
                (concat::concat_backward(&shapes, &dy), Vec::new())
            }
            Op::ScaledAdd { scale } => {
                (scaled_add::scaled_add_backward(&dy, scale).into(), Vec::new())
            }
            Op::Dense { .. } => {
                let found = dense::dense_backward(x, p[0], &dy);
                (vec![found.dx], vec![found.dweight, found.dbias])
            }
        }
    }

    /// Whether a batch normalisation uses the batch's own statistics.
    fn normalises_itself(&self, node: NodeId) -> bool {
        self.mode != Mode::Predict && !self.frozen.contains(&node)
    }

    fn mask(&self, node: NodeId) -> Option<dropout::Mask> {
        match self.mode {
            Mode::Train { seed, step } => {
                Some(dropout::Mask { seed, node: self.network.mask_key(node), step })
            }
            Mode::Predict => None,
        }
    }
}

/// Shift, running mean and running variance, which may follow a scale.
fn statistics<'a>(parameters: &[&'a [f64]]) -> [&'a [f64]; 3] {
    let [.., shift, mean, variance] = *parameters else {
        unreachable!("a normalisation has three")
    };
    [shift, mean, variance]
}
