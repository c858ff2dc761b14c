//! Quantised networks give nearly the answers of the networks in floats.

use modiste_export::{Int8Program, Program};
use modiste_reference::check::{
    batch, networks, perturbed_state, random_network, unusual_networks,
};
use modiste_spec::Network;

/// Mean difference of the logits, relative to their mean distance from their mean.
fn difference(network: &Network, seed: u64) -> f32 {
    let state = perturbed_state(network, seed);
    let images = batch(network, 8, seed).0;
    let program = Program::new(network, &state.parameters).unwrap();
    let codes = Int8Program::new(&program, &program.ranges(&images)).unwrap();
    let (expected, found) = (program.logits(&images), codes.logits(&images));
    assert_eq!(found.len(), expected.len());
    let n = expected.len() as f32;
    let mean = expected.iter().sum::<f32>() / n;
    let spread = expected.iter().map(|x| (x - mean).abs()).sum::<f32>() / n;
    let gap = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).sum::<f32>() / n;
    gap / spread.max(1e-6)
}

#[test]
fn int8_gives_nearly_the_logits_of_floats() {
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let found = difference(&network, 3);
        assert!(found < 0.2, "{name}: {found}");
    }
}

#[test]
fn int8_gives_nearly_the_logits_of_random_networks() {
    let all: Vec<f32> = (0..200).map(|seed| difference(&random_network(seed), seed)).collect();
    let far: Vec<_> = all.iter().enumerate().filter(|(_, found)| **found >= 0.3).collect();
    // In some networks random weights cancel, so the logits are little more than rounding errors.
    assert!(far.len() <= 10, "{far:?}");
}

#[test]
fn sums_that_do_not_fit_are_refused() {
    use modiste_spec::{NetworkBuilder, Op, Shape};
    let mut b = NetworkBuilder::default();
    let x = b.add("image", Op::Input { shape: Shape::new(1, 1, 60_000) }, &[]).unwrap();
    let x = b.add("dense", Op::Dense { units: 2 }, &[x]).unwrap();
    b.add("softmax", Op::Softmax, &[x]).unwrap();
    let network = b.finish().unwrap();
    let program = Program::new(&network, &perturbed_state(&network, 1).parameters).unwrap();
    let ranges = program.ranges(&batch(&network, 1, 1).0);
    let error = Int8Program::new(&program, &ranges).unwrap_err();
    assert_eq!(error, "dense: 60000 products can exceed a sum of 32 bits");
}
