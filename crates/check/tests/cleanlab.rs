//! Compares label errors and their order with the cleanlab package; `golden/make.py` recorded its results.

use modiste_check::{CheckError, label_errors};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    labels: Vec<u16>,
    probabilities: Vec<f64>,
    issues: Vec<usize>,
}

#[test]
fn label_errors_agree_with_cleanlab() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../golden/label_errors.json")).unwrap();
    assert_eq!(cases.len(), 9);
    assert!(cases.iter().filter(|case| case.issues.len() > 5).count() >= 7);
    for Case { name, classes, labels, probabilities, issues } in cases {
        let errors = label_errors(&probabilities, &labels, classes).unwrap();
        let found: Vec<usize> = errors.iter().map(|error| error.image).collect();
        assert_eq!(found, issues, "{name}");
        for error in errors {
            let row = &probabilities[error.image * classes..][..classes];
            assert_eq!(error.label, labels[error.image]);
            assert_eq!(error.self_confidence, row[usize::from(error.label)]);
            assert!(row.iter().all(|&p| p <= error.confidence), "{name}");
        }
    }
}

#[test]
fn rows_that_are_not_distributions_are_refused_by_name() {
    let error = |p: &[f64], labels: &[u16], classes| label_errors(p, labels, classes).unwrap_err();
    assert_eq!(error(&[1.0], &[0], 1), CheckError::Empty);
    assert_eq!(error(&[], &[], 2), CheckError::Empty);
    let length = CheckError::Length { probabilities: 3, labels: 2, classes: 2 };
    assert_eq!(error(&[0.5; 3], &[0, 1], 2), length);
    let label = CheckError::Label { image: 1, label: 2, classes: 2 };
    assert_eq!(error(&[0.5; 4], &[0, 2], 2), label);
    for bad in [[0.5, 0.6], [1.5, -0.5], [f64::NAN, 1.0]] {
        let [a, b] = bad;
        let wrong = error(&[1.0, 0.0, a, b], &[0, 1], 2);
        assert_eq!(wrong, CheckError::Probabilities { image: 1 });
    }
}
