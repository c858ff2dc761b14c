//! The layout of channels in memory for engines that compute with vectors of [`LANES`] values: one rule for
//! the limits on a network's size and for the engines themselves.

use crate::{Node, Op};

/// Number of values in a vector; the channels of a node are padded to a multiple of it.
pub const LANES: usize = 16;

/// Layout of the channels of a node's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelLayout {
    /// Adjacent channels, padded to a multiple of [`LANES`].
    Padded,
    /// The layout of the input.
    Input,
    /// The layouts of all inputs, one after the other.
    Concatenated,
    /// The layout of the input, repeated for each of its pixels.
    Flattened,
}

impl Node {
    /// The layout of the channels of this node's output.
    pub fn channel_layout(&self) -> ChannelLayout {
        match self.op {
            Op::Input { .. } | Op::Conv { .. } | Op::Dense { .. } | Op::ScaledAdd { .. } => {
                ChannelLayout::Padded
            }
            // The image has no padding.
            Op::Flatten if self.inputs[0] == 0 => ChannelLayout::Padded,
            Op::Flatten => ChannelLayout::Flattened,
            Op::Concat => ChannelLayout::Concatenated,
            Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::GlobalMaxPool
            | Op::Softmax => ChannelLayout::Input,
        }
    }
}
