//! Compares the gradients of whole networks with central finite differences of their loss.

use modiste_reference::check::{
    Settings, batch, networks, perturbed_state, shares, unusual_networks,
};
use modiste_reference::{ReferenceEngine, Values};
use modiste_spec::engine::{Batch, Step};
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Engine, Network};

/// Half the distance of the two points: so small that no ReLU or maximum switches between them, and so
/// large that rounding (1e-16 / STEP) stays far below the tolerance.
const STEP: f64 = 1e-6;
/// Tolerance relative to the largest gradient of the tensor.
const TOLERANCE: f64 = 1e-6;
/// Number of values checked per tensor.
const SAMPLES: usize = 3;

fn expect_gradients(name: &str, network: Network, settings: &Settings, n: usize) {
    let (images, labels) = batch(&network, n, 11);
    let shares = shares(&network, n, 12);
    // The uneven settings have frozen statistics, and go with shares.
    let batch = match settings.rates.is_empty() {
        true => Batch::of_classes(&images, &labels),
        false => Batch::of_shares(&images, &shares),
    };
    let step = settings.step(4);
    let state = perturbed_state(&network, 8);
    let mut engine = ReferenceEngine::new(network, 0);
    engine.load_state(&state).unwrap();
    let (outcome, gradients) = engine.gradients(batch, &step).unwrap();
    assert_eq!(outcome, engine.loss(batch, &step).unwrap());
    let all = gradients.iter().flat_map(|g| &g.values).fold(0f64, |a, v| a.max(v.abs()));
    for (t, gradient) in gradients.iter().enumerate() {
        let largest = gradient.values.iter().fold(1e-3 * all, |a, v| a.max(v.abs()));
        for i in positions(t, gradient) {
            let expected = difference(&mut engine, &gradient.name, i, batch, &step);
            let (found, tensor) = (gradient.values[i], &gradient.name);
            let error = (found - expected).abs() / largest;
            assert!(error < TOLERANCE, "{name}, {tensor}[{i}]: {found} {expected} {error:.1e}");
        }
    }
}

/// Sampled positions, including that of the largest value.
fn positions(tensor: usize, gradient: &Values) -> Vec<usize> {
    let count = gradient.values.len();
    let stream = Stream::new(1, Purpose::Bootstrap, tensor as u32, 0);
    let sampled = (0..SAMPLES as u64).map(|i| stream.below(i, count as u32) as usize);
    let size = |&i: &usize| gradient.values[i].abs();
    let largest = (0..count).max_by(|a, b| size(a).total_cmp(&size(b)));
    sampled.chain(largest).collect()
}

fn difference(
    engine: &mut ReferenceEngine,
    name: &str,
    i: usize,
    batch: Batch<'_>,
    step: &Step<'_>,
) -> f64 {
    let tensor = engine.parameters().iter().position(|v| v.name == name).unwrap();
    let original = engine.parameters()[tensor].values[i];
    let [up, down] = [STEP, -STEP].map(|change| {
        engine.parameters_mut()[tensor].values[i] = original + change;
        engine.loss(batch, step).unwrap().loss
    });
    engine.parameters_mut()[tensor].values[i] = original;
    (up - down) / (2.0 * STEP)
}

#[test]
fn gradients_of_whole_networks_agree_with_finite_differences() {
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let classes = network.classes();
        if !name.starts_with("inception") {
            expect_gradients(name, network.clone(), &Settings::default(), 3);
            expect_gradients(name, network.clone(), &Settings::uneven(&network), 3);
        }
        // These have over a hundred tensors and are slow, so they are checked once, with every option of a loss.
        expect_gradients(name, network, &Settings::demanding(classes), 2);
    }
}
