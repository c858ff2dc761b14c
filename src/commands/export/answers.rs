//! The engine's answers, test images, and the check of exported steps.

use anyhow::bail;
use modiste_data::{EMBEDDED_FILES, parse_images};
use modiste_export::{Answers, Program, on_threads};
use modiste_metrics::{argmax, softmax_at};
use modiste_model::Model;
use modiste_spec::Shape;
use modiste_spec::engine::Weights;
use modiste_spec::random::{Purpose, Stream};

use super::Check;
use crate::{engine, machine};

/// Largest accepted difference of a probability from the engine's.
const TOLERANCE: f32 = 1e-4;
/// Number of drawn images that both implementations answer.
const DRAWN_IMAGES: usize = 8;
/// Seed of the drawn images, the same in every export.
const DRAWN_SEED: u64 = 0;

/// The answers of `logits` (n, `classes`) at a temperature.
pub(super) fn answers(logits: &[f32], classes: usize, temperature: f64) -> Answers {
    let rows = || logits.chunks_exact(classes);
    let probabilities = rows().flat_map(|row| softmax_at(row, temperature)).map(|p| p as f32);
    Answers { probabilities: probabilities.collect(), classes: rows().map(argmax).collect() }
}

/// The engine's answers to `images` at the model's temperature.
pub(super) fn engine_answers(model: &Model, images: &[u8]) -> anyhow::Result<Answers> {
    let mut engine = engine::for_prediction(&model.network, machine::available_threads())?;
    engine.load_state(&model.state())?;
    let logits = engine.predict(images, Weights::Current)?;
    Ok(answers(&logits, model.classes.len(), model.temperature(false)))
}

/// Compares the probabilities of the steps of `what` at `temperature` with the engine's.
pub(super) fn check_program(
    model: &Model,
    (program, temperature): (&Program, f64),
    images: &[u8],
    what: &str,
) -> anyhow::Result<Check> {
    let size = program.input().len();
    let threads = machine::available_threads();
    let logits = on_threads(images, size, threads, |part| program.logits(part));
    let found = answers(&logits, model.classes.len(), temperature);
    let largest_difference = found.difference(&engine_answers(model, images)?);
    // A comparison with NaN is false, so test for success.
    if largest_difference <= TOLERANCE {
        let runtime = "a second implementation of its steps";
        return Ok(Check {
            runtime,
            images: images.len() / size,
            largest_difference,
            rounding: None,
        });
    }
    bail!(
        "the {what}'s probabilities differ by {largest_difference:.1e} from the engine's, over the limit of \
         {TOLERANCE:.0e}"
    )
}

/// Up to `real` embedded images if they fit the network, and drawn ones, from even grey to noise.
pub(super) fn probes(shape: Shape, real: usize) -> anyhow::Result<Vec<u8>> {
    let mut images = Vec::new();
    let [_, [(name, bytes), _]] = EMBEDDED_FILES;
    let embedded = parse_images(bytes, name)?;
    if embedded.shape == shape {
        images.extend(embedded.pixels.iter().take(real * shape.len()));
    }
    for i in 0..DRAWN_IMAGES {
        let stream = Stream::new(DRAWN_SEED, Purpose::Initialisation, i as u32, 0);
        let contrast = i as f64 / (DRAWN_IMAGES - 1) as f64;
        let pixel = |at| (128.0 + 127.0 * contrast * (2.0 * stream.unit(at) - 1.0)) as u8;
        images.extend((0..shape.len() as u64).map(pixel));
    }
    Ok(images)
}
