//! Every optimiser, averaged weights and mixed images in the training loop: which weights judge an epoch,
//! and that a run that was stopped and resumed ends with the same bytes.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use common::{CLASSES, config, dataset, outcome_of};
use modiste_cpu::CpuEngine;
use modiste_model::{Model, read_metrics};
use modiste_spec::Engine;
use modiste_spec::engine::{State, Weights};
use modiste_train::{Config, Event, Outcome, Run, fit, parse_checkpoint};

/// Trains a run on the small data set with the CPU engine.
fn train(run: &Run, stop_after: usize) -> Outcome {
    let (stop, mut steps) = (AtomicBool::new(false), 0);
    let mut observer = |event: &Event<'_>| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        stop.store(steps >= stop_after, Ordering::Relaxed);
    };
    fit(&mut engine(), &dataset(), run, &mut observer, &stop).unwrap()
}

fn engine() -> CpuEngine {
    let network = common::LogisticRegression::new().network().clone();
    CpuEngine::new(&network, Default::default()).unwrap()
}

fn with(settings: &[(&str, &str)]) -> Config {
    let mut config = config();
    settings.iter().for_each(|(path, value)| config.set(path, value).unwrap());
    config.check().unwrap();
    config
}

/// The configurations of all methods.
fn methods() -> Vec<Config> {
    [
        &[("training.optimiser.kind", "sgd"), ("training.average", "0.8")][..],
        &[("training.optimiser.kind", "sgd"), ("nesterov", "false"), ("decoupled", "true")],
        &[("training.optimiser.kind", "muon"), ("training.average", "0.8")],
        &[("cutmix", "0.5"), ("mixup", "0.4"), ("training.average", "0.5")],
    ]
    .map(with)
    .into()
}

#[test]
fn with_any_method_a_resumed_run_ends_with_the_same_bytes() {
    for (i, config) in methods().iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        let alone = root.path().join("alone");
        train(&Run::create(&alone, config).unwrap(), usize::MAX);
        for stop_after in [1, 3, 4, 5, 11] {
            let folder = root.path().join(format!("{stop_after}"));
            let outcome = train(&Run::create(&folder, config).unwrap(), stop_after);
            assert!(matches!(outcome, Outcome::Interrupted { .. }), "{i} {stop_after}");
            train(&Run::resume(&folder).unwrap(), usize::MAX);
            let same = outcome_of(&folder) == outcome_of(&alone);
            assert!(same, "method {i}, stopped after {stop_after} steps");
        }
    }
}

#[test]
fn averaged_weights_judge_epochs_and_become_the_model() {
    let config = with(&[("training.average", "0.9"), ("training.epochs", "6")]);
    let root = tempfile::tempdir().unwrap();
    let Outcome::Finished(summary) = train(&Run::create(root.path(), &config).unwrap(), usize::MAX)
    else {
        panic!("was interrupted")
    };
    let rows = read_metrics(&root.path().join("metrics.csv")).unwrap();
    let current = |i: usize| rows[i].metrics.current.expect("beside the average");
    assert!((0..6).any(|i| Some(current(i).loss) != rows[i].metrics.validation_loss));
    // The model gives the predictions that judged the average.
    let model = Model::load(&root.path().join("best.safetensors")).unwrap();
    let mut engine = engine();
    engine.load_state(&model.state()).unwrap();
    let data = dataset();
    let images = &data.validation.images.pixels;
    let logits = engine.predict(images, Weights::Current).unwrap();
    let labels = data.validation.labels.as_ref().unwrap();
    let loss = modiste_metrics::cross_entropy(&logits, labels, CLASSES);
    assert!((loss - summary.best.validation_loss.unwrap()).abs() < 1e-6);
    // The checkpoint has both; the current weights give the other numbers.
    let bytes = std::fs::read(root.path().join("last.ckpt")).unwrap();
    let checkpoint = parse_checkpoint(&bytes, "last.ckpt").unwrap();
    assert!(checkpoint.state.slots.keys().eq(["average", "first_moments", "second_moments"]));
    engine.load_state(&State::of_parameters(checkpoint.state.parameters)).unwrap();
    let logits = engine.predict(images, Weights::Current).unwrap();
    let loss = modiste_metrics::cross_entropy(&logits, labels, CLASSES);
    assert!((loss - current(5).loss).abs() < 1e-6);
}

#[test]
fn a_checkpoint_of_another_optimiser_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let config = with(&[("training.optimiser.kind", "sgd")]);
    train(&Run::create(root.path(), &config).unwrap(), usize::MAX);
    let bytes = std::fs::read(root.path().join("last.ckpt")).unwrap();
    let mut checkpoint = parse_checkpoint(&bytes, "c").unwrap();
    let slot = checkpoint.state.slots.remove("momentum").unwrap();
    checkpoint.state.slots.insert("first_moments".into(), slot);
    let error = parse_checkpoint(&checkpoint.to_bytes(), "c").unwrap_err().to_string();
    assert_eq!(error, "c: holds \"first_moments\", which the optimiser sgd does not keep");
}

#[test]
fn the_same_run_gives_the_same_bytes_with_any_method() {
    for config in methods() {
        let bytes = || {
            let root = tempfile::tempdir().unwrap();
            train(&Run::create(root.path(), &config).unwrap(), usize::MAX);
            outcome_of(root.path())
        };
        assert!(bytes() == bytes());
    }
}
