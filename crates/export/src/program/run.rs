//! Computes the steps in single precision, for comparison with the C source and the web page.

use std::ops::Range;

use modiste_spec::Shape;
use modiste_spec::engine::PIXEL_MAX;

use super::{Operation, Program, Step, ValueId, Window};

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
        let mut output = vec![0.0; to.len()];
        match &step.operation {
            Operation::Conv { window, weights, bias } => {
                convolve(input(0), shape, window, weights, bias, to, &mut output);
            }
            Operation::Affine { scale, shift } => {
                let channels = scale.iter().zip(shift).cycle();
                for ((y, x), (scale, shift)) in output.iter_mut().zip(input(0)).zip(channels) {
                    *y = x * scale + shift;
                }
            }
            Operation::Rectify => output.copy_from_slice(input(0)),
            Operation::MaxPool(window) => {
                let start = f32::NEG_INFINITY;
                pool(input(0), shape, window, to, &mut output, start, |y, x| f32::max(*y, x));
            }
            Operation::AvgPool(window) => {
                pool(input(0), shape, window, to, &mut output, 0.0, |y, x| *y + x);
                output.iter_mut().for_each(|y| *y /= window.len() as f32);
            }
            Operation::Concat => {
                let mut first = 0;
                for (i, &value) in step.inputs.iter().enumerate() {
                    let channels = self.values[value].shape.channels;
                    let pixels = input(i).chunks_exact(channels);
                    for (to, from) in output.chunks_exact_mut(to.channels).zip(pixels) {
                        to[first..first + channels].copy_from_slice(from);
                    }
                    first += channels;
                }
            }
            Operation::Add { scale } => {
                for ((y, a), b) in output.iter_mut().zip(input(0)).zip(input(1)) {
                    *y = a + scale * b;
                }
            }
        }
        if step.relu {
            output.iter_mut().for_each(|y| *y = y.max(0.0));
        }
        output
    }
}

fn convolve(
    x: &[f32],
    shape: Shape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    to: Shape,
    y: &mut [f32],
) {
    let c = shape.channels;
    let each = window.len() * c;
    for (at, pixel) in y.chunks_exact_mut(to.channels).enumerate() {
        let (rows, top) = window.covered(at / to.width, window.rows, shape.height);
        let (columns, left) = window.covered(at % to.width, window.columns, shape.width);
        for (k, y) in pixel.iter_mut().enumerate() {
            let mut sum = bias[k];
            for (i, row) in rows.clone().enumerate() {
                let start = k * each + ((top + i) * window.columns + left) * c;
                let length = columns.len() * c;
                let line = (row * shape.width + columns.start) * c;
                sum += dot(&x[line..line + length], &weights[start..start + length]);
            }
            *y = sum;
        }
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

/// Folds the values under the window, beginning with `start`.
fn pool(
    x: &[f32],
    shape: Shape,
    window: &Window,
    to: Shape,
    y: &mut [f32],
    start: f32,
    fold: impl Fn(&f32, f32) -> f32,
) {
    let c = shape.channels;
    for (at, pixel) in y.chunks_exact_mut(c).enumerate() {
        let (rows, _) = window.covered(at / to.width, window.rows, shape.height);
        let (columns, _) = window.covered(at % to.width, window.columns, shape.width);
        pixel.fill(start);
        for row in rows {
            for column in columns.clone() {
                let from = &x[(row * shape.width + column) * c..][..c];
                pixel.iter_mut().zip(from).for_each(|(y, &x)| *y = fold(y, x));
            }
        }
    }
}
