//! `modiste export`: a trained model for other programs.
//!
//! An ONNX model is first run by another runtime; unless that gives the engine's own answers, no file
//! is written.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use modiste_data::{EMBEDDED_FILES, parse_images};
use modiste_export::{Answers, OnnxSource, onnx, second_opinion, weights};
use modiste_files::atomic_write;
use modiste_metrics::{argmax, softmax_at};
use modiste_model::{Model, Preprocessing};
use modiste_spec::Shape;
use modiste_spec::engine::Weights;
use modiste_spec::random::{Purpose, Stream};
use modiste_views::grouped;
use serde::Serialize;

use crate::cli::{ExportArgs, FormatArg};
use crate::commands::model;
use crate::failure::Failure;
use crate::{engine, machine, output};

/// How much a probability may differ between the two runtimes.
const TOLERANCE: f32 = 1e-5;
/// Embedded images that both runtimes answer, where the network takes such.
const REAL_IMAGES: usize = 32;
/// Drawn images that both answer.
const DRAWN_IMAGES: usize = 8;
/// Which drawn images: the same in every export.
const DRAWN_SEED: u64 = 0;

/// What is printed.
#[derive(Serialize)]
struct ExportedModel {
    /// The model file.
    model: String,
    format: &'static str,
    /// The file that was written.
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    bytes: usize,
    /// What the second runtime said; nothing of plain weights, which nobody runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

/// How an exported model was checked.
#[derive(Serialize)]
struct Check {
    runtime: &'static str,
    /// Images that both answered.
    images: usize,
    /// The largest difference of a probability.
    largest_difference: f32,
}

/// Exports and prints.
pub fn run(args: ExportArgs) -> Result<(), Failure> {
    let file = model::file(&args.model);
    let model = model::load(&args.model)?;
    let (format, extension) = match args.format {
        FormatArg::Onnx => ("onnx", "onnx"),
        FormatArg::Safetensors => ("safetensors", "weights.safetensors"),
    };
    let out = args.out.unwrap_or_else(|| file.with_extension(extension));
    model::check_outputs(&args.model, &[("--out", Some(&out))])?;
    let (bytes, check) = match args.format {
        FormatArg::Onnx => {
            let bytes = onnx_model(&model)?;
            let failed = || format!("{}: not written", out.display());
            let check = check(&model, &bytes).with_context(failed)?;
            (bytes, Some(check))
        }
        FormatArg::Safetensors => (weights(&model.parameters)?, None),
    };
    atomic_write(&out, &bytes)?;
    let model = file.display().to_string();
    let printed = ExportedModel { model, format, out, bytes: bytes.len(), check };
    Ok(output::print_either(&printed, args.json)?)
}

/// The model as ONNX, with all that a user of it may ask for.
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
    let images = probes(shape)?;
    let n = images.len() / shape.len();
    let mut engine = engine::new(&model.network, n, machine::available_threads())?;
    engine.load_state(&model.state())?;
    let logits = engine.predict(&images, Weights::Current)?;
    let rows = || logits.chunks_exact(model.classes.len());
    let ours = Answers {
        probabilities: rows()
            .flat_map(|row| softmax_at(row, model.temperature(false)))
            .map(|p| p as f32)
            .collect(),
        classes: rows().map(argmax).collect(),
    };
    let largest_difference = second_opinion(bytes, &images, shape)?.difference(&ours);
    // A comparison with NaN is false, so ask for what is right.
    if largest_difference <= TOLERANCE {
        return Ok(Check { runtime: "rten", images: n, largest_difference });
    }
    bail!(
        "the exported model's probabilities differ by {largest_difference:.1e} in the second \
         runtime, over the limit of {TOLERANCE:.0e}"
    )
}

/// Images for both to answer: embedded ones where the network takes such, and drawn ones, from even
/// grey to noise.
fn probes(shape: Shape) -> anyhow::Result<Vec<u8>> {
    let mut images = Vec::new();
    let [_, [(name, bytes), _]] = EMBEDDED_FILES;
    let real = parse_images(bytes, name)?;
    if real.shape == shape {
        images.extend(&real.pixels[..REAL_IMAGES * shape.len()]);
    }
    for i in 0..DRAWN_IMAGES {
        let stream = Stream::new(DRAWN_SEED, Purpose::Initialisation, i as u32, 0);
        let contrast = i as f64 / (DRAWN_IMAGES - 1) as f64;
        let pixel = |at| (128.0 + 127.0 * contrast * (2.0 * stream.unit(at) - 1.0)) as u8;
        images.extend((0..shape.len() as u64).map(pixel));
    }
    Ok(images)
}

impl fmt::Display for ExportedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} bytes", self.out.display(), grouped(self.bytes as u64))?;
        let Some(Check { runtime, images, largest_difference }) = &self.check else {
            return Ok(());
        };
        let difference = format!("largest difference of a probability {largest_difference:.1e}");
        writeln!(f, "{runtime} gives the same answers to {images} images, {difference}")
    }
}
