//! The engine: parameters in f64, converted only where a state comes in or goes out.

use crate::Maps;
use crate::adam::{Trained, adam_step};
use crate::ops::batch_norm::Statistics;
use crate::ops::cross_entropy::{cross_entropy_backward, cross_entropy_forward};
use crate::ops::max_pool::max_pool_margin;
use crate::ops::relu::relu_margin;
use crate::walk::{Mode, Walk};
use modiste_spec::engine::{Batch, EngineError, Loss, State, StepOptions, StepOutcome, Tensor};
use modiste_spec::{Engine, Network, NodeId, Op, Parameter};

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
    /// What each of `values` is.
    parameters: Vec<Parameter>,
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    values: Vec<Values>,
    /// Moments of all of them; those of running statistics stay zero.
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
}

impl ReferenceEngine {
    /// The network with the initial values of `seed`; takes batches of any size.
    pub fn new(network: Network, seed: u64) -> Self {
        let state = State::initial(&network, seed);
        let mut engine = Self {
            parameters: network.parameters(),
            network,
            values: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
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
        engine.load_state(&State { parameters: parameters.to_vec(), ..State::default() })?;
        Ok(engine)
    }

    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub fn parameters(&self) -> &[Values] {
        &self.values
    }

    /// The same, to be changed value by value: finite differences move one and put it back.
    pub fn parameters_mut(&mut self) -> &mut [Values] {
        &mut self.values
    }

    /// The output of every node for `images` (n, h, w, c), in the order of [`Network::nodes`]; that
    /// of the last are probabilities.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images.
    pub fn activations(&self, images: &[u8], mode: Mode) -> Result<Vec<Maps>, EngineError> {
        let size = self.network.input_shape().len();
        if !images.len().is_multiple_of(size) {
            let text = format!("{} pixels are not whole images of {size}", images.len());
            return Err(EngineError::Batch(text));
        }
        Ok(self.walk(mode).forward(images))
    }

    /// The gradient of the logit of `class`, for each image, by the output of `node`, from the outputs
    /// of [`Self::activations`] in the same mode.
    ///
    /// # Panics
    /// If there is no such class or node.
    pub fn logit_gradient(&self, outputs: &[Maps], mode: Mode, class: usize, node: NodeId) -> Maps {
        let logits = &outputs[self.network.logits()];
        assert!(class < logits.shape.channels, "class {class} of {}", logits.shape.channels);
        let mut start = Maps::zeros(logits.n, logits.shape);
        start.values.chunks_exact_mut(logits.shape.channels).for_each(|row| row[class] = 1.0);
        self.walk(mode).gradient_by(outputs, start, node)
    }

    /// How far the outputs of [`Self::activations`] are from the places where a gradient jumps, the
    /// zero of a ReLU and equal maxima: the smallest distance, as a part of its map's largest value.
    /// Engines whose rounding errors are well under it agree on every gradient.
    pub fn margin(&self, outputs: &[Maps]) -> f64 {
        let nodes = self.network.nodes().iter();
        let margins = nodes.zip(outputs).map(|(node, y)| match node.op {
            Op::Relu => relu_margin(&outputs[node.inputs[0]]),
            Op::MaxPool { kernel, stride } => {
                max_pool_margin(&outputs[node.inputs[0]], y, kernel, stride)
            }
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::BatchNorm { .. }
            | Op::Dropout { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Concat
            | Op::ScaledAdd { .. }
            | Op::Dense { .. }
            | Op::Softmax => f64::INFINITY,
        });
        margins.fold(f64::INFINITY, f64::min)
    }

    /// The loss of a training step, which is not made.
    ///
    /// # Errors
    /// If the batch or the loss does not fit the network.
    pub fn loss(
        &self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError> {
        self.check(batch, options.loss)?;
        let outputs = self.activations(batch.images, train_mode(options))?;
        Ok(cross_entropy_forward(&outputs[self.network.logits()], batch.labels, options.loss))
    }

    /// The gradient of a training step by every trained parameter, without making the step.
    ///
    /// # Errors
    /// If the batch or the loss does not fit the network.
    pub fn gradients(
        &self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<(StepOutcome, Vec<Values>), EngineError> {
        let (outcome, gradients, _) = self.pass(batch, options)?;
        let all = self.values.iter().zip(gradients);
        let named = all.filter_map(|(v, gradient)| {
            Some(Values { name: v.name.clone(), shape: v.shape.clone(), values: gradient? })
        });
        Ok((outcome, named.collect()))
    }

    /// Forward and backward: the outcome, a gradient for each trained one of `values`, and every
    /// node's output.
    #[allow(clippy::type_complexity)] // three results of one private function
    fn pass(
        &self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<(StepOutcome, Vec<Option<Vec<f64>>>, Vec<Maps>), EngineError> {
        self.check(batch, options.loss)?;
        let walk = self.walk(train_mode(options));
        let outputs = walk.forward(batch.images);
        let logits = &outputs[self.network.logits()];
        let outcome = cross_entropy_forward(logits, batch.labels, options.loss);
        let dlogits = cross_entropy_backward(logits, batch.labels, options.loss);
        let mut by_node = walk.backward(&outputs, dlogits).into_iter();
        let mut gradients = Vec::with_capacity(self.values.len());
        for id in 0..self.network.nodes().len() {
            let mut of_node = by_node.next().unwrap_or_default().into_iter();
            for parameter in self.network.node_parameters(id) {
                gradients.push(if parameter.kind.trainable() { of_node.next() } else { None });
            }
        }
        Ok((outcome, gradients, outputs))
    }

    fn walk(&self, mode: Mode) -> Walk<'_> {
        let mut parameters = vec![Vec::new(); self.network.nodes().len()];
        for (parameter, values) in self.parameters.iter().zip(&self.values) {
            parameters[parameter.node].push(values.values.as_slice());
        }
        Walk { network: &self.network, parameters, mode }
    }

    fn update_running_statistics(&mut self, outputs: &[Maps]) {
        let mut position = 0;
        for (id, node) in self.network.nodes().iter().enumerate() {
            if let Op::BatchNorm { momentum, .. } = node.op {
                let own = Statistics::of(&outputs[node.inputs[0]]);
                let variance = own.unbiased_variance();
                for (offset, new) in [(1, own.mean), (2, variance)] {
                    for (old, new) in self.values[position + offset].values.iter_mut().zip(new) {
                        *old = (1.0 - momentum) * *old + momentum * new;
                    }
                }
            }
            position += self.network.node_parameters(id).len();
        }
    }

    fn check(&self, batch: Batch<'_>, loss: &Loss) -> Result<(), EngineError> {
        let (n, classes) = (batch.labels.len(), self.network.classes());
        let fail = |text: String| Err(EngineError::Batch(text));
        if n == 0 || batch.images.len() != n * self.network.input_shape().len() {
            let shape = self.network.input_shape();
            return fail(format!("{} pixels are not {n} images of {shape}", batch.images.len()));
        }
        if let Some(label) = batch.labels.iter().find(|&&label| usize::from(label) >= classes) {
            return fail(format!("label {label} is not one of {classes} classes"));
        }
        match &loss.class_weights {
            Some(weights) if weights.len() != classes => {
                fail(format!("{} class weights for {classes} classes", weights.len()))
            }
            _ => Ok(()),
        }
    }

    fn replace(&mut self, state: &State) {
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let values = state.parameters.iter().map(|t| Values {
            name: t.name.clone(),
            shape: t.shape.clone(),
            values: wide(&t.values),
        });
        self.values = values.collect();
        let moments = |tensors: &[Tensor]| {
            let mut tensors = tensors.iter();
            let of = |p: &Parameter| {
                let given = if p.kind.trainable() { tensors.next() } else { None };
                given.map_or_else(|| vec![0.0; p.len()], |t| wide(&t.values))
            };
            self.parameters.iter().map(of).collect()
        };
        (self.first, self.second) = (moments(&state.first_moments), moments(&state.second_moments));
    }

    /// The trained parameters' moments in f32.
    fn moments(&self, moments: &[Vec<f64>]) -> Vec<Tensor> {
        let trained = self.parameters.iter().zip(moments).filter(|(p, _)| p.kind.trainable());
        trained.map(|(p, values)| tensor(&p.name, &p.shape, values)).collect()
    }
}

impl Engine for ReferenceEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        "reference, f64, 1 thread".into()
    }

    fn train_step(
        &mut self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError> {
        let (outcome, gradients, outputs) = self.pass(batch, options)?;
        for (i, gradient) in gradients.iter().enumerate() {
            let Some(gradient) = gradient else { continue };
            let tensor = Trained {
                values: &mut self.values[i].values,
                first: &mut self.first[i],
                second: &mut self.second[i],
                decays: self.parameters[i].kind.decays(),
            };
            adam_step(tensor, gradient, options);
        }
        self.update_running_statistics(&outputs);
        Ok(outcome)
    }

    fn predict(&mut self, images: &[u8]) -> Result<Vec<f32>, EngineError> {
        let outputs = self.activations(images, Mode::Predict)?;
        Ok(outputs[self.network.logits()].values.iter().map(|&v| v as f32).collect())
    }

    fn state(&self) -> State {
        State {
            parameters: self.values.iter().map(|v| tensor(&v.name, &v.shape, &v.values)).collect(),
            first_moments: self.moments(&self.first),
            second_moments: self.moments(&self.second),
        }
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        self.replace(state);
        Ok(())
    }
}

fn train_mode(options: &StepOptions<'_>) -> Mode {
    Mode::Train { seed: options.seed, step: options.step }
}

fn tensor(name: &str, shape: &[usize], values: &[f64]) -> Tensor {
    let values = values.iter().map(|&v| v as f32).collect();
    Tensor { name: name.into(), shape: shape.to_vec(), values }
}
