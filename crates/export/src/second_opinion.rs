//! Checks an exported model with another runtime, `rten`, which shares no code with this project.

use modiste_spec::Shape;
use rten::{Model, ModelOptions, Value, op_registry};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::ExportError;
use crate::onnx::{ONNX_CLASS, ONNX_IMAGES, ONNX_PROBABILITIES};

/// Answers for several images.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// Probabilities (n, classes).
    pub probabilities: Vec<f32>,
    /// The most likely class of each image (n).
    pub classes: Vec<usize>,
}

impl Answers {
    /// The largest difference between probabilities; infinite if their numbers differ, one is NaN, or the
    /// classes do not fit the probabilities.
    pub fn difference(&self, other: &Self) -> f32 {
        let (a, b) = (&self.probabilities, &other.probabilities);
        if a.len() != b.len() || self.classes.len() != other.classes.len() {
            return f32::INFINITY;
        }
        let gap = |(a, b): (&f32, &f32)| {
            if a.is_nan() || b.is_nan() { f32::INFINITY } else { (a - b).abs() }
        };
        let largest = a.iter().zip(b).map(gap).fold(0.0, f32::max);
        // The classes may differ only if the two best probabilities are nearly equal.
        let n = self.classes.len().max(1);
        let rows = a.chunks_exact((a.len() / n).max(1));
        let fits = |((row, &mine), &others): ((&[f32], &usize), &usize)| {
            let best = row.iter().copied().fold(0.0, f32::max);
            [mine, others]
                .into_iter()
                .all(|class| row.get(class).is_some_and(|p| best - p <= 2.0 * largest))
        };
        let all = rows.zip(&self.classes).zip(&other.classes).all(fits);
        if all { largest } else { f32::INFINITY }
    }
}

/// Loads the ONNX model `bytes` into the other runtime and runs it on `images` (n, h, w, c) of `shape`, once as
/// a batch and once one by one; returns the answers for the batch.
///
/// # Errors
/// If the runtime cannot load or run the model, if the outputs have other shapes than documented, or if an
/// image alone gets another answer than in a batch.
pub fn second_opinion(bytes: &[u8], images: &[u8], shape: Shape) -> Result<Answers, ExportError> {
    let model = load(bytes)?;
    let together = run(&model, images, shape)?;
    let classes = together.probabilities.len() / together.classes.len().max(1);
    for (i, image) in images.chunks_exact(shape.len()).enumerate() {
        let alone = run(&model, image, shape)?;
        let probabilities = together.probabilities[i * classes..][..classes].to_vec();
        let among = Answers { probabilities, classes: vec![together.classes[i]] };
        let difference = among.difference(&alone);
        if difference > ALONE {
            let reason = format!("image {i} alone and in the batch: difference {difference:e}");
            return Err(ExportError::Runtime { action: "repeat the answers of", reason });
        }
    }
    Ok(together)
}

/// Tolerance for the effect of other images in a batch on an image's probabilities, because sums may be
/// computed in another order.
const ALONE: f32 = 1e-5;

/// Loads the model without the runtime's optimisations, and only with the operators that this crate writes.
fn load(bytes: &[u8]) -> Result<Model, ExportError> {
    let operations = op_registry!(
        Add,
        ArgMax,
        AveragePool,
        BatchNormalization,
        Cast,
        Concat,
        Conv,
        Div,
        Flatten,
        Gemm,
        GlobalAveragePool,
        MaxPool,
        Mul,
        Relu,
        Softmax,
        Transpose,
        Unsqueeze
    );
    let model = ModelOptions::with_ops(operations).enable_optimization(false).load(bytes.to_vec());
    model.map_err(|error| fail("load", error))
}

fn run(model: &Model, images: &[u8], shape: Shape) -> Result<Answers, ExportError> {
    let n = images.len() / shape.len();
    let mut sizes = vec![n, shape.height, shape.width];
    if shape.channels > 1 {
        sizes.push(shape.channels);
    }
    let input = Tensor::from_data(&sizes, images.to_vec());
    let node = |name| model.node_id(name).map_err(|error| fail("find the ends of", error));
    let outputs = [node(ONNX_PROBABILITIES)?, node(ONNX_CLASS)?];
    let input = vec![(node(ONNX_IMAGES)?, input.into())];
    let [probabilities, classes]: [Value; 2] =
        model.run_n(input, outputs, None).map_err(|error| fail("run", error))?;
    let wrong = |error| fail("give the outputs of", error);
    let probabilities: NdTensor<f32, 2> = probabilities.try_into().map_err(wrong)?;
    // The runtime converts 64-bit whole numbers to 32 bits.
    let classes: NdTensor<i32, 1> = classes.try_into().map_err(wrong)?;
    if probabilities.size(0) != n || classes.size(0) != n {
        return Err(fail(
            "give the outputs of",
            format!("for {n} images: wrong number of answers"),
        ));
    }
    let class = |&class: &i32| usize::try_from(class).unwrap_or(usize::MAX);
    let classes = classes.iter().map(class).collect();
    Ok(Answers { probabilities: probabilities.to_vec(), classes })
}

fn fail(action: &'static str, reason: impl ToString) -> ExportError {
    ExportError::Runtime { action, reason: reason.to_string() }
}
