//! Quantises a program from floats to codes.

use super::fixed::{shift_for, whole};
use super::{CODES, CodeMap, CodeOperation, CodeStep, Fixed, Int8Program, Scale};
use crate::program::{Operation, Program, Ranges, Step};

/// Largest absolute code of a weight; -128 is not used, so weights are symmetric.
const LARGEST_WEIGHT: f64 = 127.0;
/// Largest absolute bias: a quarter of the range of a 32-bit sum.
const LARGEST_BIAS: f64 = (1 << 29) as f64;
/// Largest absolute summand of [`CodeOperation::Affine`].
const LARGEST_SUMMAND: f64 = (1i64 << 61) as f64;

impl Scale {
    /// The scale of a map whose values lie in `range`. 0 always has a code, because padding is 0.
    fn of((low, high): (f32, f32)) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let steps = f64::from(CODES.1 - CODES.0);
        let span = high - low;
        let scale = if span > 0.0 { span / steps } else { 1.0 / steps };
        let zero = (f64::from(CODES.0) - low / scale).round() as i32;
        Self { scale, zero: zero.clamp(CODES.0, CODES.1) }
    }
}

impl Int8Program {
    /// `program` in codes; `ranges` are the ranges of its maps over calibration images.
    ///
    /// # Errors
    /// If sums can exceed 32 bits, or a map has values that are not finite.
    pub fn new(program: &Program, ranges: &Ranges) -> Result<Self, String> {
        let mut scales: Vec<Scale> = ranges.0.iter().map(|&range| Scale::of(range)).collect();
        scales[0] = Scale { scale: 1.0 / 255.0, zero: CODES.0 };
        for step in &program.steps {
            // These operations do not change codes.
            if matches!(step.operation, Operation::MaxPool(_) | Operation::Rectify) {
                scales[step.output] = scales[step.inputs[0]];
            }
        }
        let last = program.steps.len();
        let step = |(at, step): (usize, &Step)| {
            let ends = at + 1 == last && step.output == program.logits && !step.relu;
            let operation = operation(step, &scales, ends)
                .map_err(|problem| format!("{}: {problem}", step.name))?;
            let low = if step.relu { scales[step.output].zero } else { CODES.0 };
            let (name, inputs) = (step.name.clone(), step.inputs.clone());
            Ok(CodeStep { name, operation, inputs, output: step.output, low })
        };
        let values = program.values.iter().zip(&scales);
        Ok(Self {
            values: values
                .map(|(value, &scale)| CodeMap { shape: value.shape, offset: value.offset, scale })
                .collect(),
            steps: program.steps.iter().enumerate().map(step).collect::<Result<_, String>>()?,
            logits: program.logits,
            memory: program.memory,
        })
    }
}

/// The operation of `step` on codes with these scales; `ends` if it writes the logits.
fn operation(step: &Step, scales: &[Scale], ends: bool) -> Result<CodeOperation, String> {
    let from = |i: usize| scales[step.inputs[i]].scale;
    let to = scales[step.output].scale;
    if !(from(0).is_finite() && to.is_finite()) {
        return Err("its values are not finite".into());
    }
    Ok(match &step.operation {
        Operation::Conv { window, weights, bias } => {
            let coded = Coded::of(weights, bias, from(0))?;
            let Coded { weights, bias, scales } = coded;
            let (window, real) = (*window, scales.iter().map(|scale| scale * from(0)));
            if ends {
                let factors = real.map(|real| real as f32).collect();
                return Ok(CodeOperation::Logits { window, weights, bias, factors });
            }
            let factors = real.map(|real| Fixed::of(real / to)).collect::<Result<_, _>>()?;
            CodeOperation::Conv { window, weights, bias, factors }
        }
        Operation::Affine { scale, shift } => affine(scale, shift, from(0), to)?,
        Operation::Rectify => CodeOperation::Rectify,
        Operation::MaxPool(window) => CodeOperation::MaxPool(*window),
        Operation::AvgPool(window) => {
            let pixels = window.len() as f64;
            CodeOperation::AvgPool(*window, Fixed::of(from(0) / (to * pixels))?)
        }
        Operation::Concat => {
            let factors = (0..step.inputs.len()).map(|i| Fixed::of(from(i) / to));
            CodeOperation::Concat(factors.collect::<Result<_, _>>()?)
        }
        Operation::Add { scale } => {
            let real = [from(0) / to, f64::from(*scale) * from(1) / to];
            let shift = real.iter().map(|&real| shift_for(real)).collect::<Result<Vec<_>, _>>()?;
            let shift = shift[0].min(shift[1]);
            CodeOperation::Add { factors: real.map(|real| whole(real, shift) as i32), shift }
        }
    })
}

/// A convolution's weights in codes.
struct Coded {
    weights: Vec<i8>,
    bias: Vec<i32>,
    /// Scale of the weights of each output channel.
    scales: Vec<f64>,
}

impl Coded {
    /// Quantises weights and biases for inputs with the scale `input`.
    fn of(weights: &[f32], bias: &[f32], input: f64) -> Result<Self, String> {
        let each = weights.len() / bias.len();
        let largest_sum = LARGEST_BIAS + 255.0 * LARGEST_WEIGHT * each as f64;
        if largest_sum >= f64::from(i32::MAX) {
            return Err(format!("{each} products can exceed a sum of 32 bits"));
        }
        let mut coded = Self { weights: vec![], bias: vec![], scales: vec![] };
        for (weights, &bias) in weights.chunks_exact(each).zip(bias) {
            let largest = weights.iter().fold(0.0, |most, w| f64::max(most, f64::from(w.abs())));
            let bias = f64::from(bias);
            // A channel with tiny weights gets a coarser scale, so that its bias fits.
            let scale = f64::max(largest / LARGEST_WEIGHT, bias.abs() / (input * LARGEST_BIAS));
            let scale = if scale > 0.0 { scale } else { 1.0 };
            coded.weights.extend(weights.iter().map(|&w| (f64::from(w) / scale).round() as i8));
            coded.bias.push((bias / (input * scale)).round() as i32);
            coded.scales.push(scale);
        }
        Ok(coded)
    }
}

fn affine(scale: &[f32], shift: &[f32], from: f64, to: f64) -> Result<CodeOperation, String> {
    let factors: Vec<f64> = scale.iter().map(|&scale| f64::from(scale) * from / to).collect();
    let summands: Vec<f64> = shift.iter().map(|&shift| f64::from(shift) / to).collect();
    let largest = |all: &[f64]| all.iter().fold(0.0, |most, x: &f64| f64::max(most, x.abs()));
    let mut bits = shift_for(largest(&factors))?;
    while bits > 0 && largest(&summands) * 2f64.powi(bits as i32) > LARGEST_SUMMAND {
        bits -= 1;
    }
    let fits = largest(&summands) * 2f64.powi(bits as i32) <= LARGEST_SUMMAND;
    if !fits {
        return Err("a shift is too large for whole numbers".into());
    }
    Ok(CodeOperation::Affine {
        factors: factors.iter().map(|&real| whole(real, bits) as i32).collect(),
        summands: summands.iter().map(|&real| whole(real, bits)).collect(),
        shift: bits,
    })
}
