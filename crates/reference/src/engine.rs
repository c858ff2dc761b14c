//! The engine: parameters in f64, converted only when a state is loaded or returned.

use crate::Maps;
use crate::ops::batch_norm::Statistics;
use crate::ops::cross_entropy::{Outcome, cross_entropy_backward, cross_entropy_forward};
use crate::ops::global_max_pool::global_max_pool_margin;
use crate::ops::max_pool::max_pool_margin;
use crate::ops::relu::relu_margin;
use crate::optimiser::{Trained, follow, update};
use crate::walk::{Mode, Walk};
use modiste_spec::engine::{
    AVERAGE, Batch, EngineError, Muon, State, Step, Tensor, Totals, Weights,
};
use modiste_spec::{Engine, Network, NodeId, Op, Parameter, ParameterKind};
use std::collections::BTreeMap;

/// A named tensor in f64, in PyTorch's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// The parameter's name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f64>,
}

/// Runs a network naively in f64.
#[derive(Clone, Debug)]
pub struct ReferenceEngine {
    network: Network,
    /// The parameter that each of `values` belongs to.
    parameters: Vec<Parameter>,
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    values: Vec<Values>,
    /// The slots, each with a tensor for each of `values`; empty if the slot has none.
    slots: BTreeMap<String, Vec<Vec<f64>>>,
    /// Results of the steps not asked for yet.
    outcomes: Vec<(u64, Outcome, usize)>,
}

impl ReferenceEngine {
    /// The network with the initial values of `seed`; takes batches of any size.
    pub fn new(network: Network, seed: u64) -> Self {
        let state = State::initial(&network, seed);
        let mut engine = Self {
            parameters: network.parameters(),
            network,
            values: Vec::new(),
            slots: BTreeMap::new(),
            outcomes: Vec::new(),
        };
        engine.replace(&state);
        engine
    }

    /// A trained network: `parameters` in the order of [`Network::parameters`].
    ///
    /// # Errors
    /// If the parameters are not the network's.
    pub fn trained(network: &Network, parameters: &[Tensor]) -> Result<Self, EngineError> {
        let mut engine = Self::new(network.clone(), 0);
        engine.load_state(&State::of_parameters(parameters.to_vec()))?;
        Ok(engine)
    }

    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub fn parameters(&self) -> &[Values] {
        &self.values
    }

    /// The same, mutable: finite differences change one value and restore it.
    pub fn parameters_mut(&mut self) -> &mut [Values] {
        &mut self.values
    }

    /// The output of every node for `images` (n, h, w, c), in the order of [`Network::nodes`]; the
    /// last one holds probabilities.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images.
    pub fn activations(&self, images: &[u8], mode: Mode) -> Result<Vec<Maps>, EngineError> {
        self.check_pixels(images)?;
        Ok(self.walk(&self.values, mode, Vec::new()).forward(images))
    }

    /// The gradient of the logit of `class` with respect to the output of `node`, for each image,
    /// given the outputs of [`Self::activations`] in the same mode.
    ///
    /// # Panics
    /// If there is no such class or node.
    pub fn logit_gradient(&self, outputs: &[Maps], mode: Mode, class: usize, node: NodeId) -> Maps {
        let logits = &outputs[self.network.logits()];
        assert!(class < logits.shape.channels, "class {class} of {}", logits.shape.channels);
        let mut start = Maps::zeros(logits.n, logits.shape);
        start.values.chunks_exact_mut(logits.shape.channels).for_each(|row| row[class] = 1.0);
        self.walk(&self.values, mode, Vec::new()).gradient_by(outputs, start, node)
    }

    /// How far the outputs of [`Self::activations`] are from points where a gradient jumps (the
    /// zero of a ReLU, equal maxima): the smallest distance, relative to its map's largest value.
    /// Engines whose rounding errors are well below it agree on every gradient.
    pub fn margin(&self, outputs: &[Maps]) -> f64 {
        let nodes = self.network.nodes().iter();
        let margins = nodes.zip(outputs).map(|(node, y)| match node.op {
            Op::Relu => relu_margin(&outputs[node.inputs[0]]),
            Op::MaxPool { kernel, stride } => {
                max_pool_margin(&outputs[node.inputs[0]], y, kernel, stride)
            }
            Op::GlobalMaxPool => global_max_pool_margin(&outputs[node.inputs[0]]),
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::BatchNorm { .. }
            | Op::Dropout { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Concat
            | Op::ScaledAdd { .. }
            | Op::Dense { .. }
            | Op::Softmax => f64::INFINITY,
        });
        margins.fold(f64::INFINITY, f64::min)
    }

    /// The loss of a training step, without taking the step.
    ///
    /// # Errors
    /// If the batch or the loss does not fit the network.
    pub fn loss(&self, batch: Batch<'_>, step: &Step<'_>) -> Result<Outcome, EngineError> {
        self.check(batch, step)?;
        let outputs = self.training_walk(step).forward(batch.images);
        Ok(cross_entropy_forward(&outputs[self.network.logits()], batch.targets, step.loss))
    }

    /// The gradient of a training step with respect to every trained parameter, without taking the step.
    ///
    /// # Errors
    /// If the batch or the loss does not fit the network.
    pub fn gradients(
        &self,
        batch: Batch<'_>,
        step: &Step<'_>,
    ) -> Result<(Outcome, Vec<Values>), EngineError> {
        let Pass { outcome, gradients, .. } = self.pass(batch, step)?;
        let all = self.values.iter().zip(gradients);
        let named = all.filter_map(|(v, gradient)| {
            Some(Values { name: v.name.clone(), shape: v.shape.clone(), values: gradient? })
        });
        Ok((outcome, named.collect()))
    }

    fn pass(&self, batch: Batch<'_>, step: &Step<'_>) -> Result<Pass, EngineError> {
        self.check(batch, step)?;
        let walk = self.training_walk(step);
        let outputs = walk.forward(batch.images);
        let logits = &outputs[self.network.logits()];
        let outcome = cross_entropy_forward(logits, batch.targets, step.loss);
        let dlogits = cross_entropy_backward(logits, batch.targets, step.loss);
        let mut by_node = walk.backward(&outputs, dlogits).into_iter();
        let mut gradients = Vec::with_capacity(self.values.len());
        for id in 0..self.network.nodes().len() {
            let mut of_node = by_node.next().unwrap_or_default().into_iter();
            for parameter in self.network.node_parameters(id) {
                gradients.push(if parameter.kind.trainable() { of_node.next() } else { None });
            }
        }
        Ok(Pass { outcome, gradients, outputs })
    }

    fn walk<'a>(&'a self, values: &'a [Values], mode: Mode, frozen: Vec<NodeId>) -> Walk<'a> {
        let mut parameters = vec![Vec::new(); self.network.nodes().len()];
        for (parameter, values) in self.parameters.iter().zip(values) {
            parameters[parameter.node].push(values.values.as_slice());
        }
        Walk { network: &self.network, parameters, mode, frozen }
    }

    fn training_walk(&self, step: &Step<'_>) -> Walk<'_> {
        let mode = Mode::Train { seed: step.seed, step: step.number };
        let means = self.parameters.iter().enumerate();
        let means = means.filter(|(_, p)| p.kind == ParameterKind::RunningMean);
        let frozen = means.filter(|(position, _)| step.rate(*position) == 0.0);
        self.walk(&self.values, mode, frozen.map(|(_, p)| p.node).collect())
    }

    fn update_running_statistics(&mut self, outputs: &[Maps], step: &Step<'_>) {
        let mut position = 0;
        for (id, node) in self.network.nodes().iter().enumerate() {
            if let Op::BatchNorm { momentum, scale, .. } = node.op {
                let own = Statistics::of(&outputs[node.inputs[0]]);
                let variance = own.unbiased_variance();
                let first = position + usize::from(scale);
                let frozen = step.rate(first + 1) == 0.0;
                for (offset, new) in [(1, own.mean), (2, variance)].into_iter().filter(|_| !frozen)
                {
                    for (old, new) in self.values[first + offset].values.iter_mut().zip(new) {
                        *old = (1.0 - momentum) * *old + momentum * new;
                    }
                }
            }
            position += self.network.node_parameters(id).len();
        }
    }

    fn check_pixels(&self, images: &[u8]) -> Result<(), EngineError> {
        let size = self.network.input_shape().len();
        if images.len().is_multiple_of(size) {
            return Ok(());
        }
        let text = format!("{} pixels are not whole images of {size}", images.len());
        Err(EngineError::Batch(text))
    }

    fn check(&self, batch: Batch<'_>, step: &Step<'_>) -> Result<usize, EngineError> {
        step.check(&self.network)?;
        batch.check(&self.network, |images| self.share(images))
    }

    fn replace(&mut self, state: &State) {
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let values = state.parameters.iter().map(|t| Values {
            name: t.name.clone(),
            shape: t.shape.clone(),
            values: wide(&t.values),
        });
        self.values = values.collect();
        let slot = |(name, tensors): (&String, &Vec<Tensor>)| {
            let mut tensors = tensors.iter();
            let of = |p: &Parameter| {
                let given = if State::slot_has(name, p) { tensors.next() } else { None };
                given.map_or_else(Vec::new, |t| wide(&t.values))
            };
            (name.clone(), self.parameters.iter().map(of).collect())
        };
        self.slots = state.slots.iter().map(slot).collect();
    }

    /// Updates every trained parameter that is not frozen.
    fn update(&mut self, gradients: &[Option<Vec<f64>>], step: &Step<'_>) {
        for name in step.optimiser.slots() {
            let zeros = |p: &Parameter| vec![0.0; if p.kind.trainable() { p.len() } else { 0 }];
            let slot = self.slots.entry((*name).into());
            slot.or_insert_with(|| self.parameters.iter().map(zeros).collect());
        }
        let matrices = Muon::matrices(&self.parameters);
        for (i, gradient) in gradients.iter().enumerate() {
            let (Some(gradient), rate) = (gradient, step.rate(i)) else { continue };
            if rate == 0.0 {
                continue;
            }
            let mut slots: Vec<(usize, &mut Vec<f64>)> = Vec::new();
            for (name, tensors) in &mut self.slots {
                let order = step.optimiser.slots().iter().position(|wanted| wanted == name);
                slots.extend(order.map(|order| (order, &mut tensors[i])));
            }
            slots.sort_by_key(|(order, _)| *order);
            let tensor = Trained {
                values: &mut self.values[i].values,
                slots: slots.into_iter().map(|(_, slot)| slot).collect(),
                decays: self.parameters[i].kind.decays(),
                learning_rate: step.learning_rate * rate,
                shape: &self.parameters[i].shape,
                matrix: matrices[i],
            };
            update(tensor, gradient, step);
        }
    }

    /// Moves the averaged weights; the first step copies.
    fn average(&mut self, decay: f64) {
        match self.slots.get_mut(AVERAGE) {
            Some(average) => {
                let pairs = average.iter_mut().zip(&self.values);
                pairs.for_each(|(average, values)| follow(average, &values.values, decay));
            }
            None => {
                let copy = self.values.iter().map(|v| v.values.clone()).collect();
                self.slots.insert(AVERAGE.into(), copy);
            }
        }
    }

    /// The tensors in f32 of the parameters for which `wanted` is true.
    fn tensors<'a>(
        &self,
        values: impl Iterator<Item = &'a Vec<f64>>,
        wanted: impl Fn(&Parameter) -> bool,
    ) -> Vec<Tensor> {
        let wanted = self.parameters.iter().zip(values).filter(|(p, _)| wanted(p));
        let tensor = |(p, values): (&Parameter, &Vec<f64>)| Tensor {
            name: p.name.clone(),
            shape: p.shape.clone(),
            values: values.iter().map(|&v| v as f32).collect(),
        };
        wanted.map(tensor).collect()
    }
}

/// Forward and backward.
struct Pass {
    outcome: Outcome,
    /// The gradient of each trained parameter.
    gradients: Vec<Option<Vec<f64>>>,
    /// The output of every node.
    outputs: Vec<Maps>,
}

impl Engine for ReferenceEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        "reference, f64, 1 thread".into()
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        let images = self.check(batch, step)?;
        let Pass { outcome, gradients, outputs } = self.pass(batch, step)?;
        self.update(&gradients, step);
        self.update_running_statistics(&outputs, step);
        if let Some(decay) = step.average {
            self.average(decay);
        }
        self.outcomes.push((step.number, outcome, images));
        Ok(())
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        for (number, Outcome { loss, correct }, images) in self.outcomes.drain(..) {
            sums.add(number, loss, correct, images);
        }
        Ok(())
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        self.check_pixels(images)?;
        let averaged: Vec<Values>;
        let values = match weights {
            Weights::Current => &self.values,
            Weights::Average => {
                let none = || EngineError::State("these weights have no average".into());
                let average = self.slots.get(AVERAGE).ok_or_else(none)?;
                let with = |(v, values): (&Values, &Vec<f64>)| Values {
                    values: values.clone(),
                    ..v.clone()
                };
                averaged = self.values.iter().zip(average).map(with).collect();
                &averaged
            }
        };
        let outputs = self.walk(values, Mode::Predict, Vec::new()).forward(images);
        Ok(outputs[self.network.logits()].values.iter().map(|&v| v as f32).collect())
    }

    fn state(&mut self) -> State {
        let slot = |(name, values): (&String, &Vec<Vec<f64>>)| {
            (name.clone(), self.tensors(values.iter(), |p| State::slot_has(name, p)))
        };
        State {
            parameters: self.tensors(self.values.iter().map(|v| &v.values), |_| true),
            slots: self.slots.iter().map(slot).collect(),
        }
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        self.replace(state);
        Ok(())
    }
}
