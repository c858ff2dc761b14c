//! Compares every classifier with scikit-learn on the embedded images; `golden/make.py` recorded its results.

use std::sync::atomic::AtomicBool;

use modiste_baselines::{
    BaselineError, BaselineResult, ForestSettings, Gamma, KnnSettings, Options, Settings,
    SvmSettings, predict, run,
};
use modiste_data::{Dataset, PartName, Source, Split};
use serde_json::Value;

const PARTS: [PartName; 2] = [PartName::Validation, PartName::Test];

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/golden.json")).unwrap()
}

fn embedded() -> Dataset {
    modiste_data::load(&Source::Embedded, &Split::Paper, 0).unwrap()
}

fn go(settings: &Settings, data: &Dataset, threads: usize) -> (BaselineResult, Vec<Vec<u16>>) {
    let stop = AtomicBool::new(false);
    let options = Options { parts: &PARTS, threads, stop: &stop };
    predict(settings, data, &options, &mut |_| {}).unwrap()
}

/// Number of images in both parts whose prediction differs from the recorded one.
fn differences(predictions: &[Vec<u16>], recorded: &Value) -> usize {
    let of = |(part, ours): (&PartName, &Vec<u16>)| {
        let theirs = recorded[part.to_string()].as_str().unwrap().bytes().map(|b| b - b'0');
        assert_eq!(theirs.len(), ours.len());
        ours.iter().zip(theirs).filter(|(ours, theirs)| **ours != u16::from(*theirs)).count()
    };
    PARTS.iter().zip(predictions).map(of).sum()
}

fn check_svm(settings: SvmSettings, recorded: &Value) -> BaselineResult {
    let (result, predictions) = go(&Settings::Svm(settings), &embedded(), 2);
    let differ = differences(&predictions, &recorded["predictions"]);
    // 99.5 % of 2,000 images must agree.
    assert!(differ <= 10, "{differ} of 2,000 predictions differ from scikit-learn's");
    let vectors = result.facts["support_vectors"].as_f64().unwrap();
    let theirs = recorded["support_vectors"].as_f64().unwrap();
    assert!((vectors / theirs - 1.0).abs() < 0.005, "{vectors} support vectors, not {theirs}");
    println!("svm: {differ} of 2,000 differ, {vectors} support vectors of {theirs}");
    result
}

#[test]
fn the_default_svm_agrees_with_scikit_learn() {
    let recorded = &golden()["svm"]["default"];
    let result = check_svm(SvmSettings::default(), recorded);
    let (ours, theirs) = (result.facts["gamma"].as_f64().unwrap(), recorded["gamma"].as_f64());
    assert!((ours / theirs.unwrap() - 1.0).abs() < 1e-12, "gamma {ours}");
}

#[test]
fn an_svm_with_other_settings_agrees_with_scikit_learn_for_any_cache_size() {
    let settings = SvmSettings { c: 10.0, gamma: Gamma::Value(0.02), ..Default::default() };
    let large = check_svm(settings, &golden()["svm"]["c_10_gamma_0.02"]);
    // One megabyte per thread holds only half of the 1,000 rows of a pair of classes.
    let small =
        check_svm(SvmSettings { cache_mb: 2, ..settings }, &golden()["svm"]["c_10_gamma_0.02"]);
    assert_eq!((large.parts, large.facts), (small.parts, small.facts));
}

#[test]
fn logistic_regression_finds_scikit_learns_optimum() {
    let settings = Settings::of_kind("logistic").unwrap();
    let (result, predictions) = go(&settings, &embedded(), 2);
    let recorded = &golden()["logistic"];
    let differ = differences(&predictions, &recorded["predictions"]);
    println!("logistic: {differ} of 2,000 differ, {} steps", result.facts["steps"]);
    // Images near the border of two classes may differ, because the solver stops at a tolerance.
    assert!(differ <= 20, "{differ} of 2,000 predictions differ from scikit-learn's");
    let (ours, theirs) = (result.facts["objective"].as_f64().unwrap(), &recorded["objective"]);
    let excess = ours / theirs.as_f64().unwrap() - 1.0;
    assert!((-1e-6..1e-3).contains(&excess), "objective {ours}, not {theirs}");
}

#[test]
fn neighbours_agree_with_exact_distances() {
    for (k, recorded) in golden()["knn"].as_object().unwrap() {
        let settings = Settings::Knn(KnnSettings { k: k.parse().unwrap() });
        let (_, predictions) = go(&settings, &embedded(), 2);
        assert_eq!(differences(&predictions, &recorded["predictions"]), 0, "k = {k}");
    }
}

#[test]
fn a_forest_is_within_the_spread_of_scikit_learns() {
    let mut means = [0.0; 2];
    for seed in 0..2 {
        let settings = Settings::Forest(ForestSettings { seed, ..Default::default() });
        let (result, _) = go(&settings, &embedded(), 2);
        means.iter_mut().zip(&result.parts).for_each(|(sum, part)| *sum += part.accuracy / 2.0);
    }
    for (mean, part) in means.into_iter().zip(PARTS) {
        let theirs = golden()["forest"][part.to_string()].clone();
        let theirs: Vec<f64> = serde_json::from_value(theirs).unwrap();
        let n = theirs.len() as f64;
        let centre = theirs.iter().sum::<f64>() / n;
        let variance = theirs.iter().map(|a| (a - centre).powi(2)).sum::<f64>() / (n - 1.0);
        // The mean of two seeds may differ from the mean of ten by four standard errors.
        let error = (variance * (1.0 / 2.0 + 1.0 / n)).sqrt();
        println!("forest, {part}: {mean:.4}, scikit-learn {centre:.4} +- {:.4}", variance.sqrt());
        assert!((mean - centre).abs() < 4.0 * error, "{part}: {mean}, scikit-learn {centre}");
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut data = embedded();
    modiste_baselines::draw(&mut data, 600, 1).unwrap();
    for kind in Settings::KINDS {
        let settings = match Settings::of_kind(kind).unwrap() {
            Settings::Forest(s) => Settings::Forest(ForestSettings { trees: 9, ..s }),
            other => other,
        };
        let (one, predictions) = go(&settings, &data, 1);
        for threads in [2, 5] {
            let (other, again) = go(&settings, &data, threads);
            assert_eq!((&one.facts, &predictions), (&other.facts, &again), "{kind} {threads}");
        }
    }
}

fn error(settings: Settings, change: impl FnOnce(&mut Dataset)) -> String {
    let mut data = embedded();
    change(&mut data);
    let stop = AtomicBool::new(false);
    let options = Options { parts: &PARTS, threads: 2, stop: &stop };
    run(&settings, &data, &options, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn errors_name_bad_settings_and_parts() {
    let knn = |k| error(Settings::Knn(KnnSettings { k }), |_| {});
    assert_eq!(knn(0), "k = 0: not from 1 to 5000");
    assert_eq!(knn(5_001), "k = 5001: not from 1 to 5000");
    let svm = |change: fn(&mut SvmSettings)| {
        let mut settings = SvmSettings::default();
        change(&mut settings);
        error(Settings::Svm(settings), |_| {})
    };
    assert_eq!(svm(|s| s.c = 0.0), "C = 0: not a finite number above 0");
    assert_eq!(
        svm(|s| s.gamma = Gamma::Value(f64::NAN)),
        "gamma = NaN: not a finite number above 0"
    );
    assert!(svm(|s| s.tolerance = -1.0).starts_with("tolerance = -1: "));
    assert!(svm(|s| s.cache_mb = 0).starts_with("cache-mb = 0: not from 1 to"));
    let forest =
        |trees, depth| error(Settings::Forest(ForestSettings { trees, depth, seed: 0 }), |_| {});
    assert_eq!(forest(0, None), "trees = 0: not from 1 to 100000");
    assert_eq!(forest(1, Some(0)), "depth = 0: not from 1 to 1000");
    let knn = Settings::of_kind("knn").unwrap();
    let unlabelled = error(knn.clone(), |data| data.test.labels = None);
    assert_eq!(unlabelled, "the test part of fashion-mnist has no labels");
    let empty = error(knn, |data| data.validation = data.validation.select(&[]));
    assert_eq!(empty, "the validation part of fashion-mnist has no images");
    let flat = error(Settings::of_kind("svm").unwrap(), |data| data.train.images.pixels.fill(7));
    assert!(flat.starts_with("gamma = scale: all pixels are equal"), "{flat}");
}

#[test]
fn the_stop_flag_ends_the_training() {
    let data = embedded();
    for kind in Settings::KINDS {
        let stop = AtomicBool::new(true);
        let options = Options { parts: &PARTS, threads: 2, stop: &stop };
        let result = run(&Settings::of_kind(kind).unwrap(), &data, &options, &mut |_| {});
        assert_eq!(result.unwrap_err(), BaselineError::Interrupted, "{kind}");
    }
}
