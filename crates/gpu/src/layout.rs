//! Where the parameters lie: one after the other in PyTorch's layout, each beginning at a multiple of
//! [`BLOCK`] values. Gradients, the optimiser's slots and the averaged weights lie in the same way.

use modiste_spec::engine::{Muon, State, Tensor};
use modiste_spec::{Network, NodeId, Parameter};

/// Values after which another parameter may begin, so that a shader can look up whose value it holds, and
/// a part of the buffer can be bound.
pub(crate) const BLOCK: usize = 64;
/// Marks blocks of parameters that the optimiser changes.
pub(crate) const TRAINED: u32 = 1 << 31;
/// Marks blocks of the matrices of [`Muon`].
pub(crate) const MATRIX: u32 = 1 << 30;

/// The places of all parameters.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The parameters, in the network's order.
    pub parameters: Vec<Parameter>,
    /// Position of the first value of each.
    pub firsts: Vec<usize>,
    /// Values of all, with gaps.
    pub len: usize,
    /// Whether each is one of the matrices of [`Muon`].
    pub matrices: Vec<bool>,
}

impl Layout {
    /// The layout of a network's parameters.
    pub fn new(network: &Network) -> Self {
        let parameters = network.parameters();
        let (mut firsts, mut len) = (Vec::with_capacity(parameters.len()), 0);
        for parameter in &parameters {
            firsts.push(len);
            len += parameter.len().next_multiple_of(BLOCK);
        }
        let matrices = Muon::matrices(&parameters);
        Self { parameters, firsts, len: len.max(BLOCK), matrices }
    }

    /// Position of the first parameter of a node among all.
    pub fn position(&self, node: NodeId) -> usize {
        self.parameters.iter().position(|p| p.node == node).expect("a node with parameters")
    }

    /// For each block of values, its parameter and marks.
    pub fn blocks(&self) -> Vec<u32> {
        let mut blocks = Vec::with_capacity(self.len / BLOCK);
        for (position, parameter) in self.parameters.iter().enumerate() {
            let trained = if parameter.kind.trainable() { TRAINED } else { 0 };
            let matrix = if self.matrices[position] { MATRIX } else { 0 };
            let count = parameter.len().div_ceil(BLOCK);
            blocks.extend(std::iter::repeat_n(position as u32 | trained | matrix, count));
        }
        blocks.resize(self.len / BLOCK, 0);
        blocks
    }

    /// The values of `tensors`, one for each parameter that `wanted` selects, with zeros elsewhere.
    pub fn packed(&self, tensors: &[Tensor], wanted: impl Fn(&Parameter) -> bool) -> Vec<f32> {
        let mut values = vec![0.0; self.len];
        let mut tensors = tensors.iter();
        for (parameter, &first) in self.parameters.iter().zip(&self.firsts) {
            if wanted(parameter)
                && let Some(tensor) = tensors.next()
            {
                values[first..][..tensor.values.len()].copy_from_slice(&tensor.values);
            }
        }
        values
    }

    /// The tensors of the parameters that `wanted` selects.
    pub fn tensors(&self, values: &[f32], wanted: impl Fn(&Parameter) -> bool) -> Vec<Tensor> {
        let all = self.parameters.iter().zip(&self.firsts).filter(|(p, _)| wanted(p));
        let tensor = |(p, &first): (&Parameter, &usize)| Tensor {
            name: p.name.clone(),
            shape: p.shape.clone(),
            values: values[first..][..p.len()].to_vec(),
        };
        all.map(tensor).collect()
    }

    /// The values of a slot of a state.
    pub fn slot(&self, name: &str, tensors: &[Tensor]) -> Vec<f32> {
        self.packed(tensors, |p| State::slot_has(name, p))
    }
}
