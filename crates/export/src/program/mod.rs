//! A trained network as a short list of steps over floats, for programs that have nothing of ours.
//!
//! What training needs is gone: batch normalisations are folded into the convolutions before them or
//! become a scale and a shift of each channel, dropout is left out, a ReLU is part of the step before it,
//! and every map has its place in one piece of memory. The C source and the web page are written from
//! this list; [`Program::logits`] computes it, in Rust, to check both.

mod fold;
mod memory;
mod run;

use modiste_spec::Shape;

pub use run::Ranges;

/// Position of a map among [`Program::values`]; 0 is the image.
pub type ValueId = usize;

/// A map of one image, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its sizes; the layout is (h, w, c).
    pub shape: Shape,
    /// Its first value's position in the memory that all maps share.
    pub offset: usize,
}

/// A rectangle that moves over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Step between windows in both directions.
    pub stride: usize,
    /// Rows and columns around the map, on each side, that the window may cover.
    pub padding: usize,
}

impl Window {
    /// Values of a map that the window covers.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether it covers nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines of a map of `side` lines that the window of `size` covers at position `at`, and the first
    /// line of the window that lies on the map.
    pub fn covered(&self, at: usize, size: usize, side: usize) -> (std::ops::Range<usize>, usize) {
        let start = at * self.stride;
        let skipped = self.padding.saturating_sub(start);
        let first = (start + skipped) - self.padding;
        let end = (start + size).saturating_sub(self.padding).min(side);
        (first..end.max(first), skipped)
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A convolution with square window; on a 1x1 map a dense layer.
    Conv {
        /// The window.
        window: Window,
        /// Weights (k, rows, columns, c).
        weights: Vec<f32>,
        /// Added to each output channel (k).
        bias: Vec<f32>,
    },
    /// x * scale + shift, each channel with its own (c).
    Affine {
        /// The factors.
        scale: Vec<f32>,
        /// The summands.
        shift: Vec<f32>,
    },
    /// Nothing but the ReLU that the step ends with.
    Rectify,
    /// The largest value under the window, where it lies on the map.
    MaxPool(Window),
    /// The mean under the window, which has no padding.
    AvgPool(Window),
    /// The inputs' channels one after the other.
    Concat,
    /// First input + scale * second input.
    Add {
        /// The factor.
        scale: f32,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the network's node that it computes; of several the first.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// The maps it reads.
    pub inputs: Vec<ValueId>,
    /// The map it writes.
    pub output: ValueId,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// A trained network as a list of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The maps, first the image as floats in [0, 1].
    pub values: Vec<Value>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The map with the logits.
    pub logits: ValueId,
    /// Values that the shared memory holds.
    pub memory: usize,
}

impl Program {
    /// Shape of an image.
    pub fn input(&self) -> Shape {
        self.values[0].shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.values[self.logits].shape.len()
    }

    /// Multiply-adds of one image.
    pub fn multiply_adds(&self) -> u64 {
        let of = |step: &Step| {
            let outputs = self.values[step.output].shape.len() as u64;
            match &step.work {
                Work::Conv { window, .. } => {
                    let channels = self.values[step.inputs[0]].shape.channels;
                    outputs * (window.len() * channels) as u64
                }
                Work::Affine { .. } => outputs,
                Work::Rectify
                | Work::MaxPool(_)
                | Work::AvgPool(_)
                | Work::Concat
                | Work::Add { .. } => 0,
            }
        };
        self.steps.iter().map(of).sum()
    }

    /// Weights, biases, scales and shifts.
    pub fn parameters(&self) -> usize {
        let of = |step: &Step| match &step.work {
            Work::Conv { weights, bias, .. } => weights.len() + bias.len(),
            Work::Affine { scale, shift } => scale.len() + shift.len(),
            Work::Rectify
            | Work::MaxPool(_)
            | Work::AvgPool(_)
            | Work::Concat
            | Work::Add { .. } => 0,
        };
        self.steps.iter().map(of).sum()
    }
}
