//! The engine's answers, and test images for it.

use modiste_data::{EMBEDDED_FILES, parse_images};
use modiste_export::Answers;
use modiste_metrics::{argmax, softmax_at};
use modiste_model::Model;
use modiste_spec::Shape;
use modiste_spec::engine::Weights;
use modiste_spec::random::{Purpose, Stream};

use crate::{engine, machine};

/// Number of drawn images that both implementations answer.
const DRAWN_IMAGES: usize = 8;
/// Seed of the drawn images, the same in every export.
const DRAWN_SEED: u64 = 0;

/// The engine's logits for `images`.
pub(super) fn engine_logits(model: &Model, images: &[u8]) -> anyhow::Result<Vec<f32>> {
    let mut engine = engine::for_prediction(&model.network, machine::available_threads())?;
    engine.load_state(&model.state())?;
    Ok(engine.predict(images, Weights::Current)?)
}

/// The answers that logits give at the model's temperature.
pub(super) fn answers(model: &Model, logits: &[f32]) -> Answers {
    let rows = || logits.chunks_exact(model.classes.len());
    Answers {
        probabilities: rows()
            .flat_map(|row| softmax_at(row, model.temperature(false)))
            .map(|p| p as f32)
            .collect(),
        classes: rows().map(argmax).collect(),
    }
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
