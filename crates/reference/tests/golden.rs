//! Compares the reference with PyTorch in f64, value by value.

use modiste_reference::check::{Golden, Tolerance, check_digests, check_golden, golden};
use modiste_reference::{Mode, ReferenceEngine};
use modiste_spec::Engine;

/// Tolerance: both sides compute in f64 but sum in different orders.
const TOLERANCE: f64 = 1e-10;
/// Smallest scale of a tensor, relative to the largest of all.
const FLOOR: f64 = 1e-6;

fn expect_equal(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0f64, |a, v| a.max(v.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= TOLERANCE * largest, "{what}[{i}]: {f}, PyTorch has {e}");
    }
}

fn engine_of(case: &Golden) -> ReferenceEngine {
    let mut engine = ReferenceEngine::new(case.network.clone(), 0);
    engine.load_state(&case.state).unwrap();
    engine
}

#[test]
fn the_first_step_agrees_with_pytorch() {
    for case in golden() {
        let engine = engine_of(&case);
        let start = engine.parameters().to_vec();
        // Far below a unit in the last place of f32, so the bits are the same.
        check_digests("initial", &case.initial, &start, 1e-12, 0.0).unwrap();
        let options = case.settings.step(0);
        for (what, mode, expected) in [
            ("logits", Mode::Predict, &case.predicted),
            ("training logits", Mode::Train { seed: options.seed, step: 0 }, &case.trained),
        ] {
            if mode != Mode::Predict && !case.settings.rates.is_empty() {
                continue; // modes do not cover frozen statistics
            }
            let outputs = engine.activations(&case.images, mode).unwrap();
            expect_equal(what, &outputs[case.network.logits()].values, expected);
        }
        let batch = case.batch();
        let (outcome, gradients) = engine.gradients(batch, &options).unwrap();
        expect_equal("loss", &[outcome.loss], &case.losses[..1]);
        check_digests("gradient", &case.gradients, &gradients, TOLERANCE, FLOOR).unwrap();
    }
}

#[test]
fn ten_steps_agree_with_pytorch() {
    for case in golden() {
        let mut engine = engine_of(&case);
        let start = engine.parameters().to_vec();
        let batch = case.batch();
        for (step, expected) in case.losses.iter().enumerate() {
            let outcome = engine.train_step(batch, &case.settings.step(step as u64)).unwrap();
            expect_equal("loss", &[outcome.mean_loss()], &[*expected]);
        }
        let mut changes = engine.parameters().to_vec();
        for (now, start) in changes.iter_mut().zip(&start) {
            now.values.iter_mut().zip(&start.values).for_each(|(now, start)| *now -= start);
        }
        check_digests("change", &case.changes, &changes, TOLERANCE, FLOOR).unwrap();
        let outputs = engine.activations(&case.images, Mode::Predict).unwrap();
        let logits = &outputs[case.network.logits()].values;
        expect_equal("logits after", logits, &case.predicted_after);
    }
}

#[test]
fn the_trait_gives_the_same_values_in_f32() {
    let tolerance = Tolerance { output: 1e-6, gradient: 1e-6, steps: 1e-5, floor: 1e-3 };
    for case in golden() {
        let mut engine = ReferenceEngine::new(case.network.clone(), 0);
        check_golden(&mut engine, &case, tolerance)
            .unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert_eq!(case.losses.len(), 10);
    }
}
