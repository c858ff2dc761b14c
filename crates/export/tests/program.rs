//! The folded steps of every network of the engine checks give the reference's logits.

use modiste_export::Program;
use modiste_reference::ReferenceEngine;
use modiste_reference::check::{
    batch, networks, perturbed_state, random_network, unusual_networks,
};
use modiste_spec::engine::{State, Weights};
use modiste_spec::{Engine, Network};

/// Largest difference of a logit, relative to the largest logit.
fn difference(network: &Network, state: &State, images: &[u8]) -> f32 {
    let mut engine = ReferenceEngine::new(network.clone(), 0);
    engine.load_state(state).unwrap();
    let expected = engine.predict(images, Weights::Current).unwrap();
    let found = Program::new(network, &state.parameters).unwrap().logits(images);
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1.0, |most, x| f32::max(most, x.abs()));
    let gap = |(a, b): (&f32, &f32)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() };
    found.iter().zip(&expected).map(gap).fold(0.0, f32::max) / largest
}

#[test]
fn the_steps_give_the_reference_s_logits() {
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let (state, images) = (perturbed_state(&network, 3), batch(&network, 3, 4).0);
        let found = difference(&network, &state, &images);
        assert!(found <= 1e-5, "{name}: {found:e}");
    }
}

#[test]
fn the_steps_give_the_reference_s_logits_for_random_networks() {
    for seed in 0..300 {
        let network = random_network(seed);
        let (state, images) = (perturbed_state(&network, seed), batch(&network, 2, seed).0);
        let found = difference(&network, &state, &images);
        assert!(found <= 1e-5, "network {seed}: {found:e}");
    }
}

#[test]
fn maps_that_are_needed_at_the_same_time_do_not_overlap() {
    for (name, network) in networks() {
        let state = perturbed_state(&network, 3);
        let program = Program::new(&network, &state.parameters).unwrap();
        for (at, step) in program.steps.iter().enumerate() {
            let output = program.values[step.output];
            let needed = |value: usize| {
                value == program.logits && program.steps[..at].iter().any(|s| s.output == value)
                    || program.steps[at..].iter().any(|later| later.inputs.contains(&value))
                        && (value == 0 || program.steps[..at].iter().any(|s| s.output == value))
            };
            for value in (0..program.values.len()).filter(|&value| needed(value)) {
                let other = program.values[value];
                let apart = other.offset + other.shape.len() <= output.offset
                    || output.offset + output.shape.len() <= other.offset;
                assert!(apart, "{name}: {} overlaps value {value}", step.name);
            }
        }
    }
}
