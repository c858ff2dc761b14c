//! A network is data: the description that every other part of modiste walks.
//!
//! A [`Network`] is a list of nodes in topological order. This crate is the only place that knows
//! the output shape, the parameters, the initial values and the cost of each [`Op`], the structure
//! of the trainable networks ([`Architecture`]: the paper's [`InceptionResNet`] and plain ones),
//! and the contract of an [`Engine`]. It computes nothing itself: engines, tables, diagrams and
//! exporters walk the list.

mod architecture;
pub mod engine;
mod inception;
mod lanes;
pub mod limits;
mod network;
mod op;
mod parameter;
pub mod random;
mod range;
mod residual;

pub use architecture::{Architecture, Cnn, Mlp};
pub use engine::Engine;
pub use inception::{DropoutPlace, InceptionResNet};
pub use lanes::{ChannelLayout, LANES};
pub use network::{Network, NetworkBuilder, Node, NodeId};
pub use op::{Op, Shape, padding};
pub use parameter::{Parameter, ParameterKind};
pub use range::Range;
pub use residual::{Residual, WideResNet};

/// Why a description cannot be a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The inputs do not fit the operation.
    #[error("node \"{node}\": {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// The problem.
        reason: String,
    },
    /// A setting is out of range.
    #[error("{setting}: {value} is not {range}")]
    Setting {
        /// Name of the setting, as in the configuration file.
        setting: &'static str,
        /// The value given.
        value: String,
        /// The allowed values, as shown by [`Range`].
        range: String,
    },
    /// The list of nodes is not a network.
    #[error("network: {0}")]
    Network(String),
}
