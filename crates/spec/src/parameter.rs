//! Names, shapes and initial values of parameters.

use crate::random::{Purpose, Stream};
use crate::{Node, NodeId, Op, Shape};

/// Kind of a parameter; decides its initial value, whether it is trained and whether it decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Convolution weights (k, c, kernel, kernel).
    ConvWeight,
    /// Dense weights (units, c).
    DenseWeight,
    /// Bias of a convolution or dense layer (k).
    Bias,
    /// Trained scale of a batch normalisation (c), PyTorch's `weight`.
    Scale,
    /// Trained shift of a batch normalisation (c), PyTorch's `bias`.
    Shift,
    /// Running mean of a batch normalisation (c); not trained.
    RunningMean,
    /// Running variance of a batch normalisation (c); not trained.
    RunningVariance,
}

impl ParameterKind {
    /// Whether the optimiser changes parameters of this kind.
    pub fn trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }

    /// Whether weight decay applies: to weights, not to biases, scales and shifts.
    pub fn decays(self) -> bool {
        matches!(self, Self::ConvWeight | Self::DenseWeight)
    }
}

/// One tensor of a network, with PyTorch's name and layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Dotted name, as in `blocks.0.branches.2.1.conv.weight`.
    pub name: String,
    /// Sizes in PyTorch's order.
    pub shape: Vec<usize>,
    /// The kind of parameter.
    pub kind: ParameterKind,
    /// The node it belongs to.
    pub node: NodeId,
}

impl Parameter {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values at the start of training.
    ///
    /// Weights are uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), the default
    /// of Keras, in which networks like the paper's are usually written; scales are 1, biases and
    /// shifts 0, running statistics those of a standard normal. `position` is the parameter's index
    /// in [`crate::Network::parameters`].
    pub fn initial_values(&self, seed: u64, position: usize) -> Vec<f32> {
        match self.kind {
            ParameterKind::ConvWeight | ParameterKind::DenseWeight => {
                let window: usize = self.shape[2..].iter().product();
                let fans = window * (self.shape[0] + self.shape[1]);
                let limit = (6.0 / fans as f64).sqrt();
                let stream = Stream::new(seed, Purpose::Initialisation, position as u32, 0);
                let value = |i| (limit * (2.0 * stream.unit(i) - 1.0)) as f32;
                (0..self.len() as u64).map(value).collect()
            }
            ParameterKind::Bias | ParameterKind::Shift | ParameterKind::RunningMean => {
                vec![0.0; self.len()]
            }
            ParameterKind::Scale | ParameterKind::RunningVariance => vec![1.0; self.len()],
        }
    }

    /// The parameters of one node, in a fixed order.
    pub(crate) fn of_node(id: NodeId, node: &Node, inputs: &[Shape]) -> Vec<Parameter> {
        let make = |suffix: &str, shape: Vec<usize>, kind| Parameter {
            name: format!("{}.{suffix}", node.name),
            shape,
            kind,
            node: id,
        };
        match node.op {
            Op::Conv { kernel, channels, bias, .. } => {
                let weight = vec![channels, inputs[0].channels, kernel, kernel];
                let mut list = vec![make("weight", weight, ParameterKind::ConvWeight)];
                if bias {
                    list.push(make("bias", vec![channels], ParameterKind::Bias));
                }
                list
            }
            Op::BatchNorm { scale, .. } => {
                let all = [
                    ("weight", ParameterKind::Scale),
                    ("bias", ParameterKind::Shift),
                    ("running_mean", ParameterKind::RunningMean),
                    ("running_var", ParameterKind::RunningVariance),
                ];
                let some = all.into_iter().skip(usize::from(!scale));
                some.map(|(suffix, kind)| make(suffix, vec![inputs[0].channels], kind)).collect()
            }
            Op::Dense { units } => vec![
                make("weight", vec![units, inputs[0].channels], ParameterKind::DenseWeight),
                make("bias", vec![units], ParameterKind::Bias),
            ],
            Op::Input { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::GlobalMaxPool
            | Op::Flatten
            | Op::Concat
            | Op::ScaledAdd { .. }
            | Op::Softmax => Vec::new(),
        }
    }
}
