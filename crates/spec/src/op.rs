//! The operations, with their output shapes and costs.

use crate::limits::{MAX_CHANNELS, MAX_KERNEL, MAX_SIDE, check_shape};
use serde::{Deserialize, Serialize};

/// Size of one image or feature map; the layout of a batch is (n, h, w, c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// A shape of `height` x `width` pixels of `channels` values.
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// Pixels: height x width.
    pub const fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values: height x width x channels.
    pub const fn len(&self) -> usize {
        self.pixels() * self.channels
    }

    /// Whether there are no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// One operation. The enum is closed and matched without a wildcard, so that the compiler lists every
/// consumer that has to handle a new operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The images, as floats in [0, 1] (pixel / 255).
    Input {
        /// Shape of one image.
        shape: Shape,
    },
    /// Square convolution (cross-correlation, as everywhere in the field) with symmetric zero
    /// padding [`padding`]; the kernel is odd. Weights are (k, c, kernel, kernel), OIHW.
    Conv {
        /// Side of the kernel.
        kernel: usize,
        /// Step between windows, the same in both directions.
        stride: usize,
        /// Output channels, k.
        channels: usize,
        /// Whether a bias is added per output channel.
        bias: bool,
    },
    /// Batch normalisation over (n, h, w) with a trained shift and optionally a trained scale:
    /// (x - mean) / sqrt(variance + epsilon) x scale + shift. Batch statistics (biased variance) while
    /// training; running ones (unbiased variance) otherwise. Ioffe and Szegedy 2015.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
        /// Weight of the new batch in the running statistics (PyTorch's convention).
        momentum: f64,
        /// Whether the scale is trained; otherwise it is 1.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        scale: bool,
    },
    /// max(x, 0); the gradient at 0 is 0.
    Relu,
    /// Zeroes elements with probability `rate` while training and scales the kept ones by
    /// 1 / (1 - rate); identity otherwise. The mask is [`crate::random::dropout_keeps`].
    Dropout {
        /// Probability to drop, 0 <= rate < 1.
        rate: f64,
    },
    /// Maximum of square windows, padded by [`padding`] with minus infinity; of equal maxima the first
    /// in row-major order gets the gradient. Remaining rows and columns are dropped.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step between windows.
        stride: usize,
    },
    /// Mean of square windows that do not overlap; remaining rows and columns are dropped.
    AvgPool {
        /// Side and step of the window.
        kernel: usize,
    },
    /// Mean over all pixels: (h, w, c) to (1, 1, c).
    GlobalAvgPool,
    /// Maximum over all pixels: (h, w, c) to (1, 1, c); of equal maxima the first gets the gradient.
    GlobalMaxPool,
    /// All values of a map as the channels of one pixel, in the order (h, w, c).
    Flatten,
    /// The inputs' channels, concatenated.
    Concat,
    /// First input + scale x second input.
    ScaledAdd {
        /// The factor of the second input.
        scale: f64,
    },
    /// Fully connected layer with bias on a 1x1 map; weights are (units, c).
    Dense {
        /// Outputs.
        units: usize,
    },
    /// exp(x) / sum of exp(x) over channels of a 1x1 map; only as the last node. Its inputs are the
    /// logits, which engines return.
    Softmax,
}

impl Op {
    /// Name in tables and files.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input { .. } => "input",
            Op::Conv { .. } => "conv",
            Op::BatchNorm { .. } => "batch_norm",
            Op::Relu => "relu",
            Op::Dropout { .. } => "dropout",
            Op::MaxPool { .. } => "max_pool",
            Op::AvgPool { .. } => "avg_pool",
            Op::GlobalAvgPool => "global_avg_pool",
            Op::GlobalMaxPool => "global_max_pool",
            Op::Flatten => "flatten",
            Op::Concat => "concat",
            Op::ScaledAdd { .. } => "scaled_add",
            Op::Dense { .. } => "dense",
            Op::Softmax => "softmax",
        }
    }

    /// Shape of the output for inputs of the given shapes, or the problem.
    pub fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.check_settings()?;
        let [first, rest @ ..] = inputs else {
            return match self {
                Op::Input { shape } => check_shape(*shape).map(|()| *shape),
                _ => Err(format!("{} needs an input", self.name())),
            };
        };
        self.check_input_count(inputs.len())?;
        let window = |kernel: usize, stride: usize, padding: usize, channels| {
            let side = |size: usize| match (size + 2 * padding).checked_sub(kernel) {
                Some(room) => Ok(room / stride + 1),
                None => Err(format!("a {kernel}x{kernel} window does not fit into {first}")),
            };
            Ok(Shape::new(side(first.height)?, side(first.width)?, channels))
        };
        match *self {
            Op::Input { .. } => Err("an input node takes no input".into()),
            Op::Conv { kernel, stride, channels, .. } => {
                window(kernel, stride, padding(kernel), channels)
            }
            Op::MaxPool { kernel, stride } => {
                window(kernel, stride, padding(kernel), first.channels)
            }
            Op::AvgPool { kernel } => window(kernel, kernel, 0, first.channels),
            Op::BatchNorm { .. } | Op::Relu | Op::Dropout { .. } => Ok(*first),
            Op::GlobalAvgPool | Op::GlobalMaxPool => Ok(Shape::new(1, 1, first.channels)),
            Op::Flatten => Ok(Shape::new(1, 1, first.len())),
            Op::Concat => {
                if let Some(other) =
                    rest.iter().find(|s| (s.height, s.width) != (first.height, first.width))
                {
                    return Err(format!("cannot join {other} to {first}"));
                }
                let channels = inputs.iter().map(|s| s.channels).sum();
                Ok(Shape::new(first.height, first.width, channels))
            }
            Op::ScaledAdd { .. } if rest[0] != *first => {
                Err(format!("cannot add {} to {first}", rest[0]))
            }
            Op::ScaledAdd { .. } => Ok(*first),
            Op::Dense { .. } | Op::Softmax if first.pixels() != 1 => {
                Err(format!("{} takes a 1x1 map, not {first}", self.name()))
            }
            Op::Dense { units } => Ok(Shape::new(1, 1, units)),
            Op::Softmax => Ok(*first),
        }
    }

    /// Kernel and stride of a convolution; a dense layer is one with kernel and stride 1. `None` for
    /// operations without a filter.
    pub fn convolution(&self) -> Option<(usize, usize)> {
        match *self {
            Op::Conv { kernel, stride, .. } => Some((kernel, stride)),
            Op::Dense { .. } => Some((1, 1)),
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::GlobalMaxPool
            | Op::Flatten
            | Op::Concat
            | Op::ScaledAdd { .. }
            | Op::Softmax => None,
        }
    }

    /// Multiply-adds of one image in the forward pass; elementwise work, pooling and normalisation
    /// are not counted, as is usual.
    pub fn multiply_adds(&self, inputs: &[Shape], output: Shape) -> u64 {
        let per_output = |(kernel, _): (usize, usize)| kernel * kernel * inputs[0].channels;
        self.convolution().map_or(0, per_output) as u64 * output.len() as u64
    }

    fn check_input_count(&self, count: usize) -> Result<(), String> {
        let fits = match self {
            Op::Concat => count >= 1,
            Op::ScaledAdd { .. } => count == 2,
            _ => count == 1,
        };
        if fits { Ok(()) } else { Err(format!("{} does not take {count} inputs", self.name())) }
    }

    fn check_settings(&self) -> Result<(), String> {
        let kernel_fits = |kernel: usize| kernel % 2 == 1 && kernel <= MAX_KERNEL;
        let stride_fits = |stride: usize| (1..=MAX_SIDE).contains(&stride);
        let channels_fit = |channels: usize| (1..=MAX_CHANNELS).contains(&channels);
        let fits = match *self {
            Op::Conv { kernel, stride, channels, .. } => {
                kernel_fits(kernel) && stride_fits(stride) && channels_fit(channels)
            }
            Op::MaxPool { kernel, stride } => {
                (1..=MAX_KERNEL).contains(&kernel) && stride_fits(stride)
            }
            Op::AvgPool { kernel } => stride_fits(kernel),
            Op::Dense { units } => channels_fit(units),
            Op::Dropout { rate } => (0.0..1.0).contains(&rate),
            // Smaller values would give an infinite scale in single precision.
            Op::BatchNorm { epsilon, momentum, .. } => {
                (1e-12..=1e6).contains(&epsilon) && (0.0..=1.0).contains(&momentum)
            }
            Op::ScaledAdd { scale } => scale.abs() <= 1e6,
            Op::Input { .. }
            | Op::Relu
            | Op::GlobalAvgPool
            | Op::GlobalMaxPool
            | Op::Flatten
            | Op::Concat
            | Op::Softmax => true,
        };
        if fits { Ok(()) } else { Err(format!("setting out of range in {self:?}")) }
    }
}

/// Rows and columns of padding on each side for a window of side `kernel`: at step 1, a map keeps its
/// size, or loses one row and column with an even window.
pub const fn padding(kernel: usize) -> usize {
    (kernel - 1) / 2
}
