//! Turns a network into the kernels of a step: forward, loss and backward, and forward for prediction.
//!
//! Every node has maps for its output and, if parameters lie before it, for the gradient by it. Shaders that
//! meet a gradient first write it, later ones add to it; since they run in a fixed order, so do the
//! additions.

mod conv;
mod filters;
mod joins;
mod maps;
mod norm;

use crate::kernel::{Groups, Kernel};
use crate::layout::Layout;
use crate::memory::{BufferId, Norm, Sizes, View};
use crate::step::StepNumbers;
use filters::Filters;
use joins::Joins;
use modiste_spec::{Network, NodeId, Op, Shape};

/// Buffers that the host writes or reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    /// Numbers of the step.
    pub step: BufferId,
    /// Bytes of the images.
    pub pixels: BufferId,
    /// Weights of each class's -log p (n, classes).
    pub masses: BufferId,
    /// The right class of each image (n).
    pub answers: BufferId,
    /// Parameters and running statistics.
    pub parameters: BufferId,
    /// The weights that predict: a copy of the parameters or of their average.
    pub active: BufferId,
    /// Gradients of the parameters.
    pub gradients: BufferId,
    /// What the optimiser does to each parameter ([`crate::step::rates_of`]).
    pub rates: BufferId,
    /// The parameter of each block of values, with marks.
    pub blocks: BufferId,
    /// Loss and hits of the steps that were not asked for yet.
    pub results: BufferId,
    /// Logits (n, classes) of a prediction.
    pub logits: BufferId,
}

/// Number of steps whose results the device keeps before the host must fetch them.
pub(crate) const RESULTS: usize = 1024;

/// The kernels of an engine, and its buffers.
pub(crate) struct Plan {
    /// The buffers' sizes.
    pub sizes: Sizes,
    /// The buffers that the host knows.
    pub shared: Shared,
    /// Forward, loss and backward of a step.
    pub training: Vec<Kernel>,
    /// Forward with the active weights.
    pub predicting: Vec<Kernel>,
    /// Contents of buffers that never change.
    pub contents: Vec<(BufferId, Vec<u32>)>,
}

/// What normalises and masks: the batch, or what was learned from all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Train,
    Predict,
}

/// A network that is being lowered, for batches of up to `batch` images.
struct Lowering<'a> {
    network: &'a Network,
    layout: &'a Layout,
    batch: usize,
    sizes: Sizes,
    shared: Shared,
    filters: Filters,
    /// Partial sums, of one shader at a time.
    slices: BufferId,
    /// Output of each node.
    values: Vec<View>,
    /// Number of readers of each node's output.
    readers: Vec<usize>,
    /// Gradient by each node's output, once a shader has written it.
    gradients: Vec<Option<View>>,
    /// Whether parameters lie before each node's output.
    trained: Vec<bool>,
    /// Statistics of each normalisation: for forward and backward.
    norms: Vec<Option<(Norm, BufferId)>>,
    joins: Joins,
    /// Places of the maxima of each pool.
    places: Vec<Option<BufferId>>,
    kernels: Vec<Kernel>,
}

/// Plans `network` for batches of up to `batch` images.
pub(crate) fn lower(network: &Network, layout: &Layout, batch: usize) -> Plan {
    let mut lowering = Lowering::new(network, layout, batch);
    let training = lowering.training();
    let predicting = lowering.predicting();
    let Lowering { sizes, shared, filters, .. } = lowering;
    let mut contents = filters.contents();
    contents.push((shared.blocks, layout.blocks()));
    Plan { sizes, shared, training, predicting, contents }
}

impl<'a> Lowering<'a> {
    fn new(network: &'a Network, layout: &'a Layout, batch: usize) -> Self {
        let mut sizes = Sizes::default();
        let classes = network.classes();
        let shared = Shared {
            step: sizes.add("numbers of the step", StepNumbers::LEN, 0),
            pixels: sizes.add("images", 0, network.input_shape().len()),
            masses: sizes.add("targets", 0, classes),
            answers: sizes.add("right classes", 0, 1),
            parameters: sizes.add("parameters", layout.len, 0),
            active: sizes.add("parameters that predict", layout.len, 0),
            gradients: sizes.add("gradients of the parameters", layout.len, 0),
            rates: sizes.add("rates", 4 * layout.parameters.len().max(1), 0),
            blocks: sizes.add("owners of blocks", layout.len / crate::layout::BLOCK, 0),
            results: sizes.add("results of steps", 2 * RESULTS, 0),
            logits: sizes.add("logits", 0, classes),
        };
        let filters = Filters::new(network, layout, &mut sizes);
        let slices = sizes.add("partial sums", 4, 0);
        let nodes = network.nodes();
        let mut trained: Vec<bool> = Vec::with_capacity(nodes.len());
        for (id, node) in nodes.iter().enumerate() {
            let own = !network.node_parameters(id).is_empty();
            trained.push(own || node.inputs.iter().any(|&input| trained[input]));
        }
        let count = nodes.len();
        let mut readers = vec![0; count];
        nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        let joins = Joins::new(network, &readers, &mut sizes);
        let mut lowering = Self {
            network,
            layout,
            batch,
            sizes,
            shared,
            filters,
            slices,
            values: Vec::with_capacity(count),
            readers,
            gradients: vec![None; count],
            trained,
            norms: vec![None; count],
            joins,
            places: vec![None; count],
            kernels: Vec::new(),
        };
        for id in 0..count {
            let view = lowering.output(id);
            lowering.values.push(view);
        }
        lowering
    }

    /// The output of a node, given those before it.
    fn output(&mut self, id: NodeId) -> View {
        let node = &self.network.nodes()[id];
        match node.op {
            Op::BatchNorm { .. } => self.norm_view(id, node.inputs[0]),
            Op::Relu => View { relu: true, ..self.values[node.inputs[0]] },
            Op::Softmax => self.values[node.inputs[0]],
            Op::Concat => match self.joins.joined(self.network, id) {
                Some(view) => view,
                None => self.sizes.maps(&node.name, node.shape),
            },
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::Dropout { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::GlobalMaxPool
            | Op::Flatten
            | Op::ScaledAdd { .. }
            | Op::Dense { .. } => match self.joins.home(self.network, id) {
                Some(view) => view,
                None => self.sizes.maps(&node.name, node.shape),
            },
        }
    }

    fn training(&mut self) -> Vec<Kernel> {
        self.forward(Mode::Train);
        self.loss();
        for id in (0..self.network.nodes().len()).rev() {
            if let Some(dy) = self.gradients[id] {
                self.node_backward(id, &dy);
            }
        }
        std::mem::take(&mut self.kernels)
    }

    fn predicting(&mut self) -> Vec<Kernel> {
        self.forward(Mode::Predict);
        let logits = self.values[self.network.logits()];
        let out = View::dense(self.shared.logits, logits.shape);
        let kernel = self.copy("logits", &logits, &out, 1.0, false);
        self.kernels.push(kernel);
        std::mem::take(&mut self.kernels)
    }

    /// The weights that a pass reads.
    fn weights(&self, mode: Mode) -> BufferId {
        match mode {
            Mode::Train => self.shared.parameters,
            Mode::Predict => self.shared.active,
        }
    }

    fn forward(&mut self, mode: Mode) {
        let filters = self.filters.kernel(self.weights(mode));
        self.kernels.extend(filters);
        for id in 0..self.network.nodes().len() {
            self.node_forward(id, mode);
        }
    }

    fn node_forward(&mut self, id: NodeId, mode: Mode) {
        let inputs: Vec<View> =
            self.network.nodes()[id].inputs.iter().map(|&i| self.values[i]).collect();
        let y = self.values[id];
        match (&self.network.nodes()[id].op, &inputs[..]) {
            (Op::Input { shape }, _) => self.image(*shape, &y),
            (Op::Conv { .. } | Op::Dense { .. }, [x]) => self.conv_forward(id, mode, x, &y),
            (Op::BatchNorm { .. }, [x]) => self.norm_forward(id, mode, x, &y),
            (Op::Dropout { rate }, [x]) => self.dropout(id, *rate, mode, x, &y, false),
            (Op::MaxPool { .. } | Op::GlobalMaxPool, [x]) => self.max_pool_forward(id, x, &y),
            (Op::AvgPool { .. } | Op::GlobalAvgPool, [x]) => self.avg_pool_forward(id, x, &y),
            (Op::Flatten, [x]) => {
                let kernel = self.copy(self.label(id, "forward"), x, &y, 1.0, false);
                self.kernels.push(kernel);
            }
            (Op::Concat, parts) => {
                if self.joins.joined(self.network, id).is_none() {
                    self.concat_forward(id, parts, &y);
                }
            }
            (Op::ScaledAdd { scale }, [a, b]) => self.scaled_add_forward(id, [a, b], *scale, &y),
            // Engines return logits; the loss computes shares itself.
            (Op::Softmax, _) => (),
            // Whoever reads it cuts off negative values.
            (Op::Relu, _) => (),
            (op, inputs) => unreachable!("{} does not take {} inputs", op.name(), inputs.len()),
        }
    }

    fn node_backward(&mut self, id: NodeId, dy: &View) {
        let nodes = self.network.nodes();
        let inputs = nodes[id].inputs.clone();
        let Some(&x) = inputs.first() else { return };
        match nodes[id].op {
            Op::Input { .. } | Op::Softmax => (),
            Op::Conv { .. } | Op::Dense { .. } => self.conv_backward(id, x, dy),
            Op::BatchNorm { .. } => self.norm_backward(id, x, dy),
            Op::Relu => self.relu_backward(id, x, dy),
            Op::Dropout { rate } => {
                if let Some((dx, add)) = self.gradient_of(x) {
                    self.dropout(id, rate, Mode::Train, dy, &dx, add);
                }
            }
            Op::MaxPool { .. } | Op::GlobalMaxPool => self.max_pool_backward(id, x, dy),
            Op::AvgPool { .. } | Op::GlobalAvgPool => self.avg_pool_backward(id, x, dy),
            Op::Flatten => self.pass_on(id, x, dy, 1.0),
            Op::Concat => self.concat_backward(id, &inputs, dy),
            Op::ScaledAdd { scale } => {
                self.pass_on(id, inputs[1], dy, scale);
                if inputs[1] == x || !self.lend(x, dy) {
                    self.pass_on(id, x, dy, 1.0);
                }
            }
        }
    }

    /// Where the gradient by a node's output belongs and whether to add to what is there; `None` if
    /// nobody needs it.
    fn gradient_of(&mut self, id: NodeId) -> Option<(View, bool)> {
        if !self.trained[id] {
            return None;
        }
        if let Some(known) = self.gradients[id] {
            return Some((known, true));
        }
        let node = &self.network.nodes()[id];
        let view = self.sizes.maps(format!("gradient by {}", node.name), node.shape);
        self.gradients[id] = Some(view);
        Some((view, false))
    }

    /// Makes `dy`, which nobody needs any more, the gradient by a node's output, without a copy. Others may add
    /// to it, so it must be plain and alone in its buffer, unless there are no others. Returns whether
    /// nothing is left to do.
    fn lend(&mut self, id: NodeId, dy: &View) -> bool {
        let alone = dy.place.offset == 0 && dy.place.stride == dy.shape.channels;
        let possible = self.readers[id] == 1 || (dy.mask.is_none() && alone);
        if self.trained[id] && (self.gradients[id].is_some() || !possible) {
            return false;
        }
        self.gradients[id] = self.trained[id].then_some(*dy);
        true
    }

    fn loss(&mut self) {
        let id = self.network.logits();
        let logits = self.values[id];
        let view = self.sizes.maps("gradient by the logits", logits.shape);
        self.gradients[id] = Some(view);
        let losses = self.sizes.add("losses of images", 0, 2);
        let groups = Groups { fixed: 0, per_image: 1, unit: 64, depth: 1 };
        let loss = Kernel::new("loss", include_str!("../shaders/loss.wgsl"), groups)
            .view("x", &logits)
            .target("dx", &view, false)
            .reads("masses", self.shared.masses, "f32")
            .reads("answers", self.shared.answers, "u32")
            .writes("losses", losses, "vec2f");
        let sum = include_str!("../shaders/loss_sum.wgsl");
        let sum = Kernel::new("loss of the step", sum, Groups::count(1))
            .number("half", 128)
            .reads("losses", losses, "vec2f")
            .writes("results", self.shared.results, "vec2f");
        self.kernels.extend([loss, sum]);
    }

    /// A kernel's name: the node and what is done.
    fn label(&self, id: NodeId, what: &str) -> String {
        format!("{} {what}", self.network.nodes()[id].name)
    }

    /// Number of slices in which `groups` workgroups each add up pixels of maps of `pixels` pixels: enough
    /// to occupy a large GPU, if each slice still has at least `least` pixels in a full batch.
    fn slices_of(&self, pixels: usize, groups: usize, least: usize, most: usize) -> usize {
        let rows = self.batch * pixels;
        (WORKGROUPS / groups).min(rows / least).clamp(1, most)
    }
}

/// Number of workgroups that occupy a large GPU.
const WORKGROUPS: usize = 768;

/// A thread for each four channels of a pixel.
fn fours_of(shape: Shape) -> Groups {
    Groups::each(shape.pixels() * shape.channels.div_ceil(4))
}
