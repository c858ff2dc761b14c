//! A trained network as a short list of steps in floats, for programs without this project's code.
//!
//! The list has nothing that only training needs: batch normalisations are folded into the convolutions
//! before them or become a scale and a shift per channel, dropout is omitted, a ReLU is part of the step before
//! it, and every map has its position in one block of memory. The C source and the web page are written from
//! this list; [`Program::logits`] computes it in Rust to check both.

mod fold;
mod memory;
mod run;
mod window;

use modiste_spec::Shape;

pub use run::Ranges;
pub use window::Window;

/// Index of a map in [`Program::values`]; 0 is the image.
pub type ValueId = usize;

/// A map of one image and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its sizes; the layout is (h, w, c).
    pub shape: Shape,
    /// Position of its first value in the memory that all maps share.
    pub offset: usize,
}

/// The operation of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A convolution with a square window; on a 1x1 map, a dense layer.
    Conv {
        /// The window.
        window: Window,
        /// Weights (k, rows, columns, c).
        weights: Vec<f32>,
        /// Added to each output channel (k).
        bias: Vec<f32>,
    },
    /// x * scale + shift, with one scale and shift per channel (c).
    Affine {
        /// The factors.
        scale: Vec<f32>,
        /// The summands.
        shift: Vec<f32>,
    },
    /// Only the ReLU at the end of the step.
    Rectify,
    /// The largest value in the part of the window that lies on the map.
    MaxPool(Window),
    /// The mean over the window, which has no padding.
    AvgPool(Window),
    /// Concatenates the inputs' channels.
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
    /// Name of the first node of the network that it computes.
    pub name: String,
    /// Its operation.
    pub operation: Operation,
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
    /// The maps; the first is the image as floats in [0, 1].
    pub values: Vec<Value>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The map with the logits.
    pub logits: ValueId,
    /// Size of the shared memory in values.
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
            match &step.operation {
                Operation::Conv { window, .. } => {
                    let channels = self.values[step.inputs[0]].shape.channels;
                    outputs * (window.len() * channels) as u64
                }
                Operation::Affine { .. } => outputs,
                Operation::Rectify
                | Operation::MaxPool(_)
                | Operation::AvgPool(_)
                | Operation::Concat
                | Operation::Add { .. } => 0,
            }
        };
        self.steps.iter().map(of).sum()
    }

    /// Number of weights, biases, scales and shifts.
    pub fn parameters(&self) -> usize {
        let of = |step: &Step| match &step.operation {
            Operation::Conv { weights, bias, .. } => weights.len() + bias.len(),
            Operation::Affine { scale, shift } => scale.len() + shift.len(),
            Operation::Rectify
            | Operation::MaxPool(_)
            | Operation::AvgPool(_)
            | Operation::Concat
            | Operation::Add { .. } => 0,
        };
        self.steps.iter().map(of).sum()
    }
}
