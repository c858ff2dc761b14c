//! Computes the steps in single precision, for comparison with the C source and the web page.

use std::ops::Range;

use modiste_spec::engine::PIXEL_MAX;

use super::{Operation, Program, Step, ValueId};

/// The smallest and the largest value of each map over several images.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges(pub Vec<(f32, f32)>);

impl Ranges {
    /// Empty ranges for the maps of `program`.
    pub fn none(program: &Program) -> Self {
        Self(vec![(f32::INFINITY, f32::NEG_INFINITY); program.values.len()])
    }

    /// The ranges over the images of both.
    pub fn join(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            *mine = (mine.0.min(others.0), mine.1.max(others.1));
        }
    }

    fn see(&mut self, value: ValueId, map: &[f32]) {
        let (low, high) = &mut self.0[value];
        for &x in map {
            (*low, *high) = (low.min(x), high.max(x));
        }
    }
}

impl Program {
    /// The logits (n, classes) of images (n, h, w, c).
    pub fn logits(&self, images: &[u8]) -> Vec<f32> {
        self.run(images, &mut |_, _| ())
    }

    /// The ranges of all maps over the images (n, h, w, c).
    pub fn ranges(&self, images: &[u8]) -> Ranges {
        let mut ranges = Ranges::none(self);
        self.run(images, &mut |value, map| ranges.see(value, map));
        ranges
    }

    fn run(&self, images: &[u8], see: &mut dyn FnMut(ValueId, &[f32])) -> Vec<f32> {
        let mut memory = vec![0.0; self.memory];
        let mut logits = Vec::new();
        for image in images.chunks_exact(self.input().len()) {
            let pixels = image.iter().map(|&pixel| f32::from(pixel) / PIXEL_MAX);
            memory[self.place_of(0)].iter_mut().zip(pixels).for_each(|(to, pixel)| *to = pixel);
            see(0, &memory[self.place_of(0)]);
            for step in &self.steps {
                let output = self.step(step, &memory);
                see(step.output, &output);
                memory[self.place_of(step.output)].copy_from_slice(&output);
            }
            logits.extend_from_slice(&memory[self.place_of(self.logits)]);
        }
        logits
    }

    /// The part of the memory with a map.
    fn place_of(&self, value: ValueId) -> Range<usize> {
        let value = self.values[value];
        value.offset..value.offset + value.shape.len()
    }

    fn step(&self, step: &Step, memory: &[f32]) -> Vec<f32> {
        let input = |i: usize| &memory[self.place_of(step.inputs[i])];
        let shape = self.values[step.inputs[0]].shape;
        let to = self.values[step.output].shape;
        let mut output = match &step.operation {
            Operation::Conv { window, weights, bias } => {
                window.convolve((input(0), shape), (weights, bias), to, dot)
            }
            Operation::Affine { scale, shift } => {
                let channels = scale.iter().zip(shift).cycle();
                input(0).iter().zip(channels).map(|(x, (scale, shift))| x * scale + shift).collect()
            }
            Operation::Rectify => input(0).to_vec(),
            Operation::MaxPool(window) => {
                window.pool((input(0), shape), to, f32::NEG_INFINITY, f32::max)
            }
            Operation::AvgPool(window) => {
                let sums = window.pool((input(0), shape), to, 0.0, |sum: f32, x| sum + x);
                sums.into_iter().map(|sum| sum / window.len() as f32).collect()
            }
            Operation::Concat => {
                let mut output = vec![0.0; to.len()];
                let mut first = 0;
                for (i, &value) in step.inputs.iter().enumerate() {
                    let channels = self.values[value].shape.channels;
                    let pixels = input(i).chunks_exact(channels);
                    for (to, from) in output.chunks_exact_mut(to.channels).zip(pixels) {
                        to[first..first + channels].copy_from_slice(from);
                    }
                    first += channels;
                }
                output
            }
            Operation::Add { scale } => {
                input(0).iter().zip(input(1)).map(|(a, b)| a + scale * b).collect()
            }
        };
        if step.relu {
            output.iter_mut().for_each(|y| *y = y.max(0.0));
        }
        output
    }
}

/// Computes eight sums in parallel, which the compiler can vectorise.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a_parts, b_parts) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += a[i] * b[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}
