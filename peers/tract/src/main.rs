//! Runs an exported ONNX model in tract and compares it with modiste's own answers.
//!
//! ```sh
//! modiste evaluate MODEL --part test --logits logits.json
//! cargo run --release --manifest-path peers/tract/Cargo.toml -- MODEL.onnx IMAGES logits.json
//! ```
//!
//! IMAGES are the grey pixels that modiste was given, as an IDX file (gzipped or not). The exit status
//! is 1 if a probability differs from the softmax of the logits by more than 1e-5, or if a class is
//! not the first largest of its logits.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::prelude::*;

/// Largest accepted difference of a probability.
const TOLERANCE: f64 = 1e-5;
/// Batch size; the last batch has the remaining images.
const BATCHES: [usize; 3] = [1, 7, 64];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, images, logits] = arguments.as_slice() else {
        bail!("usage: modiste-tract-check MODEL.onnx IMAGES LOGITS.json");
    };
    let logits = read_logits(logits.as_ref())?;
    let images = read_images(images.as_ref())?;
    ensure!(images.len() >= logits.len(), "{} answers for {} images", logits.len(), images.len());
    let temperature = temperature(model)?;
    let (mut largest, mut other, mut start) = (0.0_f64, 0, 0);
    for &size in BATCHES.iter().cycle() {
        let end = logits.len().min(start + size);
        if start == end {
            break;
        }
        for (row, (probabilities, class)) in
            logits[start..end].iter().zip(answers(model, &images[start..end])?)
        {
            let expected = softmax(row, temperature);
            ensure!(probabilities.len() == expected.len(), "another number of classes");
            for (got, want) in probabilities.iter().zip(&expected) {
                // NaN must not pass as a small difference.
                largest = largest.max(if got.is_nan() {
                    f64::INFINITY
                } else {
                    (f64::from(*got) - want).abs()
                });
            }
            other += usize::from(class != first_largest(row));
        }
        start = end;
    }
    println!(
        "{} images in batches of {BATCHES:?}, temperature {temperature}: largest difference of a \
         probability {largest:.1e}, other classes: {other}",
        logits.len()
    );
    ensure!(largest <= TOLERANCE && other == 0, "tract answers otherwise");
    Ok(())
}

/// Probabilities and class of each image, in one batch.
fn answers(model: &str, images: &[Vec<u8>]) -> Result<Vec<(Vec<f32>, usize)>> {
    let n = images.len();
    let pixels: Vec<u8> = images.concat();
    let side = images[0].len().isqrt();
    let plan = tract_onnx::onnx()
        .model_for_path(model)?
        .with_input_fact(0, u8::fact([n, side, side]).into())?
        .into_optimized()?
        .into_runnable()?;
    let input = Tensor::from_shape(&[n, side, side], &pixels)?;
    let outputs = plan.run(tvec!(input.into()))?;
    let classes: Vec<usize> =
        outputs[1].to_plain_array_view::<i64>()?.iter().map(|&class| class as usize).collect();
    let probabilities: Vec<f32> =
        outputs[0].to_plain_array_view::<f32>()?.iter().copied().collect();
    ensure!(classes.len() == n, "{} classes for {n} images", classes.len());
    let rows = probabilities.chunks(probabilities.len() / n).map(<[f32]>::to_vec);
    Ok(rows.zip(classes).collect())
}

/// The temperature in the model's metadata.
fn temperature(model: &str) -> Result<f64> {
    let proto = tract_onnx::onnx().proto_model_for_path(model)?;
    let entry = proto.metadata_props.iter().find(|entry| entry.key == "temperature");
    entry.map_or(Ok(1.0), |entry| Ok(entry.value.parse()?))
}

fn read_logits(path: &Path) -> Result<Vec<Vec<f64>>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    Ok(serde_json::from_value(value["logits"].clone())?)
}

/// The images of an IDX file of bytes with three sizes: n, height, width.
fn read_images(path: &Path) -> Result<Vec<Vec<u8>>> {
    let file = std::fs::read(path).with_context(|| path.display().to_string())?;
    let mut bytes = Vec::new();
    if file.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(file.as_slice()).read_to_end(&mut bytes)?;
    } else {
        bytes = file;
    }
    ensure!(bytes.starts_with(&[0, 0, 8, 3]), "{}: not an IDX file of grey images", path.display());
    let size =
        |i: usize| u32::from_be_bytes(bytes[4 + 4 * i..8 + 4 * i].try_into().unwrap()) as usize;
    Ok(bytes[16..].chunks_exact(size(1) * size(2)).map(<[u8]>::to_vec).collect())
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|x| ((x - most) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn first_largest(logits: &[f64]) -> usize {
    (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best })
}
