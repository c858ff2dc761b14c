//! Compares the metrics with scikit-learn; `golden/make.py` recorded its numbers.

use modiste_metrics::{
    MetricsError, accuracy, auroc, cross_entropy, evaluate, mean_auroc, roc_curve, worst_mistakes,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    aurocs: Vec<AurocCase>,
    evaluations: Vec<Case>,
}

#[derive(Deserialize)]
struct AurocCase {
    scores: Vec<f64>,
    positive: Vec<bool>,
    auroc: f64,
    fpr: Vec<f64>,
    tpr: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    logits: Vec<f32>,
    labels: Vec<u16>,
    accuracy: f64,
    accuracy_interval: [f64; 2],
    loss: f64,
    loss_standard_error: f64,
    auroc: Option<f64>,
    auroc_standard_error: Option<f64>,
    confusion: Vec<Vec<u64>>,
    ece: f64,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<u64>,
    aurocs: Vec<Option<f64>>,
    #[serde(rename = "macro")]
    macro_average: [f64; 3],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/golden.json")).expect("golden.json is valid")
}

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}

#[track_caller]
fn check_close(got: f64, expected: f64, what: &str) {
    assert!((got - expected).abs() <= 1e-9, "{what}: {got} is not {expected}");
}

#[track_caller]
fn check_option(got: Option<f64>, expected: Option<f64>, what: &str) {
    assert_eq!(got.is_some(), expected.is_some(), "{what}");
    check_close(got.unwrap_or(0.0), expected.unwrap_or(0.0), what);
}

#[test]
fn auroc_agrees_with_scikit_learn() {
    let cases = golden().aurocs;
    assert_eq!(cases.len(), 20);
    for case in cases {
        let got = auroc(&case.scores, &case.positive).expect("both senses are present");
        check_close(got, case.auroc, "auroc");
    }
}

#[test]
fn roc_curves_agree_with_scikit_learn() {
    for case in golden().aurocs {
        let got = roc_curve(&case.scores, &case.positive).expect("both senses are present");
        check_close(got.auroc, case.auroc, "auroc");
        assert_eq!((got.points.len(), case.tpr.len()), (case.fpr.len(), case.fpr.len()));
        for (point, (fpr, tpr)) in got.points.iter().zip(case.fpr.iter().zip(&case.tpr)) {
            check_close(point[0], *fpr, "false positive rate");
            check_close(point[1], *tpr, "true positive rate");
        }
    }
}

#[test]
fn evaluations_agree_with_scikit_learn() {
    let cases = golden().evaluations;
    assert_eq!(cases.len(), 27);
    assert!(cases.iter().any(|case| case.auroc.is_none()), "a case without AUROC");
    for case in cases {
        let got = evaluate(&case.logits, &case.labels, &names(case.classes), 1).expect("valid");
        check_close(got.accuracy, case.accuracy, "accuracy");
        for end in 0..2 {
            check_close(got.accuracy_interval[end], case.accuracy_interval[end], "wilson");
        }
        check_close(got.loss, case.loss, "loss");
        check_option(got.auroc, case.auroc, "auroc");
        assert_eq!(got.confusion, case.confusion);
        check_close(got.calibration.ece, case.ece, "ece");
        for (class, report) in got.classes.iter().enumerate() {
            assert_eq!(report.name, format!("class {class}"));
            check_close(report.precision, case.precision[class], "precision");
            check_close(report.recall, case.recall[class], "recall");
            check_close(report.f1, case.f1[class], "f1");
            assert_eq!(report.support, case.support[class]);
            check_option(report.auroc, case.aurocs[class], "auroc of a class");
        }
        let average = [got.macro_average.precision, got.macro_average.recall, got.macro_average.f1];
        for (got, expected) in average.iter().zip(case.macro_average) {
            check_close(*got, expected, "macro average");
        }
    }
}

#[test]
fn quick_numbers_equal_those_of_the_evaluation() {
    for case in golden().evaluations {
        check_close(accuracy(&case.logits, &case.labels, case.classes), case.accuracy, "accuracy");
        check_close(cross_entropy(&case.logits, &case.labels, case.classes), case.loss, "loss");
        check_option(mean_auroc(&case.logits, &case.labels, case.classes), case.auroc, "auroc");
    }
}

/// A percentile interval is 2 x 1.96 standard errors wide, apart from the noise of 1,000 resamples
/// (about 5 %) and skew.
#[test]
fn bootstrap_intervals_are_as_wide_as_theory_says() {
    let case = golden().evaluations.pop().expect("the last case is the large one");
    assert_eq!(case.labels.len(), 600);
    let got = evaluate(&case.logits, &case.labels, &names(case.classes), 1).expect("valid");
    let check = |[low, high]: [f64; 2], value: f64, error: f64| {
        let width = (high - low) / (2.0 * 1.96 * error);
        assert!((0.85..1.15).contains(&width), "{width} of the width expected");
        assert!(low + 0.5 * error < value && value < high - 0.5 * error, "{low} {value} {high}");
    };
    check(got.loss_interval, case.loss, case.loss_standard_error);
    let error = case.auroc_standard_error.expect("all classes are present");
    check(got.auroc_interval.unwrap(), case.auroc.unwrap(), error);
}

#[test]
fn intervals_depend_only_on_the_seed() {
    let case = golden().evaluations.pop().expect("there are cases");
    let run = |seed| evaluate(&case.logits, &case.labels, &names(case.classes), seed).unwrap();
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).loss_interval, run(6).loss_interval);
    assert_ne!(run(5).auroc_interval, run(6).auroc_interval);
}

#[test]
fn mistakes_are_the_misclassified_images() {
    let case = golden().evaluations.pop().expect("there are cases");
    let mistakes = worst_mistakes(&case.logits, &case.labels, case.classes, usize::MAX);
    let right: u64 = (0..case.classes).map(|class| case.confusion[class][class]).sum();
    assert_eq!(mistakes.len() as u64, case.labels.len() as u64 - right);
    assert!(mistakes.is_sorted_by(|a, b| a.truth_probability <= b.truth_probability));
    for mistake in mistakes {
        assert_eq!(mistake.truth, case.labels[mistake.index]);
        assert_ne!(mistake.truth, mistake.prediction);
        assert!(mistake.probability >= mistake.truth_probability);
    }
}

#[test]
fn an_evaluation_survives_json() {
    let case = golden().evaluations.remove(0);
    let evaluation = evaluate(&case.logits, &case.labels, &names(case.classes), 1).unwrap();
    let text = serde_json::to_string(&evaluation).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(value["calibration"]["ece"].is_f64() && value["classes"][0]["f1"].is_f64());
    assert_eq!(serde_json::from_str::<modiste_metrics::Evaluation>(&text).unwrap(), evaluation);
}

#[test]
fn errors_name_what_cannot_be_evaluated() {
    let expect_error = |logits: &[f32], labels: &[u16], classes, text: &str| {
        let error: MetricsError = evaluate(logits, labels, &names(classes), 1).unwrap_err();
        assert_eq!(error.to_string(), text);
    };
    expect_error(&[], &[], 2, "there are no images to evaluate");
    expect_error(&[], &[], 0, "there are no classes to evaluate");
    expect_error(&[1.0; 3], &[0; 2], 2, "3 logits are not 2 labels times 2 classes");
    expect_error(&[1.0; 4], &[0, 2], 2, "label 2 of image 1 is not below 2, the number of classes");
    let text = "logit of image 1 for class 0 is NaN, not a finite number";
    expect_error(&[1.0, 1.0, f32::NAN, 1.0], &[0, 1], 2, text);
    let text = "logit of image 0 for class 1 is inf, not a finite number";
    expect_error(&[1.0, f32::INFINITY], &[0], 2, text);
}

/// As many images as the official test part has; measured 0.26 s on one core of a busy machine.
#[test]
fn ten_thousand_images_are_evaluated_quickly() {
    let (images, classes) = (10_000, 10);
    let stream =
        modiste_spec::random::Stream::new(1, modiste_spec::random::Purpose::Bootstrap, 1, 0);
    let labels: Vec<u16> = (0..images).map(|i| (i % classes) as u16).collect();
    let logits: Vec<f32> =
        (0..images * classes).map(|i| stream.unit(i as u64) as f32 * 4.0).collect();
    let start = std::time::Instant::now();
    let evaluation = evaluate(&logits, &labels, &names(classes), 1).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{images} images in {seconds:.3} s, accuracy {}", evaluation.accuracy);
    assert!((0.05..0.15).contains(&evaluation.accuracy));
    assert!(cfg!(debug_assertions) || seconds < 5.0, "{seconds} s");
}
