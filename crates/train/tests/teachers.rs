//! Distillation: what the targets are, that a run with teachers repeats and resumes, what is refused.

mod common;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{CLASSES, LogisticRegression, config, dataset, outcome_of};
use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_data::Dataset;
use modiste_spec::engine::{Batch, Engine, EngineError, State, Step, Targets, Totals, Weights};
use modiste_spec::{Network, Shape};
use modiste_train::{Config, Event, Run, TrainError, fit};

/// An engine that records its batches; `half` makes it the second of two ranks.
struct Recorder {
    inner: CpuEngine,
    half: bool,
    images: Vec<Vec<u8>>,
    shares: Vec<Vec<f32>>,
}

impl Recorder {
    fn new(threads: usize, half: bool) -> Self {
        let network = LogisticRegression::new().network().clone();
        let inner = CpuEngine::new(&network, CpuOptions { threads, ..Default::default() }).unwrap();
        Self { inner, half, images: Vec::new(), shares: Vec::new() }
    }
}

impl Engine for Recorder {
    fn network(&self) -> &Network {
        self.inner.network()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn beside(&self, network: &Network) -> Result<Box<dyn Engine>, EngineError> {
        self.inner.beside(network)
    }

    fn share(&self, images: usize) -> Range<usize> {
        if self.half { images / 2..images } else { 0..images }
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        self.images.push(batch.images.to_vec());
        if let Targets::Shares(shares) = batch.targets {
            self.shares.push(shares.to_vec());
        }
        // A lone engine cannot train on half of a batch.
        if self.half { Ok(()) } else { self.inner.submit(batch, step) }
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        self.inner.totals(sums)
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        self.inner.predict(images, weights)
    }

    fn state(&mut self) -> State {
        self.inner.state()
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.inner.load_state(state)
    }
}

/// Trains until `steps` steps are done.
fn train(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    steps: usize,
) -> Result<(), TrainError> {
    let (stop, mut done) = (AtomicBool::new(false), 0);
    let mut observer = |event: &Event<'_>| {
        done += usize::from(matches!(event, Event::Step { .. }));
        stop.store(done >= steps, Ordering::Relaxed);
    };
    fit(engine, data, run, &mut observer, &stop).map(|_| ())
}

/// A teacher in `folder`, trained with this seed.
fn teacher(folder: &Path, seed: u64) {
    let mut config = config();
    config.training.seed = seed;
    let run = Run::create(folder, &config).unwrap();
    train(&mut Recorder::new(1, false), &dataset(), &run, usize::MAX).unwrap();
}

fn student(teachers: &[&Path], weight: f64) -> Config {
    let mut config = config();
    let names: Vec<String> = teachers.iter().map(|path| path.display().to_string()).collect();
    config.training.teacher = names.join(",");
    config.training.teacher_weight = weight;
    config.check().unwrap();
    config
}

/// Two trained teachers in a folder.
fn two_teachers() -> (tempfile::TempDir, [std::path::PathBuf; 2]) {
    let root = tempfile::tempdir().unwrap();
    let folders = [1, 2].map(|seed| root.path().join(format!("teacher{seed}")));
    teacher(&folders[0], 1);
    teacher(&folders[1], 2);
    (root, folders)
}

#[test]
fn targets_are_the_teachers_mean_answers_to_the_augmented_images() {
    let (root, [a, b]) = two_teachers();
    let weight = 0.75;
    let run = Run::create(&root.path().join("s"), &student(&[&a, &b], weight)).unwrap();
    let mut engine = Recorder::new(2, false);
    train(&mut engine, &dataset(), &run, 4).unwrap();
    // The same order and augmentation without teachers, to know the labels.
    let run = Run::create(&root.path().join("plain"), &config()).unwrap();
    let mut plain = Recorder::new(1, false);
    train(&mut plain, &dataset(), &run, 4).unwrap();
    assert!(engine.images == plain.images && plain.shares.is_empty());
    let mut judges = [&a, &b].map(|folder| {
        let model = modiste_model::Model::load(&folder.join("best.safetensors")).unwrap();
        let mut engine = Recorder::new(1, false).inner;
        engine.load_state(&model.state()).unwrap();
        engine
    });
    let mut labels = [0; CLASSES];
    for (images, shares) in engine.images.iter().zip(&engine.shares) {
        let logits = judges.each_mut().map(|e| e.predict(images, Weights::Current).unwrap());
        for (i, row) in shares.chunks_exact(CLASSES).enumerate() {
            let answers = logits.each_ref().map(|all| {
                let exponentials: Vec<f64> = all[i * CLASSES..][..CLASSES]
                    .iter()
                    .map(|&logit| f64::from(logit).exp())
                    .collect();
                let sum: f64 = exponentials.iter().sum();
                exponentials.into_iter().map(move |e| e / sum).collect::<Vec<f64>>()
            });
            let rest: Vec<f64> = (0..CLASSES)
                .map(|c| f64::from(row[c]) - weight * (answers[0][c] + answers[1][c]) / 2.0)
                .collect();
            // What is left is the label's weight, for one class.
            let label = (0..CLASSES).find(|&c| rest[c] > 0.1).expect("one class is the label");
            labels[label] += 1;
            for (c, rest) in rest.iter().enumerate() {
                let expected = if c == label { 1.0 - weight } else { 0.0 };
                assert!((rest - expected).abs() < 1e-6, "image {i}, class {c}: {rest}");
            }
        }
    }
    assert_eq!(labels, [5, 4, 4], "each of the 13 images was seen once");
}

#[test]
fn every_rank_has_the_targets_of_the_whole_step_and_its_own_images() {
    let (root, [a, _]) = two_teachers();
    let record = |name: &str, half| {
        let run = Run::create(&root.path().join(name), &student(&[&a], 1.0)).unwrap();
        let mut engine = Recorder::new(1, half);
        train(&mut engine, &dataset(), &run, 4).unwrap();
        engine
    };
    let (all, own) = (record("all", false), record("half", true));
    assert!(all.shares == own.shares && own.shares.len() == 4);
    for (all, own) in all.images.iter().zip(&own.images) {
        let size = Shape::new(2, 2, CLASSES).len();
        assert_eq!(own[..], all[all.len() / size / 2 * size..]);
    }
}

#[test]
fn a_run_with_teachers_repeats_and_resumes_to_the_same_bytes() {
    let (root, [a, b]) = two_teachers();
    let config = student(&[&a, &b], 0.9);
    let alone = root.path().join("alone");
    let run = Run::create(&alone, &config).unwrap();
    train(&mut Recorder::new(2, false), &dataset(), &run, usize::MAX).unwrap();
    for stop_after in [1, 4, 5] {
        let folder = root.path().join(format!("{stop_after}"));
        let run = Run::create(&folder, &config).unwrap();
        train(&mut Recorder::new(1, false), &dataset(), &run, stop_after).unwrap();
        drop(run);
        let run = Run::resume(&folder).unwrap();
        train(&mut Recorder::new(2, false), &dataset(), &run, usize::MAX).unwrap();
        assert!(outcome_of(&folder) == outcome_of(&alone), "stopped after {stop_after} steps");
    }
    // The model names its teachers without their paths.
    let model = modiste_model::Model::load(&alone.join("best.safetensors")).unwrap();
    assert!(model.config.contains("teacher = \"teacher1,teacher2\""), "{}", model.config);
}

#[test]
fn a_teacher_that_does_not_fit_is_refused_in_one_line() {
    let (root, [a, _]) = two_teachers();
    let mut count = 0;
    let mut refusal = |teacher: &str, data: &Dataset, engine: &mut dyn Engine| {
        count += 1;
        let mut config = config();
        config.training.teacher = teacher.into();
        let run = Run::create(&root.path().join(format!("r{count}")), &config).unwrap();
        let error = train(engine, data, &run, usize::MAX).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let (path, recorder) = (a.display().to_string(), || Recorder::new(1, false));
    let mut other = dataset();
    other.classes.swap(0, 1);
    let error = refusal(&path, &other, &mut recorder());
    assert!(error.contains("teacher1: has the classes red, green, blue; channels has"), "{error}");
    let mut other = dataset();
    other.preparation.garments = true;
    let error = refusal(&path, &other, &mut recorder());
    let expected = "teacher1: was trained on images that were prepared in another way";
    assert!(error.contains(expected), "{error}");
    let error = refusal("swift", &dataset(), &mut recorder());
    assert!(error.contains("swift: takes images of 28x28x1"), "{error}");
    let error = refusal(&format!("{path},nowhere"), &dataset(), &mut recorder());
    assert!(error.contains("nowhere"), "{error}");
    let error = refusal(&path, &dataset(), &mut LogisticRegression::new());
    assert!(error.contains("cannot run a teacher"), "{error}");
    let mut config = config();
    config.training.teacher_weight = 0.5;
    let error = config.check().unwrap_err().to_string();
    assert_eq!(error, "training.teacher_weight: 0.5 has no effect without training.teacher");
}
