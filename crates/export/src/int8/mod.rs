//! A program in 8-bit whole numbers, for processors that have little memory and no quick floats.
//!
//! A map's value x is kept as a code q from -128 to 127 with x = scale * (q - zero); each map has its own
//! scale and zero, chosen from the values that calibration images give it. Weights have a scale for each
//! output channel and no zero. Sums are of 32 bits; what turns a sum into a code is a whole number and a
//! shift ([`Fixed`]), so that every machine computes the same codes. The logits are floats.

mod fixed;
mod quantise;
mod run;

pub use fixed::{Fixed, rounded};
use modiste_spec::Shape;

use crate::program::{ValueId, Window};

/// Smallest and largest code.
pub const CODES: (i32, i32) = (-128, 127);

/// What codes of a map stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Distance of neighbouring codes' values.
    pub scale: f64,
    /// The code of 0.
    pub zero: i32,
}

/// A map of codes, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeMap {
    /// Its sizes; the layout is (h, w, c).
    pub shape: Shape,
    /// Its first code's position in the memory that all maps share.
    pub offset: usize,
    /// What its codes stand for.
    pub scale: Scale,
}

/// What a step does with codes. (x is a code less its map's zero, y the result less the output's zero.)
#[derive(Clone, Debug, PartialEq)]
pub enum CodeWork {
    /// y = (bias + sum of weights * x) * factor, each output channel with its own.
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
    /// y = (x * factor + summand) / 2^shift, each channel with its own (c).
    Affine {
        /// The factors.
        factors: Vec<i32>,
        /// The summands.
        summands: Vec<i64>,
        /// The shift.
        shift: u32,
    },
    /// Nothing but the ReLU that the step ends with.
    Rectify,
    /// The largest code under the window, where it lies on the map.
    MaxPool(Window),
    /// The sum under the window, times the factor.
    AvgPool(Window, Fixed),
    /// The inputs' channels one after the other, each input with its own factor.
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
    /// Name of the network's node that it computes; of several the first.
    pub name: String,
    /// What it does.
    pub work: CodeWork,
    /// The maps it reads.
    pub inputs: Vec<ValueId>,
    /// The map it writes; [`CodeWork::Logits`] writes floats elsewhere.
    pub output: ValueId,
    /// The smallest code it may give: the output's zero after a ReLU.
    pub low: i32,
}

/// A program of codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8Program {
    /// The maps, first the image, whose codes are the pixels less 128.
    pub values: Vec<CodeMap>,
    /// The steps, in order.
    pub steps: Vec<CodeStep>,
    /// The map with the logits, unless the last step gives them as floats.
    pub logits: ValueId,
    /// Bytes that the shared memory holds.
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

    /// Whether the last step gives the logits, so that they need not be decoded.
    pub fn gives_logits(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.work, CodeWork::Logits { .. }))
    }
}
