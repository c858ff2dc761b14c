//! Lowers a network's description to a plan: which nodes become one step, and where values are stored.
//!
//! - A convolution includes its batch normalisation and ReLU; the result is deferred.
//! - A convolution includes the scaled sum and ReLU that end a residual block ([`fusing`]).
//! - Producers write directly into their part of a concatenation; values that only convolutions can read
//!   (deferred values) are copied for other readers ([`values`]).
//! - Every plan of a network uses the same lanes for the same channels ([`layout`]).

mod fusing;
mod gradients;
mod layout;
mod values;

pub(crate) use layout::Layout;

use crate::arena;
use crate::plan::{Conv, Copy, Dropout, Norm, Plan, StepKind, gather_heads, groups};
use fusing::{Chain, Graph};
use modiste_kernels::patches::Window;
use modiste_spec::{Network, NodeId, Op, Shape, padding};
use values::Values;

/// The purpose of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Training,
    /// No dropout, nothing deferred; buffers are released as soon as they are read.
    Inference,
}

const NO_FLOOR: f32 = f32::NEG_INFINITY;

/// The plan of a network, with values and parameters laid out by `layout`.
pub(crate) fn lower(network: &Network, mode: Mode, layout: &Layout) -> Plan {
    let graph = Graph::new(network, mode);
    let nodes = network.nodes().len();
    let values = Values::new(&graph, layout, mode, nodes);
    let mut lowering = Lowering { graph: &graph, layout, values, taken: vec![false; nodes] };
    for id in graph.computed() {
        lowering.node(id);
    }
    lowering.finish(mode)
}

struct Lowering<'a, 'n> {
    graph: &'a Graph<'n>,
    layout: &'a Layout,
    values: Values<'a, 'n>,
    /// Nodes fused into another node's step, whose own output is not stored.
    taken: Vec<bool>,
}

impl Lowering<'_, '_> {
    fn node(&mut self, id: NodeId) {
        if self.values.is_there(id) || self.taken[id] {
            return;
        }
        match *self.graph.op(id) {
            Op::Input { .. } => self.values.images(),
            Op::Conv { .. } | Op::Dense { .. } => {
                let chain = self.graph.chain(id, self.layout);
                // A convolution that ends in a sum waits until the other summand is available.
                if chain.add.is_none() {
                    self.conv(id, &chain);
                }
            }
            Op::BatchNorm { .. } => self.norm_alone(id),
            Op::Relu => self.copy(id, 0.0, None),
            Op::Dropout { rate } => {
                let channels = self.layout.of(id).channels.clone();
                let key = self.graph.mask_key(id);
                self.copy(id, NO_FLOOR, Some(Dropout { key, rate, channels }));
            }
            Op::MaxPool { kernel, stride } => {
                let window = Window { kernel, stride, padding: padding(kernel) };
                self.pool(id, StepKind::MaxPool(window));
            }
            Op::AvgPool { kernel } => self.pool(id, StepKind::MeanPool((kernel, kernel))),
            Op::GlobalAvgPool => {
                let shape = self.graph.shape(self.graph.input(id));
                self.pool(id, StepKind::MeanPool((shape.height, shape.width)));
            }
            Op::GlobalMaxPool => {
                // One window, padded so that it fits the shorter side and covers the longer one.
                let Shape { height, width, .. } = self.graph.shape(self.graph.input(id));
                let (longer, padding) = (height.max(width), height.abs_diff(width));
                let kernel = longer + padding;
                self.pool(id, StepKind::MaxPool(Window { kernel, stride: kernel, padding }));
            }
            Op::Flatten => self.flatten(id),
            Op::Concat => self.concat(id),
            Op::ScaledAdd { scale } => self.add(id, scale as f32),
            Op::Softmax => (),
        }
    }

    fn conv(&mut self, id: NodeId, chain: &Chain) {
        let bias = match *self.graph.op(id) {
            Op::Conv { bias, .. } => bias,
            _ => true, // a dense layer
        };
        let layout = self.layout.conv_of(id);
        let input = self.graph.input(id);
        let from = if layout.image { self.values.image() } else { self.values.any(input) };
        let residual = chain.add.map(|add| {
            let Op::ScaledAdd { scale } = *self.graph.op(add) else { unreachable!("a sum") };
            (self.values.active(self.graph.input(add)), scale as f32)
        });
        let to = self.values.target(chain.last);
        let floor = if chain.relu { 0.0 } else { NO_FLOOR };
        let conv = Conv {
            method: layout.method,
            weights: layout.weights,
            bias: bias.then_some(self.layout.first_parameter(id) + 1),
            residual,
            floor: if chain.norm.is_some() { NO_FLOOR } else { floor },
            parts: self.values.planar_parts(input),
        };
        let norm = chain.norm.map(|norm| self.norm(norm, floor));
        chain.norm.into_iter().chain(chain.add).for_each(|node| self.taken[node] = true);
        self.values.step(chain.last, StepKind::Conv(conv), from, to, norm);
    }

    fn norm(&self, id: NodeId, floor: f32) -> Norm {
        let Op::BatchNorm { epsilon, momentum, scale } = *self.graph.op(id) else {
            unreachable!("a normalisation")
        };
        let first = self.layout.first_parameter(id);
        let (scale, shift) = (scale.then_some(first), first + usize::from(scale));
        Norm { scale, shift, mean: shift + 1, variance: shift + 2, epsilon, momentum, floor }
    }

    /// Adds a separate step for a ReLU or dropout.
    fn copy(&mut self, id: NodeId, floor: f32, dropout: Option<Dropout>) {
        let from = self.values.any(self.graph.input(id));
        let to = self.values.target(id);
        let copy = Copy { floor, dropout, moves: None };
        self.values.step(id, StepKind::Copy(copy), from, to, None);
    }

    /// Adds a separate step for a batch normalisation not fused into a convolution: a copy with
    /// statistics.
    fn norm_alone(&mut self, id: NodeId) {
        let from = self.values.active(self.graph.input(id));
        let relu = self.graph.relu_of(id);
        let last = relu.unwrap_or(id);
        let to = self.values.target(last);
        let copy = Copy { floor: NO_FLOOR, dropout: None, moves: None };
        let norm = self.norm(id, if relu.is_some() { 0.0 } else { NO_FLOOR });
        self.values.step(last, StepKind::Copy(copy), from, to, Some(norm));
    }

    fn flatten(&mut self, id: NodeId) {
        let from = match self.graph.network.nodes()[id].inputs.contains(&0) {
            true => self.values.image(),
            false => self.values.active(self.graph.input(id)),
        };
        let to = self.values.target(id);
        self.values.step(id, StepKind::Flatten, from, to, None);
    }

    fn pool(&mut self, id: NodeId, kind: StepKind) {
        let input = self.graph.input(id);
        let from = match kind {
            StepKind::MaxPool(_) => self.values.any(input),
            _ => self.values.active(input),
        };
        let to = self.values.target(id);
        self.values.step(id, kind, from, to, None);
    }

    /// Adds a separate step for a sum not fused into a convolution.
    fn add(&mut self, id: NodeId, scale: f32) {
        let [first, second] = [0, 1].map(|i| self.graph.inputs(id)[i]);
        if !self.values.is_there(second) {
            // The convolution that waited for the first summand.
            let chain = self.graph.chain(second, self.layout);
            return self.conv(second, &chain);
        }
        let from = self.values.plain(first);
        let mut other = match self.layout.of(second).is_plain() {
            true => self.values.any(second),
            false => self.values.plain(second),
        };
        if other.place == from.place {
            // A value added to itself: the two paths of the gradient need two places.
            other = self.values.second_copy(second, from);
        }
        let relu = self.graph.relu_of(id);
        let last = relu.unwrap_or(id);
        let to = self.values.target(last);
        let floor = if relu.is_some() { 0.0 } else { NO_FLOOR };
        self.values.step(last, StepKind::Add { other, scale, floor }, from, to, None);
    }

    /// Joins the parts of a concatenation: those not written in place are copied there.
    fn concat(&mut self, id: NodeId) {
        let whole = self.values.concat_place(id);
        let mut deferred = false;
        for (input, part) in self.values.parts(id, whole) {
            match self.values.own(input) {
                (place, raw) if place == part => deferred |= raw,
                _ => self.values.copy_to(input, part),
            }
        }
        self.values.written(id, whole, deferred);
    }

    fn finish(mut self, mode: Mode) -> Plan {
        let logits = self.graph.logits();
        let place = self.values.active(logits).place;
        let classes = self.layout.of(logits).channels.clone();
        let Values { mut buffers, mut steps, .. } = self.values;
        let training = mode == Mode::Training;
        if training {
            gather_heads(&mut steps);
        }
        gradients::mark_contributions(&mut steps, &buffers);
        let arena = arena::assign(&mut buffers, &steps, place.buffer, training);
        let groups = match mode {
            Mode::Training => groups(&steps),
            Mode::Inference => (0..steps.len()).map(|i| i..i + 1).collect(),
        };
        Plan { steps, groups, buffers, image: 0, logits: place, classes, arena }
    }
}
