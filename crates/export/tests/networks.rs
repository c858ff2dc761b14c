//! The ONNX model of every network of the engine checks gives the reference's answers.

mod common;

use common::{TOLERANCE, difference, expected, model};
use modiste_export::{Answers, ExportError, OnnxSource, onnx, second_opinion};
use modiste_reference::check::{
    batch, networks, perturbed_state, random_network, unusual_networks,
};

#[test]
fn the_other_runtime_gives_the_reference_s_answers() {
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let (state, images) = (perturbed_state(&network, 3), batch(&network, 3, 4).0);
        for temperature in [1.0, 2.5] {
            let found = difference(&network, &state, &images, temperature);
            let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(found <= TOLERANCE, "{name}, temperature {temperature}: {found:e}");
        }
    }
}

#[test]
fn the_other_runtime_gives_the_reference_s_answers_for_random_networks() {
    for seed in 0..300 {
        let network = random_network(seed);
        let (state, images) = (perturbed_state(&network, seed), batch(&network, 2, seed).0);
        let found = difference(&network, &state, &images, 1.0);
        let found = found.unwrap_or_else(|error| panic!("network {seed}: {error}"));
        assert!(found <= TOLERANCE, "network {seed}: {found:e}");
    }
}

#[test]
fn a_changed_weight_or_setting_is_noticed() {
    let (_, network) = networks().swap_remove(0);
    let (right, images) = (perturbed_state(&network, 3), batch(&network, 2, 4).0);
    let expected = expected(&network, &right, &images, 1.0);
    for position in 0..right.parameters.len() {
        let mut wrong = right.clone();
        wrong.parameters[position].values[0] += 0.5;
        let bytes = model(&network, &wrong, 1.0);
        let found = second_opinion(&bytes, &images, network.input_shape()).unwrap();
        assert!(found.difference(&expected) > TOLERANCE, "{}", right.parameters[position].name);
    }
    let bytes = model(&network, &right, 1.01);
    let found = second_opinion(&bytes, &images, network.input_shape()).unwrap();
    assert!(found.difference(&expected) > TOLERANCE, "temperature");
}

#[test]
fn the_runtime_refuses_bytes_that_are_not_a_model() {
    let (_, network) = networks().swap_remove(0);
    let bytes = model(&network, &perturbed_state(&network, 3), 1.0);
    for bad in [&bytes[..bytes.len() / 2], b"text", &[]] {
        let error =
            second_opinion(bad, &batch(&network, 1, 4).0, network.input_shape()).unwrap_err();
        assert!(matches!(error, ExportError::Runtime { action: "load", .. }), "{error}");
    }
}

#[test]
fn parameters_of_another_network_are_refused() {
    let all = networks();
    let (state, network) = (perturbed_state(&all[0].1, 3), &all[1].1);
    let parameters = &state.parameters;
    let source = OnnxSource { network, parameters, temperature: 1.0, metadata: &[] };
    let error = onnx(&source).unwrap_err().to_string();
    assert!(error.starts_with("parameters: \""), "{error}");
}

#[test]
fn missing_or_nan_answers_count_as_infinitely_different() {
    let answers = |probabilities: &[f32], classes: &[usize]| Answers {
        probabilities: probabilities.to_vec(),
        classes: classes.to_vec(),
    };
    let one = answers(&[0.25, 0.75], &[1]);
    assert_eq!(one.difference(&one), 0.0);
    assert_eq!(one.difference(&answers(&[0.5, 0.5], &[1])), 0.25);
    for other in [
        answers(&[0.25, f32::NAN], &[1]),
        answers(&[0.25], &[1]),
        answers(&[0.25, 0.75], &[]),
        answers(&[0.25, 0.75], &[0]),
        answers(&[0.25, 0.75], &[2]),
    ] {
        assert_eq!(one.difference(&other), f32::INFINITY, "{other:?}");
    }
}
