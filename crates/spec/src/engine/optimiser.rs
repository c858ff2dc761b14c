//! Optimisers: their settings, and the state that they keep.

use serde::{Deserialize, Serialize};

/// An optimiser with its settings.
///
/// Weight decay only applies to weights, not to biases and shifts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimiser {
    /// Adam and AdamW.
    Adam(Adam),
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
}

impl Optimiser {
    /// The kinds, as they are written in a configuration.
    pub const KINDS: [&'static str; 2] = ["adam", "sgd"];

    /// The optimiser of a kind with its usual settings.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "adam" => Some(Self::Adam(Adam::default())),
            "sgd" => Some(Self::Sgd(Sgd::default())),
            _ => None,
        }
    }

    /// The kind, as it is written in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Adam(_) => "adam",
            Self::Sgd(_) => "sgd",
        }
    }

    /// What it keeps for each trainable parameter: names of [`super::State::slots`], zeros at first.
    pub fn slots(&self) -> &'static [&'static str] {
        match self {
            Self::Adam(_) => &["first_moments", "second_moments"],
            Self::Sgd(_) => &["momentum"],
        }
    }
}

/// Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch's
/// `AdamW`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub epsilon: f64,
    /// Each step first multiplies every weight by 1 - learning rate x this.
    pub weight_decay: f64,
}

impl Default for Adam {
    /// The standard parameters, no decay.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Stochastic gradient descent with momentum, as PyTorch's `SGD` without dampening: with momentum m
/// the velocity v becomes m v + g, and the parameter moves by - learning rate x v, with Nesterov's
/// momentum by - learning rate x (g + m v).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// m, from 0 to under 1.
    pub momentum: f64,
    /// Whether the step looks ahead along the velocity (Nesterov; Sutskever et al. 2013).
    pub nesterov: bool,
    /// Weight decay.
    pub weight_decay: f64,
    /// False: this x the weight is added to g, as PyTorch does. True: each step first multiplies
    /// every weight by 1 - learning rate x this, as with [`Adam`] (SGDW).
    pub decoupled: bool,
}

impl Default for Sgd {
    /// Nesterov momentum of 0.9 and a decay of 5e-4, the usual choice for residual networks.
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: true, weight_decay: 5e-4, decoupled: false }
    }
}
