//! Compares an exported network in another runtime with the reference.

use modiste_export::{Answers, ExportError, OnnxSource, onnx, second_opinion};
use modiste_reference::ReferenceEngine;
use modiste_spec::engine::{State, Weights};
use modiste_spec::{Engine, Network};

/// Tolerance: the reference computes in f64, the runtime in f32.
pub const TOLERANCE: f32 = 1e-5;

/// The reference's answers.
pub fn expected(network: &Network, state: &State, images: &[u8], temperature: f32) -> Answers {
    let mut engine = ReferenceEngine::new(network.clone(), 0);
    engine.load_state(state).unwrap();
    let logits = engine.predict(images, Weights::Current).unwrap();
    let mut answers = Answers { probabilities: Vec::new(), classes: Vec::new() };
    for row in logits.chunks_exact(network.classes()) {
        let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let power = |&z: &f32| (f64::from(z - best) / f64::from(temperature)).exp();
        let sum: f64 = row.iter().map(power).sum();
        answers.probabilities.extend(row.iter().map(|z| (power(z) / sum) as f32));
        answers.classes.push(row.iter().position(|&z| z == best).unwrap());
    }
    answers
}

/// The network as ONNX; fails unless a second export has the same bytes.
pub fn model(network: &Network, state: &State, temperature: f32) -> Vec<u8> {
    let metadata = [("classes".to_owned(), "[\"a\", \"b\"]".to_owned())];
    let parameters = &state.parameters;
    let source = OnnxSource { network, parameters, temperature, metadata: &metadata };
    let bytes = onnx(&source).unwrap();
    assert_eq!(bytes, onnx(&source).unwrap());
    bytes
}

/// Largest difference of the other runtime's probabilities from the reference's.
pub fn difference(
    network: &Network,
    state: &State,
    images: &[u8],
    temperature: f32,
) -> Result<f32, ExportError> {
    let bytes = model(network, state, temperature);
    let found = second_opinion(&bytes, images, network.input_shape())?;
    Ok(found.difference(&expected(network, state, images, temperature)))
}
