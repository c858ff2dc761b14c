//! A program in 8-bit whole numbers, for processors with little memory and slow floats.
//!
//! A value x of a map is stored as a code q from -128 to 127 with x = scale * (q - zero). Each map has its own
//! scale and zero, chosen from its values on calibration images. Weights have a scale per output channel and
//! no zero. Sums have 32 bits. A whole number and a shift ([`Fixed`]) convert a sum to a code, so every machine
//! computes the same codes. The logits are floats.

mod fixed;
mod quantise;
mod run;

pub use fixed::{Fixed, rounded};
use modiste_spec::Shape;

use crate::program::{ValueId, Window};

/// Smallest and largest code.
pub const CODES: (i32, i32) = (-128, 127);

/// The mapping between codes and values of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Difference between the values of neighbouring codes.
    pub scale: f64,
    /// The code of 0.
    pub zero: i32,
}

/// A map of codes and its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeMap {
    /// Its sizes; the layout is (h, w, c).
    pub shape: Shape,
    /// Position of its first code in the memory that all maps share.
    pub offset: usize,
    /// The mapping between its codes and values.
    pub scale: Scale,
}

/// The operation of a step on codes. (x is a code minus the zero of its map, y the result minus the output's
/// zero.)
#[derive(Clone, Debug, PartialEq)]
pub enum CodeOperation {
    /// y = (bias + sum of weights * x) * factor, with one factor per output channel.
    Conv {
        /// The window.
        window: Window,
        /// Weights (k, rows, columns, c).
        weights: Vec<i8>,
        /// The summands (k).
        bias: Vec<i32>,
        /// The factors (k).
        factors: Vec<Fixed>,
    },
    /// The last convolution: logits = (bias + sum of weights * x) * factor, as floats.
    Logits {
        /// The window.
        window: Window,
        /// Weights (k, rows, columns, c).
        weights: Vec<i8>,
        /// The summands (k).
        bias: Vec<i32>,
        /// The factors (k).
        factors: Vec<f32>,
    },
    /// y = (x * factor + summand) / 2^shift, with one factor and summand per channel (c).
    Affine {
        /// The factors.
        factors: Vec<i32>,
        /// The summands.
        summands: Vec<i64>,
        /// The shift.
        shift: u32,
    },
    /// Only the ReLU at the end of the step.
    Rectify,
    /// The largest code in the part of the window that lies on the map.
    MaxPool(Window),
    /// The sum over the window, times the factor.
    AvgPool(Window, Fixed),
    /// Concatenates the inputs' channels; each input has its own factor.
    Concat(Vec<Fixed>),
    /// y = (first x * first factor + second x * second factor) / 2^shift.
    Add {
        /// The factors.
        factors: [i32; 2],
        /// The shift.
        shift: u32,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeStep {
    /// Name of the first node of the network that it computes.
    pub name: String,
    /// Its operation.
    pub operation: CodeOperation,
    /// The maps it reads.
    pub inputs: Vec<ValueId>,
    /// The map it writes; [`CodeOperation::Logits`] writes floats elsewhere.
    pub output: ValueId,
    /// The smallest code of the result: the output's zero after a ReLU.
    pub low: i32,
}

/// A program in codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8Program {
    /// The maps; the first is the image, whose codes are the pixels minus 128.
    pub values: Vec<CodeMap>,
    /// The steps, in order.
    pub steps: Vec<CodeStep>,
    /// The map with the logits, unless the last step writes them as floats.
    pub logits: ValueId,
    /// Size of the shared memory in bytes.
    pub memory: usize,
}

impl Int8Program {
    /// Shape of an image.
    pub fn input(&self) -> Shape {
        self.values[0].shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.values[self.logits].shape.len()
    }

    /// Whether the last step writes the logits as floats.
    pub fn gives_logits(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.operation, CodeOperation::Logits { .. }))
    }
}
