//! Optimisers: their settings and their state.

use crate::Parameter;
use serde::{Deserialize, Serialize};

/// An optimiser with its settings.
///
/// Weight decay applies only to weights, not to biases and shifts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimiser {
    /// Adam and AdamW.
    Adam(Adam),
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
    /// Momentum with orthogonalised steps.
    Muon(Muon),
}

impl Optimiser {
    /// The kinds, as written in a configuration.
    pub const KINDS: [&'static str; 3] = ["adam", "sgd", "muon"];

    /// The optimiser of a kind with its default settings.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "adam" => Some(Self::Adam(Adam::default())),
            "sgd" => Some(Self::Sgd(Sgd::default())),
            "muon" => Some(Self::Muon(Muon::default())),
            _ => None,
        }
    }

    /// The kind, as written in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Adam(_) => "adam",
            Self::Sgd(_) => "sgd",
            Self::Muon(_) => "muon",
        }
    }

    /// Names of the values that it keeps for each trainable parameter in [`super::State::slots`],
    /// initially zero.
    pub fn slots(&self) -> &'static [&'static str] {
        match self {
            Self::Adam(_) => &["first_moments", "second_moments"],
            Self::Sgd(_) | Self::Muon(_) => &["momentum"],
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
    /// m, from 0 to below 1.
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

/// Muon (Jordan et al. 2024): for the weights of all layers except the last, seen as matrices (outputs,
/// inputs x kernel x kernel), the step of [`Sgd`] is replaced by the nearest matrix with orthogonal
/// rows or columns, times sqrt(max(1, rows / columns)). Other parameters move as with [`Sgd`].
///
/// The nearest matrix is approximated by [`Muon::ITERATIONS`] Newton-Schulz iterations
/// X <- a X + (b A + c A A) X with A = X X^T, from the step divided by its Frobenius norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Muon {
    /// Momentum, from 0 to below 1.
    pub momentum: f64,
    /// Whether the step looks ahead along the velocity.
    pub nesterov: bool,
    /// The learning rate of the matrices is this times that of the other parameters.
    pub matrix_rate: f64,
    /// Each step first multiplies every weight by 1 - its learning rate x this.
    pub weight_decay: f64,
}

impl Muon {
    /// Newton-Schulz iterations per step.
    pub const ITERATIONS: usize = 5;
    /// a, b and c of the iteration, as published.
    pub const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
    /// Smallest divisor of the step.
    pub const EPSILON: f64 = 1e-7;

    /// For each parameter of a network, whether it is one of the matrices.
    pub fn matrices(parameters: &[Parameter]) -> Vec<bool> {
        let last = parameters.iter().rposition(|p| p.kind.decays());
        let matrix = |(i, p): (usize, &Parameter)| p.kind.decays() && Some(i) != last;
        parameters.iter().enumerate().map(matrix).collect()
    }

    /// The factor of the orthogonal matrix for a weight of this shape (outputs, inputs, ...).
    pub fn scale(shape: &[usize]) -> f64 {
        let columns: usize = shape[1..].iter().product();
        (shape[0] as f64 / columns as f64).max(1.0).sqrt()
    }
}

impl Default for Muon {
    /// Chosen for a short training of the preset `swift` (docs/record.md).
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: true, matrix_rate: 0.2, weight_decay: 0.15 }
    }
}
