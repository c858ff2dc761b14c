//! The training loop: it learns, reports correct numbers, and stops when it should.

mod common;

use common::{
    CLASSES, LogisticRegression, config, dataset, images_of, outcome_of, train, train_watched,
};
use modiste_data::Dataset;
use modiste_metrics::Confidence;
use modiste_model::{Model, ModelConfidence, SelectBy, mirrored_logits, read_metrics};
use modiste_spec::Engine;
use modiste_spec::engine::{Batch, EngineError, State, Step, Targets, Totals, Weights};
use modiste_train::{ClassWeights, Config, Event, Outcome, Run, Schedule, Summary, fit};

fn run_on(config: &Config, data: &Dataset) -> (tempfile::TempDir, Summary) {
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), config).unwrap();
    let mut engine = LogisticRegression::new();
    let outcome = fit(&mut engine, data, &run, &mut |_: &Event<'_>| (), &false.into());
    match outcome.unwrap() {
        Outcome::Finished(summary) => (root, summary),
        Outcome::Interrupted { .. } => panic!("was interrupted"),
    }
}

/// Expects that the model of a folder gives the summary's numbers on the validation part.
fn expect_model_of(folder: &std::path::Path, summary: &Summary, data: &Dataset) {
    let model = Model::load(&folder.join("best.safetensors")).unwrap();
    let mut engine = LogisticRegression::new();
    engine.load_state(&model.state()).unwrap();
    let logits = engine.predict(&data.validation.images.pixels, Weights::Current).unwrap();
    let labels = data.validation.labels.as_ref().unwrap();
    let accuracy = modiste_metrics::accuracy(&logits, labels, CLASSES);
    assert_eq!(Some(accuracy), summary.best.validation_accuracy);
    assert_eq!(model.provenance.chosen, summary.best);
    let plain = Confidence::from_evidence(&logits, labels, CLASSES).unwrap();
    let (pixels, shape) = (&data.validation.images.pixels, data.validation.images.shape);
    let logits = mirrored_logits(&mut engine, pixels, shape, logits).unwrap();
    let mirrored = Confidence::from_evidence(&logits, labels, CLASSES).unwrap();
    assert_eq!(model.confidence, Some(ModelConfidence { plain, mirrored }));
}

#[test]
fn a_run_learns_and_keeps_its_best_epoch() {
    let mut config = config();
    config.training.epochs = 20;
    for select_by in [SelectBy::Accuracy, SelectBy::Loss] {
        config.training.select_by = select_by;
        let data = Dataset { train: images_of(90, 1), ..dataset() };
        let (root, summary) = run_on(&config, &data);
        assert!(summary.best.validation_accuracy.unwrap() > 0.8, "{:?}", summary.best);
        assert!(summary.best.validation_auroc.unwrap() > 0.9);
        expect_model_of(root.path(), &summary, &data);
        let rows = read_metrics(&root.path().join("metrics.csv")).unwrap();
        assert_eq!(rows.len(), 20);
        assert!(rows.iter().all(|row| row.timing.unwrap().images_per_second > 0.0));
        let epochs = rows.iter().map(|row| row.metrics);
        let key = |e: &modiste_model::EpochMetrics| {
            let (accuracy, loss) = e.validation_accuracy.zip(e.validation_loss).unwrap();
            match select_by {
                SelectBy::Accuracy => [-accuracy, loss],
                SelectBy::Loss => [loss, -accuracy],
            }
        };
        let best = epochs.min_by(|a, b| key(a).partial_cmp(&key(b)).unwrap()).unwrap();
        assert_eq!(best, summary.best);
        assert!(rows[19].metrics.train_loss < rows[0].metrics.train_loss);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = |seed| {
        let mut config = config();
        config.training.seed = seed;
        let (root, _) = run_on(&config, &dataset());
        outcome_of(root.path())
    };
    assert!(folder(1) == folder(1));
    assert!(folder(1)[0] != folder(2)[0]);
}

#[test]
fn every_epoch_has_every_image_once_in_a_new_order() {
    /// An engine that records the images it trains on.
    struct Recorder(LogisticRegression, Vec<Vec<u16>>);
    impl Engine for Recorder {
        fn network(&self) -> &modiste_spec::Network {
            self.0.network()
        }
        fn describe(&self) -> String {
            self.0.describe()
        }
        fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
            assert_eq!(step.number, self.1.len() as u64);
            // The brightest channel gives the class, whatever the augmentation.
            let Targets::Classes(labels) = batch.targets else { panic!("nothing mixes labels") };
            self.1.push(labels.to_vec());
            self.0.submit(batch, step)
        }
        fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
            self.0.totals(sums)
        }
        fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
            self.0.predict(images, weights)
        }
        fn state(&mut self) -> State {
            self.0.state()
        }
        fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
            self.0.load_state(state)
        }
    }
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config()).unwrap();
    let mut engine = Recorder(LogisticRegression::new(), Vec::new());
    fit(&mut engine, &dataset(), &run, &mut |_: &Event<'_>| (), &false.into()).unwrap();
    let sizes: Vec<usize> = engine.1.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 4, 1].repeat(3));
    let epochs: Vec<Vec<u16>> = engine.1.chunks(4).map(|steps| steps.concat()).collect();
    assert_ne!(epochs[0], epochs[1]);
    for mut labels in epochs {
        labels.sort();
        assert_eq!(labels, [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    }
}

#[test]
fn without_a_validation_set_the_last_epoch_gives_the_model() {
    let data = Dataset { validation: images_of(0, 1), ..dataset() };
    let (root, summary) = run_on(&config(), &data);
    assert_eq!((summary.epochs, summary.best.epoch), (3, 3));
    assert_eq!((summary.best.validation_loss, summary.best.validation_accuracy), (None, None));
    let model = Model::load(&root.path().join("best.safetensors")).unwrap();
    assert_eq!(model.confidence, None);
    // The weights equal those of a run that evaluates a validation set in between.
    let (other, _) = run_on(&config(), &dataset());
    let [alone, watched] = [&root, &other].map(|root| {
        let bytes = std::fs::read(root.path().join("last.ckpt")).unwrap();
        modiste_train::parse_checkpoint(&bytes, "last.ckpt").unwrap().state
    });
    assert_eq!(alone.parameters, watched.parameters);
    let rows = read_metrics(&root.path().join("metrics.csv")).unwrap();
    assert!(rows.iter().all(|row| row.metrics.validation_auroc.is_none()));
    // Settings that depend on validation numbers are refused.
    let mut config = config();
    config.training.early_stopping.patience = 1;
    let error = config.check_data(&data).unwrap_err().to_string();
    assert!(
        error.starts_with("training.early_stopping.patience: needs a validation set"),
        "{error}"
    );
    let error = config.check_comparable(&data).unwrap_err().to_string();
    assert!(error.contains("has no validation set to compare by"), "{error}");
}

#[test]
fn early_stopping_counts_epochs_that_do_not_improve() {
    let mut config = config();
    config.training.epochs = 50;
    config.training.select_by = SelectBy::Loss;
    config.training.schedule = Schedule::Constant { learning_rate: 1e-9 };
    config.training.early_stopping.patience = 4;
    config.training.early_stopping.min_delta = 1e-3;
    let (root, summary) = run_on(&config, &dataset());
    // Nothing changes, so the four epochs after the first do not improve.
    assert_eq!((summary.epochs, summary.stopped_early), (5, true));
    let log = std::fs::read_to_string(root.path().join("log.txt")).unwrap();
    assert!(log.trim_end().ends_with("stopped early"), "{log}");
}

#[test]
fn class_weights_change_the_predictions() {
    let of_class_0 = |weights| {
        let mut config = config();
        config.training.class_weights = ClassWeights::List(weights);
        config.training.label_smoothing = 0.0;
        let (root, _) = run_on(&config, &dataset());
        let model = Model::load(&root.path().join("best.safetensors")).unwrap();
        let mut engine = LogisticRegression::new();
        engine.load_state(&model.state()).unwrap();
        let logits = engine.predict(&dataset().validation.images.pixels, Weights::Current).unwrap();
        logits.chunks(CLASSES).filter(|row| modiste_metrics::argmax(row) == 0).count()
    };
    assert!(of_class_0(vec![20.0, 1.0, 1.0]) > of_class_0(vec![0.05, 1.0, 1.0]));
}

#[test]
fn balanced_weights_agree_with_scikit_learn() {
    let mut data = dataset();
    // 13 images: 5, 4 and 4 per class. compute_class_weight gives n / (classes x count).
    let weighted = |weights, data: &Dataset| {
        let mut config = config();
        config.training.class_weights = weights;
        let (root, _) = run_on(&config, data);
        Model::load(&root.path().join("best.safetensors")).unwrap().parameters
    };
    let list = [5.0, 4.0, 4.0].map(|count| 13.0 / (3.0 * count)).to_vec();
    let balanced = weighted(ClassWeights::Balanced, &data);
    assert_eq!(balanced, weighted(ClassWeights::List(list), &data));
    assert_ne!(balanced, weighted(ClassWeights::None, &data));
    // With equal counts, balanced weights equal no weights.
    data.train = images_of(12, 1);
    assert_eq!(weighted(ClassWeights::Balanced, &data), weighted(ClassWeights::None, &data));
}

#[test]
fn observers_receive_every_event_in_order() {
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config()).unwrap();
    let mut told = Vec::new();
    let outcome = train_watched(&run, |event, _| {
        told.push(match event {
            Event::Started { steps, images, .. } => format!("start {images} {steps}"),
            Event::Step { epoch, epochs, step, steps, .. } => {
                format!("step {step}/{steps} of {epoch}/{epochs}")
            }
            Event::Validating { epoch, done, images } => format!("{done}/{images} of {epoch}"),
            Event::EpochEnded { metrics, logits, labels, .. } => {
                let accuracy = modiste_metrics::accuracy(logits, labels, CLASSES);
                assert_eq!(Some(accuracy), metrics.validation_accuracy);
                format!("end of {}", metrics.epoch)
            }
            Event::Written { file } => file.file_name().unwrap().display().to_string(),
            Event::Ended { .. } => "end".into(),
        });
    });
    assert_eq!(
        told[..10],
        [
            "start 13 4",
            "step 1/4 of 1/3",
            "step 2/4 of 1/3",
            "step 3/4 of 1/3",
            "step 4/4 of 1/3",
            "30/30 of 1",
            "end of 1",
            "best.safetensors",
            "metrics.csv",
            "last.ckpt"
        ]
    );
    assert_eq!(told[10], "step 1/4 of 2/3");
    assert_eq!(told.last().unwrap(), "end");
    assert!(matches!(outcome.unwrap(), Outcome::Finished(_)));
}

#[test]
fn an_interruption_says_what_to_resume() {
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config()).unwrap();
    let outcome = common::train_steps(&run, 6).unwrap();
    let checkpoint = root.path().join("last.ckpt");
    assert_eq!(outcome, Outcome::Interrupted { epoch: 2, steps_done: 2, checkpoint });
    // The same run may go on in the same process.
    assert!(matches!(train(&run).unwrap(), Outcome::Finished(_)));
}

#[test]
fn the_learning_rate_of_each_step_follows_the_schedule() {
    let mut config = config();
    let schedule = Schedule::Cosine { learning_rate: 0.1, warmup_epochs: 1.0, floor: 0.01 };
    config.training.schedule = schedule;
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config).unwrap();
    let mut rates = Vec::new();
    train_watched(&run, |event, _| {
        if let Event::Step { learning_rate, .. } = event {
            rates.push(*learning_rate);
        }
    })
    .unwrap();
    let expected = (0..12).map(|step| schedule.learning_rate(step, 12, 4, &Default::default()));
    assert_eq!(rates, expected.collect::<Vec<_>>());
    let rows = read_metrics(&root.path().join("metrics.csv")).unwrap();
    assert_eq!(rows[1].metrics.learning_rate, rates[7]);
}
