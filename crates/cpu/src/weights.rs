//! Parameters in the kernels' layouts.
//!
//! All trainable parameters are in one flat array, followed by the running statistics. A convolution's
//! weights are (kernel, kernel, input lanes, output lanes), vectors are lanes. Each parameter stores the
//! position of every value of PyTorch's layout, so that all states are converted by the same rule.

use crate::plan::Method;
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::pool::{Parts, Pool, stretches};
use modiste_kernels::winograd::{FREQUENCIES, transform_filter};
use modiste_spec::engine::Muon;
use modiste_spec::{Parameter, ParameterKind};

/// Parameters begin at multiples of this, one cache line.
const ALIGN: usize = 16;

/// One parameter's position in the flat array.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub start: usize,
    /// Number of values with padding.
    pub len: usize,
    pub decays: bool,
    /// Whether it is one of [`Muon::matrices`].
    pub matrix: bool,
    /// Position of each value of PyTorch's layout, relative to `start`.
    positions: Vec<u32>,
}

impl Slot {
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }

    /// Writes PyTorch's layout into the flat array; padding stays as it is.
    pub fn pack(&self, values: &[f32], flat: &mut [f32]) {
        let flat = &mut flat[self.range()];
        for (&at, &value) in self.positions.iter().zip(values) {
            flat[at as usize] = value;
        }
    }

    /// Reads PyTorch's layout out of the flat array.
    pub fn unpack(&self, flat: &[f32]) -> Vec<f32> {
        let flat = &flat[self.range()];
        self.positions.iter().map(|&at| flat[at as usize]).collect()
    }
}

/// The weights of one convolution in the forms that its steps use, recomputed after each update.
#[derive(Clone, Debug)]
pub(crate) struct ConvWeights {
    /// Position in [`Weights::parameters`].
    pub parameter: usize,
    pub method: Method,
    pub taps: usize,
    /// Input lanes.
    pub c: usize,
    /// Output lanes.
    pub k: usize,
    /// For the forward pass: (36, c, k) for Winograd; otherwise none, because the flat array is used.
    forward: usize,
    /// For the gradient of the input: (36, k, c) for Winograd, else (k, taps, c).
    backward: usize,
    /// The transposed taps (9, k, c) before their transform.
    transposed: usize,
}

/// The layout of all parameters. The engine owns the values, except for the derived forms.
#[derive(Default)]
pub(crate) struct Weights {
    /// One slot for each of the network's parameters, in order.
    pub parameters: Vec<Slot>,
    pub convs: Vec<ConvWeights>,
    /// The derived forms of all convolutions, and where each convolution's begin.
    derived: Memory,
    cuts: Vec<usize>,
    /// Length of the trainable part of the flat array.
    pub trainable: usize,
    /// Length of the flat array.
    pub len: usize,
}

/// Sizes of a convolution in lanes.
pub(crate) struct ConvLanes<'a> {
    pub method: Method,
    /// Lane of each input channel, and the number of lanes with padding.
    pub input: (&'a [usize], usize),
    /// Output lanes with padding; channels come first.
    pub output: usize,
    /// Whether the input's gradient is needed.
    pub backward: bool,
}

impl Weights {
    /// Lays out all parameters; `lanes` gives the lanes of a node's output channels (for vectors)
    /// and `convs` the sizes of a node's convolution.
    pub fn new<'a>(
        parameters: &[Parameter],
        vector: impl Fn(usize) -> (&'a [usize], usize),
        conv: impl Fn(usize) -> ConvLanes<'a>,
    ) -> Self {
        let mut weights = Self::default();
        let empty = Slot { start: 0, len: 0, decays: false, matrix: false, positions: Vec::new() };
        weights.parameters = vec![empty; parameters.len()];
        for trainable in [true, false] {
            for (i, parameter) in parameters.iter().enumerate() {
                if parameter.kind.trainable() == trainable {
                    weights.place(i, parameter, &vector, &conv);
                }
            }
            if trainable {
                weights.trainable = weights.len;
            }
        }
        for (slot, matrix) in weights.parameters.iter_mut().zip(Muon::matrices(parameters)) {
            slot.matrix = matrix;
        }
        weights.cuts = vec![0];
        for conv in &weights.convs {
            weights.cuts.push(weights.cuts[weights.cuts.len() - 1] + conv.derived());
        }
        weights
    }

    /// Allocates the derived forms.
    ///
    /// # Errors
    /// If the memory cannot be allocated.
    pub fn allocate(&mut self) -> std::io::Result<()> {
        self.derived = Memory::zeroed(self.cuts[self.convs.len()])?;
        Ok(())
    }

    /// A convolution's weights for the forward pass and for the gradient of the input; an empty
    /// slice if the flat array is used or none is needed.
    pub fn derived(&self, conv: usize) -> (&[f32], &[f32]) {
        let all = &self.derived[self.cuts[conv]..self.cuts[conv + 1]];
        let (forward, rest) = all.split_at(self.convs[conv].forward);
        (forward, &rest[..self.convs[conv].backward])
    }

    fn place<'a>(
        &mut self,
        position: usize,
        parameter: &Parameter,
        vector: &impl Fn(usize) -> (&'a [usize], usize),
        conv: &impl Fn(usize) -> ConvLanes<'a>,
    ) {
        let (positions, len) = match parameter.kind {
            ParameterKind::ConvWeight | ParameterKind::DenseWeight => {
                let lanes = conv(parameter.node);
                self.convs.push(ConvWeights::new(position, parameter, &lanes));
                filter_positions(&parameter.shape, &lanes)
            }
            ParameterKind::Bias
            | ParameterKind::Scale
            | ParameterKind::Shift
            | ParameterKind::RunningMean
            | ParameterKind::RunningVariance => {
                let (channels, lanes) = vector(parameter.node);
                (channels.iter().map(|&lane| lane as u32).collect(), lanes)
            }
        };
        let start = self.len;
        self.len += len.next_multiple_of(ALIGN);
        let decays = parameter.kind.decays();
        self.parameters[position] = Slot { start, len, decays, matrix: false, positions };
    }

    /// Computes the derived forms of all weights.
    pub fn refresh(&mut self, isa: Isa, pool: &mut Pool, flat: &[f32]) {
        let threads = pool.threads();
        let (slots, convs) = (&self.parameters, &self.convs);
        for (first, cuts) in stretches(&self.cuts) {
            let derived = Parts::at(&mut self.derived, cuts);
            pool.run(&|thread| {
                for i in (thread..cuts.len() - 1).step_by(threads) {
                    let conv = &convs[first + i];
                    conv.refresh(isa, &flat[slots[conv.parameter].range()], derived.take(i));
                }
            });
        }
    }
}

/// Maps (out, in, ky, kx) to (ky, kx, in lane, out lane).
fn filter_positions(shape: &[usize], lanes: &ConvLanes<'_>) -> (Vec<u32>, usize) {
    let taps: usize = shape[2..].iter().product();
    let (input, c) = lanes.input;
    let mut positions = Vec::with_capacity(shape[0] * shape[1] * taps);
    for out in 0..shape[0] {
        for &lane in input {
            for tap in 0..taps {
                positions.push(((tap * c + lane) * lanes.output + out) as u32);
            }
        }
    }
    (positions, taps * c * lanes.output)
}

impl Method {
    /// Values that the forms of a filter of `taps` taps for the forward pass, for the gradient of the
    /// input, if that is needed, and for its transposed taps have for each pair of lanes.
    pub fn forms(self, taps: usize, backward: bool) -> [usize; 3] {
        match (self, backward) {
            (Method::Winograd, true) => [FREQUENCIES, FREQUENCIES, taps],
            (Method::Winograd, false) => [FREQUENCIES, 0, 0],
            (_, true) => [0, taps, 0],
            (_, false) => [0; 3],
        }
    }
}

impl ConvWeights {
    fn new(position: usize, parameter: &Parameter, lanes: &ConvLanes<'_>) -> Self {
        let taps = parameter.shape[2..].iter().product();
        let (c, k) = (lanes.input.1, lanes.output);
        let [forward, backward, transposed] = lanes.method.forms(taps, lanes.backward);
        Self {
            parameter: position,
            method: lanes.method,
            taps,
            c,
            k,
            forward: forward * c * k,
            backward: backward * c * k,
            transposed: transposed * c * k,
        }
    }

    /// Number of values of all derived forms.
    fn derived(&self) -> usize {
        self.forward + self.backward + self.transposed
    }

    fn refresh(&self, isa: Isa, filter: &[f32], derived: &mut [f32]) {
        let (c, k, taps) = (self.c, self.k, self.taps);
        let (forward, rest) = derived.split_at_mut(self.forward);
        let (back, transposed) = rest.split_at_mut(self.backward);
        let backward = self.backward > 0;
        if self.method != Method::Winograd {
            if backward {
                transpose(filter, taps * c, k, back);
            }
            return;
        }
        transform_filter(isa, filter, forward);
        if backward {
            for tap in 0..taps {
                let tap = tap * c * k..(tap + 1) * c * k;
                transpose(&filter[tap.clone()], c, k, &mut transposed[tap]);
            }
            transform_filter(isa, transposed, back);
        }
    }
}

/// Transposes (rows, columns) to (columns, rows), in blocks that stay in the first-level cache.
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    const BLOCK: usize = 16;
    for row in (0..rows).step_by(BLOCK) {
        for column in (0..columns).step_by(BLOCK) {
            for c in column..(column + BLOCK).min(columns) {
                for r in row..(row + BLOCK).min(rows) {
                    to[c * rows + r] = from[r * columns + c];
                }
            }
        }
    }
}
