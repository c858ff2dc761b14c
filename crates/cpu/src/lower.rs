//! From a network's description to a plan: which nodes become one step, and where values lie.
//!
//! - A convolution takes its batch normalisation and ReLU along; the result is deferred.
//! - A convolution takes the scaled sum and ReLU that end a residual block along.
//! - Producers write straight into their part of a concatenation.
//! - What only convolutions can read (deferred values) is copied out for other readers.

use crate::arena;
use crate::plan::{
    Buffer, Conv, Copy, Dropout, Kind, Method, Norm, Place, Plan, Source, Step, gather_heads,
    groups,
};
use crate::weights::{ConvLanes, Weights};
use modiste_kernels::patches::Window;
use modiste_kernels::{LANES, padded};
use modiste_spec::{Network, NodeId, Op, Shape};
use std::collections::HashMap;

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Training,
    /// No dropout, nothing deferred; buffers are given up as soon as they are read.
    Inference,
}

const NO_FLOOR: f32 = f32::NEG_INFINITY;

/// Where a node's output lies.
#[derive(Clone, Debug)]
struct Value {
    place: Place,
    deferred: bool,
    /// Lane of each channel, relative to the place.
    channels: Vec<usize>,
}

/// The nodes that one convolution's step computes.
struct Chain {
    norm: Option<NodeId>,
    add: Option<NodeId>,
    relu: bool,
    last: NodeId,
}

struct Lowering<'n> {
    network: &'n Network,
    mode: Mode,
    /// Whether 3x3 convolutions do without Winograd's method.
    direct: bool,
    /// Each node's inputs, dropout left out for inference.
    inputs: Vec<Vec<NodeId>>,
    /// Each node's readers, likewise.
    readers: Vec<Vec<NodeId>>,
    values: Vec<Option<Value>>,
    /// Nodes that a convolution's step took along and whose own output lies nowhere.
    taken: Vec<bool>,
    /// Parts of concatenations that their producers write to.
    targets: HashMap<NodeId, Place>,
    /// Concatenations whose place was made when the first part was produced.
    joined: HashMap<NodeId, Place>,
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
    /// First position of each node's parameters.
    first_parameter: Vec<usize>,
}

/// The plan of a network and the layout of its parameters.
pub(crate) fn lower(network: &Network, mode: Mode, direct: bool) -> (Plan, Weights) {
    let mut lowering = Lowering::new(network, mode, direct);
    for id in 0..network.nodes().len() {
        lowering.node(id);
    }
    lowering.finish()
}

impl<'n> Lowering<'n> {
    fn new(network: &'n Network, mode: Mode, direct: bool) -> Self {
        let nodes = network.nodes();
        let skipped =
            |id: NodeId| mode == Mode::Inference && matches!(nodes[id].op, Op::Dropout { .. });
        let resolve = |mut id: NodeId| {
            while skipped(id) {
                id = nodes[id].inputs[0];
            }
            id
        };
        let inputs: Vec<Vec<NodeId>> =
            nodes.iter().map(|n| n.inputs.iter().map(|&i| resolve(i)).collect()).collect();
        let mut readers = vec![Vec::new(); nodes.len()];
        for id in (0..nodes.len()).filter(|&id| !skipped(id)) {
            inputs[id].iter().for_each(|&input: &usize| readers[input].push(id));
        }
        let mut first_parameter = vec![0];
        for id in 0..nodes.len() {
            first_parameter.push(first_parameter[id] + network.node_parameters(id).len());
        }
        let values = vec![None; nodes.len()];
        Self {
            network,
            mode,
            direct,
            inputs,
            readers,
            values,
            taken: vec![false; nodes.len()],
            targets: HashMap::new(),
            joined: HashMap::new(),
            buffers: Vec::new(),
            steps: Vec::new(),
            first_parameter,
        }
    }

    fn op(&self, id: NodeId) -> &'n Op {
        &self.network.nodes()[id].op
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.network.nodes()[id].shape
    }

    /// The only reader of a node.
    fn only_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.readers[id][..] {
            [reader] => Some(reader),
            _ => None,
        }
    }

    fn node(&mut self, id: NodeId) {
        if self.values[id].is_some() || self.taken[id] {
            return;
        }
        match *self.op(id) {
            Op::Input { shape } => {
                let buffer = self.buffer(shape, shape.channels);
                self.buffers[buffer].trained = false;
                let place = Place { buffer, offset: 0, lanes: shape.channels };
                let channels = (0..shape.channels).collect();
                self.values[id] = Some(Value { place, deferred: false, channels });
            }
            Op::Conv { .. } | Op::Dense { .. } => {
                let chain = self.chain(id);
                // A convolution that ends in a sum waits until the other summand is there.
                if chain.add.is_none() {
                    self.conv(id, &chain);
                }
            }
            Op::BatchNorm { .. } => self.copy_norm(id),
            Op::Relu => self.copy(id, 0.0, None),
            Op::Dropout { rate } => match self.mode {
                Mode::Training => self.copy(id, NO_FLOOR, Some(rate)),
                Mode::Inference => (),
            },
            Op::MaxPool { kernel, stride } => {
                let window = Window { kernel, stride, padding: kernel / 2 };
                self.pool(id, Kind::MaxPool(window));
            }
            Op::AvgPool { kernel } => self.pool(id, Kind::MeanPool((kernel, kernel))),
            Op::GlobalAvgPool => {
                let shape = self.shape(self.inputs[id][0]);
                self.pool(id, Kind::MeanPool((shape.height, shape.width)));
            }
            Op::Concat => self.concat(id),
            Op::ScaledAdd { scale } => self.add(id, scale as f32),
            Op::Softmax => (),
        }
    }

    /// A new buffer for maps of `shape` with `lanes` lanes.
    fn buffer(&mut self, shape: Shape, lanes: usize) -> usize {
        let (height, width) = (shape.height, shape.width);
        self.buffers.push(Buffer {
            height,
            width,
            lanes,
            start: 0,
            gradient_start: 0,
            trained: true,
            planar: false,
        });
        self.buffers.len() - 1
    }

    /// Where node `last` is to write `lanes` lanes: its part of a concatenation or a new buffer.
    fn target(&mut self, last: NodeId, lanes: usize) -> Place {
        self.plan_concat(last);
        self.targets.remove(&last).unwrap_or_else(|| {
            let buffer = self.buffer(self.shape(last), lanes);
            Place { buffer, offset: 0, lanes }
        })
    }

    /// If `last` is read by one concatenation alone, makes that one's buffer and gives its readers
    /// their parts of it.
    fn plan_concat(&mut self, last: NodeId) {
        let Some(reader) = self.only_reader(last) else { return };
        if !matches!(self.op(reader), Op::Concat) || self.joined.contains_key(&reader) {
            return;
        }
        let whole = self.concat_place(reader);
        let mut offset = whole.offset;
        for input in self.inputs[reader].clone() {
            let lanes = self.lanes(input);
            if self.only_reader(input) == Some(reader) {
                self.targets.insert(input, Place { buffer: whole.buffer, offset, lanes });
            }
            offset += lanes;
        }
        self.joined.insert(reader, whole);
    }

    /// The place of a concatenation; planar if only a 1x1 convolution reads it.
    fn concat_place(&mut self, id: NodeId) -> Place {
        let place = self.target(id, self.lanes(id));
        let pointwise = self
            .only_reader(id)
            .is_some_and(|reader| matches!(self.op(reader), Op::Conv { kernel: 1, stride: 1, .. }));
        let nested = self.inputs[id].iter().any(|&i| matches!(self.op(i), Op::Concat));
        let training = self.mode == Mode::Training;
        self.buffers[place.buffer].planar = training && pointwise && !nested;
        place
    }

    /// Lanes of each part of a node's output if it is a planar concatenation.
    fn parts(&self, id: NodeId) -> Vec<usize> {
        match self.buffers[self.value(id).place.buffer].planar {
            true => self.inputs[id].iter().map(|&i| self.lanes(i)).collect(),
            false => Vec::new(),
        }
    }

    /// Lanes that a node's output takes.
    fn lanes(&self, id: NodeId) -> usize {
        match self.op(id) {
            Op::Conv { channels, .. } => padded(*channels),
            Op::Dense { units } => padded(*units),
            Op::Input { shape } => padded(shape.channels),
            Op::Concat => self.inputs[id].iter().map(|&i| self.lanes(i)).sum(),
            Op::ScaledAdd { .. } => padded(self.shape(id).channels),
            Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Softmax => self.lanes(self.inputs[id][0]),
        }
    }

    fn chain(&self, id: NodeId) -> Chain {
        let next = |id: NodeId| self.only_reader(id);
        let is_relu = |id: Option<NodeId>| id.filter(|&id| matches!(self.op(id), Op::Relu));
        let end = |from: NodeId, norm, add| match is_relu(next(from)) {
            Some(last) => Chain { norm, add, relu: true, last },
            None => Chain { norm, add, relu: false, last: from },
        };
        let Some(reader) = next(id) else { return end(id, None, None) };
        match self.op(reader) {
            Op::BatchNorm { .. } => end(reader, Some(reader), None),
            Op::ScaledAdd { .. } if self.takes_sum(id, reader) => end(reader, None, Some(reader)),
            _ => end(id, None, None),
        }
    }

    /// Whether a convolution can end in that sum: as its second input, on plain lanes, and without
    /// reading the first one itself.
    fn takes_sum(&self, id: NodeId, add: NodeId) -> bool {
        let [first, second] = self.inputs[add][..] else { return false };
        let channels = self.shape(id).channels;
        let image = matches!(self.op(first), Op::Input { .. });
        second == id && first != self.inputs[id][0] && !image && self.plain_lanes(first, channels)
    }

    /// Whether a node's channels lie side by side from the first lane on.
    fn plain_lanes(&self, id: NodeId, channels: usize) -> bool {
        match self.op(id) {
            Op::Concat => {
                let inputs = &self.inputs[id];
                inputs.iter().all(|&i| self.shape(i).channels.is_multiple_of(LANES))
            }
            Op::Conv { .. } | Op::Dense { .. } | Op::Input { .. } | Op::ScaledAdd { .. } => {
                self.lanes(id) == padded(channels)
            }
            Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Softmax => self.plain_lanes(self.inputs[id][0], channels),
        }
    }

    fn conv(&mut self, id: NodeId, chain: &Chain) {
        let (kernel, stride, channels, bias) = match *self.op(id) {
            Op::Conv { kernel, stride, channels, bias } => (kernel, stride, channels, bias),
            Op::Dense { units } => (1, 1, units, true),
            _ => unreachable!("called for convolutions and dense layers"),
        };
        let from = self.source(self.inputs[id][0]);
        let residual = chain.add.map(|add| {
            let Op::ScaledAdd { scale } = *self.op(add) else { unreachable!("a sum") };
            let skipped = self.inputs[add][0];
            self.materialise(skipped);
            (self.source(skipped), scale as f32)
        });
        let lanes = padded(channels);
        let to = self.target(chain.last, lanes);
        let floor = if chain.relu { 0.0 } else { NO_FLOOR };
        let conv = Conv {
            method: method(kernel, stride, from.place.lanes, self.direct),
            // Both are positions among the network's parameters until `finish`.
            weights: self.first_parameter[id],
            bias: bias.then_some(self.first_parameter[id] + 1),
            residual,
            floor: if chain.norm.is_some() { NO_FLOOR } else { floor },
            parts: self.parts(self.inputs[id][0]),
        };
        let norm = chain.norm.map(|norm| self.norm(norm, floor));
        chain.norm.into_iter().chain(chain.add).for_each(|node| self.taken[node] = true);
        let channels = (0..channels).collect();
        self.step(chain.last, Kind::Conv(conv), from, to, norm, channels);
    }

    fn norm(&self, id: NodeId, floor: f32) -> Norm {
        let Op::BatchNorm { epsilon, momentum } = *self.op(id) else { unreachable!("a norm") };
        let shift = self.first_parameter[id];
        Norm { shift, mean: shift + 1, variance: shift + 2, epsilon, momentum, floor }
    }

    /// Appends a step and notes where node `last` now lies.
    fn step(
        &mut self,
        last: NodeId,
        kind: Kind,
        from: Source,
        to: Place,
        norm: Option<Norm>,
        channels: Vec<usize>,
    ) {
        let name = self.network.nodes()[last].name.clone();
        self.steps.push(Step { name, kind, from, to, norm });
        let deferred = norm.is_some() && self.mode == Mode::Training;
        self.values[last] = Some(Value { place: to, deferred, channels });
        if deferred && !self.read_deferred(last) {
            self.materialise(last);
        }
    }

    fn value(&self, id: NodeId) -> &Value {
        self.values[id].as_ref().expect("nodes come in topological order")
    }

    /// How a step reads a node; the gradient's way is settled in `finish`.
    fn source(&self, id: NodeId) -> Source {
        let Value { place, deferred, .. } = *self.value(id);
        Source { place, deferred, accumulate: false, completes: false }
    }

    /// Makes sure that a node can be read as it lies: activated and on padded lanes.
    fn materialise(&mut self, id: NodeId) {
        let value = self.value(id).clone();
        let lanes = padded(value.place.lanes);
        if !value.deferred && lanes == value.place.lanes {
            return;
        }
        let from = self.source(id);
        let buffer = self.buffer(self.shape(id), lanes);
        let to = Place { buffer, offset: 0, lanes };
        self.plain_copy(id, from, to, value.channels.clone(), value.channels);
    }

    /// A copy of a node from lanes to lanes; the node is read from there from now on.
    fn plain_copy(
        &mut self,
        id: NodeId,
        from: Source,
        to: Place,
        from_channels: Vec<usize>,
        to_channels: Vec<usize>,
    ) {
        let same = from_channels == to_channels && from.place.lanes == to.lanes;
        let moves =
            (!same).then(|| from_channels.into_iter().zip(to_channels.iter().copied()).collect());
        let copy = Copy { floor: NO_FLOOR, dropout: None, moves };
        let name = format!("{}.copy", self.network.nodes()[id].name);
        self.steps.push(Step { name, kind: Kind::Copy(copy), from, to, norm: None });
        self.values[id] = Some(Value { place: to, deferred: false, channels: to_channels });
    }

    /// A ReLU or dropout of its own.
    fn copy(&mut self, id: NodeId, floor: f32, rate: Option<f64>) {
        let input = self.inputs[id][0];
        if !self.value(input).place.lanes.is_multiple_of(LANES) {
            self.materialise(input);
        }
        let from = self.source(input);
        let channels = self.value(input).channels.clone();
        let to = self.target(id, from.place.lanes);
        let dropout = rate.map(|rate| Dropout { node: id, rate, channels: channels.clone() });
        let copy = Copy { floor, dropout, moves: None };
        self.step(id, Kind::Copy(copy), from, to, None, channels);
    }

    /// A batch normalisation that no convolution takes along: a copy with statistics.
    fn copy_norm(&mut self, id: NodeId) {
        let input = self.inputs[id][0];
        self.materialise(input);
        let relu = self.only_reader(id).filter(|&r| matches!(self.op(r), Op::Relu));
        let last = relu.unwrap_or(id);
        let from = self.source(input);
        let channels = self.value(input).channels.clone();
        let to = self.target(last, from.place.lanes);
        let copy = Copy { floor: NO_FLOOR, dropout: None, moves: None };
        let norm = self.norm(id, if relu.is_some() { 0.0 } else { NO_FLOOR });
        self.step(last, Kind::Copy(copy), from, to, Some(norm), channels);
    }

    fn pool(&mut self, id: NodeId, kind: Kind) {
        let input = self.inputs[id][0];
        self.materialise(input);
        let from = self.source(input);
        let channels = self.value(input).channels.clone();
        let to = self.target(id, from.place.lanes);
        self.step(id, kind, from, to, None, channels);
    }

    /// A sum that no convolution takes along.
    fn add(&mut self, id: NodeId, scale: f32) {
        let second = self.inputs[id][1];
        if matches!(self.op(second), Op::Conv { .. } | Op::Dense { .. })
            && self.values[second].is_none()
        {
            let chain = self.chain(second);
            return self.conv(second, &chain);
        }
        let lanes = padded(self.shape(id).channels);
        let channels: Vec<usize> = (0..self.shape(id).channels).collect();
        for input in self.inputs[id].clone() {
            self.materialise(input);
            let value = self.value(input).clone();
            if value.channels != channels || value.place.lanes != lanes {
                let buffer = self.buffer(self.shape(input), lanes);
                let to = Place { buffer, offset: 0, lanes };
                self.plain_copy(input, self.source(input), to, value.channels, channels.clone());
            }
        }
        let from = self.source(self.inputs[id][0]);
        if self.value(second).place == from.place {
            // A value added to itself: the two ways of the gradient need two places.
            let buffer = self.buffer(self.shape(second), lanes);
            let to = Place { buffer, offset: 0, lanes };
            self.plain_copy(second, from, to, channels.clone(), channels.clone());
        }
        let other = self.source(second);
        let relu = self.only_reader(id).filter(|&r| matches!(self.op(r), Op::Relu));
        let last = relu.unwrap_or(id);
        let to = self.target(last, lanes);
        let floor = if relu.is_some() { 0.0 } else { NO_FLOOR };
        self.step(last, Kind::Add { other, scale, floor }, from, to, None, channels);
    }

    /// Joins the parts: those that were not written in place are copied there.
    fn concat(&mut self, id: NodeId) {
        let place = match self.joined.get(&id) {
            Some(&place) => place,
            None => self.concat_place(id),
        };
        let (mut offset, mut deferred, mut channels) = (0, false, Vec::new());
        for input in self.inputs[id].clone() {
            let lanes = self.lanes(input);
            let part = Place { buffer: place.buffer, offset: place.offset + offset, lanes };
            let value = self.value(input).clone();
            channels.extend(value.channels.iter().map(|c| c + offset));
            if value.place == part {
                deferred |= value.deferred;
            } else {
                let from = self.source(input);
                self.plain_copy(input, from, part, value.channels.clone(), value.channels.clone());
                // Other readers keep reading the original.
                self.values[input] = Some(value);
            }
            offset += lanes;
        }
        self.values[id] = Some(Value { place, deferred, channels });
        if deferred && !self.read_deferred(id) {
            self.materialise(id);
        }
    }

    /// Whether a node's only reader takes deferred values: a convolution, a copy, or a
    /// concatenation that the node is written into.
    fn read_deferred(&self, id: NodeId) -> bool {
        self.only_reader(id).is_some_and(|reader| match self.op(reader) {
            Op::Conv { .. } | Op::Dense { .. } | Op::Dropout { .. } | Op::Relu => true,
            Op::Concat => self.joined.contains_key(&reader),
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::ScaledAdd { .. }
            | Op::Softmax => false,
        })
    }

    fn finish(mut self) -> (Plan, Weights) {
        if self.mode == Mode::Training {
            gather_heads(&mut self.steps);
        }
        self.settle_gradients();
        let logits = self.value(self.inputs[self.network.nodes().len() - 1][0]).clone();
        let parameters = self.network.parameters();
        let weights = self.weights();
        for step in &mut self.steps {
            if let Kind::Conv(conv) = &mut step.kind {
                conv.weights = weights.conv_of(conv.weights);
            }
        }
        debug_assert_eq!(weights.parameters.len(), parameters.len());
        let image = 0;
        let training = self.mode == Mode::Training;
        let arena = arena::assign(&mut self.buffers, &self.steps, logits.place.buffer, training);
        let (steps, buffers) = (self.steps, self.buffers);
        let groups = match self.mode {
            Mode::Training => groups(&steps),
            Mode::Inference => (0..steps.len()).map(|i| i..i + 1).collect(),
        };
        let (logits, classes) = (logits.place, logits.channels);
        let plan = Plan { steps, groups, buffers, image, logits, classes, arena };
        (plan, weights)
    }

    /// Which step is first and which last to contribute to a buffer's gradient, walking backwards.
    fn settle_gradients(&mut self) {
        let mut written = vec![false; self.buffers.len()];
        let mut first_reader: Vec<Option<usize>> = vec![None; self.buffers.len()];
        for (i, step) in self.steps.iter().enumerate() {
            for source in step.sources() {
                first_reader[source.place.buffer].get_or_insert(i);
            }
        }
        for i in (0..self.steps.len()).rev() {
            for source in self.steps[i].sources_mut() {
                let buffer = source.place.buffer;
                source.accumulate = std::mem::replace(&mut written[buffer], true);
                source.completes = source.deferred && first_reader[buffer] == Some(i);
            }
        }
    }

    fn weights(&self) -> Weights {
        struct Lanes<'a> {
            conv: HashMap<usize, (&'a Step, &'a Conv)>,
            vectors: HashMap<usize, (Vec<usize>, usize)>,
            inputs: HashMap<usize, Vec<usize>>,
        }
        let nodes = self.network.nodes();
        let mut lanes =
            Lanes { conv: HashMap::new(), vectors: HashMap::new(), inputs: HashMap::new() };
        for step in &self.steps {
            if let Kind::Conv(conv) = &step.kind {
                lanes.conv.insert(conv.weights, (step, conv));
            }
        }
        for id in 0..nodes.len() {
            let channels = self.channels(id);
            lanes.vectors.insert(id, (channels, self.lanes(id)));
            if let Some(&input) = self.inputs[id].first() {
                lanes.inputs.insert(id, self.channels(input));
            }
        }
        Weights::new(
            &self.network.parameters(),
            |node| {
                let (channels, lanes) = &lanes.vectors[&node];
                (channels.as_slice(), *lanes)
            },
            |node| {
                let (step, conv) = lanes.conv[&self.first_parameter[node]];
                ConvLanes {
                    method: conv.method,
                    input: (&lanes.inputs[&node], step.from.place.lanes),
                    output: padded(self.shape(node).channels),
                    backward: self.buffers[step.from.place.buffer].trained,
                }
            },
        )
    }

    /// Lane of each channel of a node's output, by the rule that the steps followed.
    fn channels(&self, id: NodeId) -> Vec<usize> {
        match self.op(id) {
            Op::Concat => {
                let mut offset = 0;
                let mut all = Vec::new();
                for &input in &self.inputs[id] {
                    all.extend(self.channels(input).iter().map(|c| c + offset));
                    offset += self.lanes(input);
                }
                all
            }
            Op::Conv { .. } | Op::Dense { .. } | Op::Input { .. } | Op::ScaledAdd { .. } => {
                (0..self.shape(id).channels).collect()
            }
            Op::BatchNorm { .. }
            | Op::Relu
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Softmax => self.channels(self.inputs[id][0]),
        }
    }
}

/// The cheapest way to compute a convolution, or the cheapest `direct` one.
fn method(kernel: usize, stride: usize, lanes: usize, direct: bool) -> Method {
    match (kernel, stride) {
        (3, 1) if !direct && lanes.is_multiple_of(LANES) => Method::Winograd,
        (1, 1) => Method::Pointwise,
        _ => Method::Patches(Window { kernel, stride, padding: kernel / 2 }),
    }
}

impl Step {
    /// Everything that is read.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let second = match &self.kind {
            Kind::Conv(conv) => conv.residual.as_ref().map(|(source, _)| source),
            Kind::Add { other, .. } => Some(other),
            Kind::Copy(_) | Kind::MaxPool(_) | Kind::MeanPool(_) => None,
        };
        std::iter::once(&self.from).chain(second)
    }

    fn sources_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        let second = match &mut self.kind {
            Kind::Conv(conv) => conv.residual.as_mut().map(|(source, _)| source),
            Kind::Add { other, .. } => Some(other),
            Kind::Copy(_) | Kind::MaxPool(_) | Kind::MeanPool(_) => None,
        };
        std::iter::once(&mut self.from).chain(second)
    }
}
