//! Converts a network and its parameters to steps.

use modiste_spec::engine::{EngineError, State, Tensor};
use modiste_spec::{Network, NodeId, Op, Shape, padding};

use super::{Operation, Program, Step, Value, ValueId, Window};

impl Program {
    /// The steps of `network` with these parameters and running statistics, in the order of
    /// [`Network::parameters`].
    ///
    /// # Errors
    /// If the parameters do not fit the network.
    pub fn new(network: &Network, parameters: &[Tensor]) -> Result<Self, EngineError> {
        State::of_parameters(parameters.to_vec()).check(network)?;
        let mut walk = Walk::new(network, parameters);
        for id in 0..network.nodes().len() {
            walk.node(id);
        }
        let logits = walk.outputs[network.logits()];
        let mut program = Self { values: walk.values, steps: walk.steps, logits, memory: 0 };
        program.place();
        Ok(program)
    }
}

/// State of the walk over the nodes.
struct Walk<'a> {
    network: &'a Network,
    /// The parameters of each node.
    parameters: Vec<Vec<&'a Tensor>>,
    /// Number of readers of each node's output.
    readers: Vec<usize>,
    values: Vec<Value>,
    steps: Vec<Step>,
    /// The output map of each visited node.
    outputs: Vec<ValueId>,
}

impl<'a> Walk<'a> {
    fn new(network: &'a Network, tensors: &'a [Tensor]) -> Self {
        let mut parameters = vec![Vec::new(); network.nodes().len()];
        for (parameter, tensor) in network.parameters().iter().zip(tensors) {
            parameters[parameter.node].push(tensor);
        }
        let mut readers = vec![0; network.nodes().len()];
        network.nodes().iter().flat_map(|node| &node.inputs).for_each(|&id| readers[id] += 1);
        Self { network, parameters, readers, values: vec![], steps: vec![], outputs: vec![] }
    }

    fn node(&mut self, id: NodeId) {
        let node = &self.network.nodes()[id];
        let input = self.network.input_shapes(id).first().copied();
        let output = match node.op {
            Op::Input { shape } => self.value(shape),
            Op::Conv { kernel, stride, channels, .. } => {
                let window =
                    Window { rows: kernel, columns: kernel, stride, padding: padding(kernel) };
                let [weight, bias @ ..] = self.parameters[id].as_slice() else { unreachable!() };
                let weights = rows_of_windows(weight);
                let bias = bias.first().map_or(vec![0.0; channels], |bias| bias.values.clone());
                self.step(id, Operation::Conv { window, weights, bias })
            }
            Op::Dense { .. } => {
                let window = Window { rows: 1, columns: 1, stride: 1, padding: 0 };
                let [weight, bias] = self.parameters[id].as_slice() else { unreachable!() };
                let (weights, bias) = (weight.values.clone(), bias.values.clone());
                self.step(id, Operation::Conv { window, weights, bias })
            }
            Op::BatchNorm { epsilon, .. } => self.normalise(id, epsilon),
            Op::Relu => self.rectify(id),
            // Dropout has no effect after training; the logits need no softmax.
            Op::Dropout { .. } | Op::Softmax => self.outputs[node.inputs[0]],
            Op::MaxPool { kernel, stride } => {
                let window =
                    Window { rows: kernel, columns: kernel, stride, padding: padding(kernel) };
                self.step(id, Operation::MaxPool(window))
            }
            Op::AvgPool { kernel } => {
                let window = Window { rows: kernel, columns: kernel, stride: kernel, padding: 0 };
                self.step(id, Operation::AvgPool(window))
            }
            Op::GlobalAvgPool => self.step(id, Operation::AvgPool(whole(input))),
            Op::GlobalMaxPool => self.step(id, Operation::MaxPool(whole(input))),
            // The same values in the same order.
            Op::Flatten => self.step(id, Operation::Rectify),
            Op::Concat => self.step(id, Operation::Concat),
            Op::ScaledAdd { scale } => self.step(id, Operation::Add { scale: scale as f32 }),
        };
        self.outputs.push(output);
    }

    fn value(&mut self, shape: Shape) -> ValueId {
        self.values.push(Value { shape, offset: 0 });
        self.values.len() - 1
    }

    /// Adds a step that computes node `id` from its inputs.
    fn step(&mut self, id: NodeId, operation: Operation) -> ValueId {
        let node = &self.network.nodes()[id];
        let inputs = node.inputs.iter().map(|&input| self.outputs[input]).collect();
        let output = self.value(node.shape);
        self.steps.push(Step { name: node.name.clone(), operation, inputs, output, relu: false });
        output
    }

    /// The step that computes the input of node `id`, if no other node reads its result.
    fn only_source(&mut self, id: NodeId) -> Option<&mut Step> {
        let mut input = self.network.nodes()[id].inputs[0];
        loop {
            if self.readers[input] > 1 {
                return None;
            }
            // An omitted node passes on the output of the node before it.
            match &self.network.nodes()[input] {
                node if matches!(node.op, Op::Dropout { .. }) => input = node.inputs[0],
                _ => break,
            }
        }
        let output = self.outputs[input];
        self.steps.iter_mut().rev().find(|step| step.output == output)
    }

    /// Folds a batch normalisation into the convolution before it if nothing else reads the convolution.
    fn normalise(&mut self, id: NodeId, epsilon: f64) -> ValueId {
        let (scale, shift) = scale_and_shift(&self.parameters[id], epsilon);
        if let Some(Step {
            operation: Operation::Conv { weights, bias, .. },
            output,
            relu: false,
            ..
        }) = self.only_source(id)
        {
            let each = weights.len() / bias.len();
            for (k, bias) in bias.iter_mut().enumerate() {
                let of_channel = weights[k * each..][..each].iter_mut();
                of_channel.for_each(|weight| *weight = (f64::from(*weight) * scale[k]) as f32);
                *bias = (f64::from(*bias) * scale[k] + shift[k]) as f32;
            }
            return *output;
        }
        let [scale, shift] = [scale, shift].map(|v| v.iter().map(|&value| value as f32).collect());
        self.step(id, Operation::Affine { scale, shift })
    }

    /// Makes a ReLU part of the step before it if nothing else reads that step.
    fn rectify(&mut self, id: NodeId) -> ValueId {
        if let Some(step) = self.only_source(id) {
            step.relu = true;
            return step.output;
        }
        let output = self.step(id, Operation::Rectify);
        self.steps.last_mut().expect("a step was just added").relu = true;
        output
    }
}

/// A window over the whole map.
fn whole(input: Option<Shape>) -> Window {
    let Shape { height, width, .. } = input.expect("a node with an input");
    Window { rows: height, columns: width, stride: 1, padding: 0 }
}

/// Transposes convolution weights (k, c, kernel, kernel) to (k, kernel, kernel, c).
fn rows_of_windows(weight: &Tensor) -> Vec<f32> {
    let [_, channels, rows, columns] = weight.shape[..] else { unreachable!() };
    let pixels = rows * columns;
    let mut all = Vec::with_capacity(weight.values.len());
    for of_output in weight.values.chunks_exact(channels * pixels) {
        for pixel in 0..pixels {
            all.extend((0..channels).map(|c| of_output[c * pixels + pixel]));
        }
    }
    all
}

/// The factor and the summand of a batch normalisation for each channel.
fn scale_and_shift(parameters: &[&Tensor], epsilon: f64) -> (Vec<f64>, Vec<f64>) {
    let [scale @ .., shift, mean, variance] = parameters else { unreachable!() };
    let mut both = (Vec::new(), Vec::new());
    for (c, shift) in shift.values.iter().enumerate() {
        let trained = scale.first().map_or(1.0, |scale| f64::from(scale.values[c]));
        let factor = trained / (f64::from(variance.values[c]) + epsilon).sqrt();
        both.0.push(factor);
        both.1.push(f64::from(*shift) - f64::from(mean.values[c]) * factor);
    }
    both
}
