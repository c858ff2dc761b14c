//! A model as ONNX, checked by another runtime.

use std::path::Path;

use anyhow::{Context, bail};
use modiste_export::{OnnxSource, onnx, second_opinion};
use modiste_model::{Model, Preprocessing};

use super::Check;
use super::answers::{engine_answers, probes};

/// Largest accepted difference of a probability between the two runtimes.
const TOLERANCE: f32 = 1e-5;
/// Number of embedded images that both runtimes answer, if they fit the network.
const REAL_IMAGES: usize = 32;

/// The ONNX file for `out`, and the result of its check.
pub(super) fn checked(model: &Model, out: &Path) -> anyhow::Result<(Vec<u8>, Check)> {
    let bytes = onnx_model(model)?;
    let failed = || format!("{}: not written", out.display());
    let check = check(model, &bytes).with_context(failed)?;
    Ok((bytes, check))
}

/// The model as ONNX, with all the metadata that its users may need.
fn onnx_model(model: &Model) -> anyhow::Result<Vec<u8>> {
    let preprocessing = Preprocessing::of(&model.preparation, &model.classes);
    let temperature = model.temperature(false);
    let metadata = [
        ("temperature", temperature.to_string()),
        ("classes", serde_json::to_string(&model.classes)?),
        ("preprocessing", serde_json::to_string(&preprocessing)?),
        ("provenance", serde_json::to_string(&model.provenance)?),
        ("config", model.config.clone()),
    ];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
    Ok(onnx(&OnnxSource {
        network: &model.network,
        parameters: &model.parameters,
        temperature: temperature as f32,
        metadata: &metadata,
    })?)
}

/// Compares the second runtime's answers from `bytes` with the engine's from `model`.
fn check(model: &Model, bytes: &[u8]) -> anyhow::Result<Check> {
    let shape = model.network.input_shape();
    let images = probes(shape, REAL_IMAGES)?;
    let ours = engine_answers(model, &images)?;
    let largest_difference = second_opinion(bytes, &images, shape)?.difference(&ours);
    // A comparison with NaN is false, so test for success.
    if largest_difference <= TOLERANCE {
        let images = images.len() / shape.len();
        return Ok(Check { runtime: "rten", images, largest_difference, rounding: None });
    }
    bail!(
        "the exported model's probabilities differ by {largest_difference:.1e} in the second \
         runtime, over the limit of {TOLERANCE:.0e}"
    )
}
