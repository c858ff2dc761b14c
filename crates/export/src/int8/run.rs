//! Computes a program in codes, with the same bits as the C source.

use std::ops::Range;

use super::{CODES, CodeOperation, CodeStep, Fixed, Int8Program, rounded};
use crate::program::ValueId;

impl Int8Program {
    /// The logits (n, classes) of images (n, h, w, c).
    pub fn logits(&self, images: &[u8]) -> Vec<f32> {
        let weights: Vec<Vec<i16>> = self.steps.iter().map(wide_weights).collect();
        let mut memory = vec![0i8; self.memory];
        let mut all = Vec::new();
        for image in images.chunks_exact(self.input().len()) {
            let codes = image.iter().map(|&pixel| (i32::from(pixel) + CODES.0) as i8);
            memory[self.place_of(0)].iter_mut().zip(codes).for_each(|(to, code)| *to = code);
            for (step, weights) in self.steps.iter().zip(&weights) {
                if let CodeOperation::Logits { factors, .. } = &step.operation {
                    let sums = self.sums(step, weights, &memory);
                    let real = sums.iter().zip(factors).map(|(&sum, factor)| sum as f32 * factor);
                    all.extend(real);
                    continue;
                }
                let output = self.step(step, weights, &memory);
                memory[self.place_of(step.output)].copy_from_slice(&output);
            }
            if !self.gives_logits() {
                let scale = self.values[self.logits].scale;
                let codes = memory[self.place_of(self.logits)].iter();
                all.extend(codes.map(|&q| (i32::from(q) - scale.zero) as f32 * scale.scale as f32));
            }
        }
        all
    }

    /// The part of the memory with a map.
    fn place_of(&self, value: ValueId) -> Range<usize> {
        let value = self.values[value];
        value.offset..value.offset + value.shape.len()
    }

    fn step(&self, step: &CodeStep, weights: &[i16], memory: &[i8]) -> Vec<i8> {
        let zero = self.values[step.output].scale.zero;
        let code = |y: i64| (y + i64::from(zero)).clamp(step.low.into(), CODES.1.into()) as i8;
        let to = self.values[step.output].shape;
        let input = |i: usize| self.centred(step.inputs[i], memory);
        match &step.operation {
            CodeOperation::Conv { factors, .. } => {
                let sums = self.sums(step, weights, memory);
                let factors = factors.iter().cycle();
                sums.iter().zip(factors).map(|(&sum, f)| code(f.times(sum.into()))).collect()
            }
            CodeOperation::Logits { .. } => unreachable!("it writes floats"),
            CodeOperation::Affine { factors, summands, shift } => {
                let channels = factors.iter().zip(summands).cycle();
                let affine = |(x, (&factor, summand)): (&i16, (&i32, &i64))| {
                    code(rounded(i64::from(*x) * i64::from(factor) + summand, *shift))
                };
                input(0).iter().zip(channels).map(affine).collect()
            }
            CodeOperation::Rectify => input(0).iter().map(|&x| code(x.into())).collect(),
            CodeOperation::MaxPool(window) => {
                let shape = self.values[step.inputs[0]].shape;
                let most = window.pool((&input(0), shape), to, i16::MIN, i16::max);
                most.into_iter().map(|x| code(x.into())).collect()
            }
            CodeOperation::AvgPool(window, factor) => {
                let shape = self.values[step.inputs[0]].shape;
                let add = |sum, x| sum + i32::from(x);
                let sums = window.pool((&input(0), shape), to, 0, add);
                sums.into_iter().map(|sum| code(factor.times(sum.into()))).collect()
            }
            CodeOperation::Concat(factors) => self.concat(step, factors, memory, code),
            CodeOperation::Add { factors, shift } => {
                let (a, b) = (input(0), input(1));
                let [first, second] = factors.map(i64::from);
                let sum = |(&a, &b): (&i16, &i16)| i64::from(a) * first + i64::from(b) * second;
                a.iter().zip(&b).map(|pair| code(rounded(sum(pair), *shift))).collect()
            }
        }
    }

    /// The codes of a map minus its zero.
    fn centred(&self, value: ValueId, memory: &[i8]) -> Vec<i16> {
        let zero = self.values[value].scale.zero as i16;
        memory[self.place_of(value)].iter().map(|&q| i16::from(q) - zero).collect()
    }

    fn concat(
        &self,
        step: &CodeStep,
        factors: &[Fixed],
        memory: &[i8],
        code: impl Fn(i64) -> i8,
    ) -> Vec<i8> {
        let to = self.values[step.output].shape;
        let mut output = vec![0; to.len()];
        let mut first = 0;
        for (&value, factor) in step.inputs.iter().zip(factors) {
            let channels = self.values[value].shape.channels;
            let input = self.centred(value, memory);
            let pixels = output.chunks_exact_mut(to.channels).zip(input.chunks_exact(channels));
            for (to, from) in pixels {
                let codes = from.iter().map(|&x| code(factor.times(x.into())));
                to[first..first + channels].iter_mut().zip(codes).for_each(|(to, y)| *to = y);
            }
            first += channels;
        }
        output
    }

    /// The sums of a convolution.
    fn sums(&self, step: &CodeStep, weights: &[i16], memory: &[i8]) -> Vec<i32> {
        let (window, bias) = match &step.operation {
            CodeOperation::Conv { window, bias, .. }
            | CodeOperation::Logits { window, bias, .. } => (window, bias),
            _ => unreachable!("only convolutions have sums"),
        };
        let x = self.centred(step.inputs[0], memory);
        let (shape, to) = (self.values[step.inputs[0]].shape, self.values[step.output].shape);
        window.convolve((&x, shape), (weights, bias), to, dot)
    }
}

/// The weights of a convolution as 16-bit numbers, which processors can multiply and add in pairs.
fn wide_weights(step: &CodeStep) -> Vec<i16> {
    match &step.operation {
        CodeOperation::Conv { weights, .. } | CodeOperation::Logits { weights, .. } => {
            weights.iter().map(|&w| w.into()).collect()
        }
        CodeOperation::Affine { .. }
        | CodeOperation::Rectify
        | CodeOperation::MaxPool(_)
        | CodeOperation::AvgPool(..)
        | CodeOperation::Concat(_)
        | CodeOperation::Add { .. } => Vec::new(),
    }
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}
