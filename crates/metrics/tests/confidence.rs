//! Compares temperature and thresholds with scipy; `golden/confidence.py` recorded its numbers.

use modiste_metrics::{Confidence, Rejection, answered, softmax_at, temperature};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    logits: Vec<f32>,
    labels: Vec<u16>,
    temperature: f64,
    /// Probabilities of the first 20 images.
    probabilities: Vec<f64>,
    /// Target, threshold, coverage, accuracy.
    rules: Vec<[f64; 4]>,
}

fn cases() -> Vec<Case> {
    let golden: Golden =
        serde_json::from_str(include_str!("../golden/confidence.json")).expect("valid");
    assert_eq!(golden.cases.len(), 6);
    golden.cases
}

#[test]
fn the_temperature_agrees_with_scipy() {
    for case in cases() {
        let got = temperature(&case.logits, &case.labels, case.classes).unwrap();
        assert!((got - case.temperature).abs() < 1e-4, "{got} is not {}", case.temperature);
    }
}

#[test]
fn probabilities_agree_with_scipy() {
    for case in cases() {
        let rows = case.logits.chunks_exact(case.classes);
        let got = rows.flat_map(|row| softmax_at(row, case.temperature));
        for (got, expected) in got.zip(&case.probabilities) {
            assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
        }
    }
}

#[test]
fn thresholds_agree_with_an_exhaustive_search() {
    let mut unreachable = 0;
    for case in cases() {
        let got = Confidence::fit(&case.logits, &case.labels, case.classes).unwrap();
        assert_eq!(got.images, case.labels.len() as u64);
        assert_eq!(got.rejection.len(), case.rules.len());
        unreachable += 6 - case.rules.len();
        for (got, expected) in got.rejection.iter().zip(&case.rules) {
            let Rejection { target, threshold, coverage, accuracy } = *got;
            for (got, expected) in [target, threshold, coverage, accuracy].iter().zip(expected) {
                assert!((got - expected).abs() < 1e-4, "{got} is not {expected}");
            }
        }
        for rule in &got.rejection {
            let (t, threshold) = (got.temperature, rule.threshold);
            let again = answered(&case.logits, &case.labels, case.classes, t, threshold);
            assert_eq!(again, (rule.coverage, Some(rule.accuracy)));
        }
        let none = answered(&case.logits, &case.labels, case.classes, 1.0, 1.1);
        assert_eq!(none, (0.0, None));
        let last = got.rejection.last();
        assert_eq!(last.and_then(|last| got.rule(last.target)), last);
        assert_eq!(got.rule(0.999), None);
        assert_eq!(got.rule(0.5), got.rejection.first());
    }
    assert!(unreachable > 0, "a target that no threshold reaches");
}
