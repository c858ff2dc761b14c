//! The state of training: everything that changes.

use super::EngineError;
use crate::{Network, Parameter};
use std::collections::BTreeMap;

/// The slot of the averaged weights, the only one that includes running statistics.
pub const AVERAGE: &str = "average";

/// A named tensor in PyTorch's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The parameter's name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Everything that changes while training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub parameters: Vec<Tensor>,
    /// Other values kept from step to step, by name: the optimiser's slots
    /// ([`super::Optimiser::slots`]) for each trainable parameter, and [`AVERAGE`] for all
    /// parameters; in the order of [`Network::parameters`]. A missing optimiser slot means zeros.
    pub slots: BTreeMap<String, Vec<Tensor>>,
}

impl State {
    /// The state before the first step.
    pub fn initial(network: &Network, seed: u64) -> Self {
        let parameters = network.parameters();
        let tensors = parameters.iter().enumerate().map(|(position, p)| Tensor {
            name: p.name.clone(),
            shape: p.shape.clone(),
            values: p.initial_values(seed, position),
        });
        Self::of_parameters(tensors.collect())
    }

    /// A state with only parameters and running statistics.
    pub fn of_parameters(parameters: Vec<Tensor>) -> Self {
        Self { parameters, slots: BTreeMap::new() }
    }

    /// Whether the slot `name` has a tensor for `parameter`.
    pub fn slot_has(name: &str, parameter: &Parameter) -> bool {
        name == AVERAGE || parameter.kind.trainable()
    }

    /// Checks that names, shapes and sizes fit `network`.
    ///
    /// # Errors
    /// Names the first tensor that does not fit.
    pub fn check(&self, network: &Network) -> Result<(), EngineError> {
        let all = network.parameters();
        check_tensors("parameters", &self.parameters, all.iter())?;
        self.slots.iter().try_for_each(|(name, tensors)| {
            check_tensors(name, tensors, all.iter().filter(|p| Self::slot_has(name, p)))
        })
    }
}

fn check_tensors<'a>(
    group: &str,
    tensors: &[Tensor],
    expected: impl Iterator<Item = &'a Parameter>,
) -> Result<(), EngineError> {
    let fail = |text: String| Err(EngineError::State(format!("{group}: {text}")));
    let mut tensors = tensors.iter();
    for Parameter { name, shape, .. } in expected {
        let Some(tensor) = tensors.next() else {
            return fail(format!("\"{name}\" is missing"));
        };
        if tensor.name != *name {
            return fail(format!("\"{}\" is found instead of \"{name}\" belongs", tensor.name));
        }
        if tensor.shape != *shape || tensor.values.len() != shape.iter().product::<usize>() {
            return fail(format!("\"{name}\" has shape {:?}, not {shape:?}", tensor.shape));
        }
    }
    match tensors.next() {
        Some(extra) => fail(format!("\"{}\" is not part of the network", extra.name)),
        None => Ok(()),
    }
}
