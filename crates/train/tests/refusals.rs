//! A run refuses bad input with one line that names the file, and leaves existing files unchanged.

mod common;

use std::path::Path;

use common::{LogisticRegression, config, dataset, outcome_of, train, train_steps};
use modiste_data::Dataset;
use modiste_spec::Engine;
use modiste_train::{Config, Event, Run, TrainError, fit};

/// A run that was interrupted in its second epoch.
fn interrupted(folder: &Path) {
    train_steps(&Run::create(folder, &config()).unwrap(), 6).unwrap();
}

fn resume_with(folder: &Path, engine: &mut dyn Engine, data: &Dataset) -> Result<(), TrainError> {
    let run = Run::resume(folder)?;
    fit(engine, data, &run, &mut |_: &Event<'_>| (), &false.into()).map(|_| ())
}

/// The one-line error of resuming; expects that nothing but the log has changed.
fn refused(folder: &Path, engine: &mut dyn Engine, data: &Dataset) -> String {
    let before = outcome_of(folder);
    let error = resume_with(folder, engine, data).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    assert!(outcome_of(folder) == before, "{error}");
    error
}

#[test]
fn a_folder_holds_one_run() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b/run");
    interrupted(&folder);
    let before = outcome_of(&folder);
    let error = Run::create(&folder, &Config::paper()).unwrap_err().to_string();
    let expected = "already holds a run (config.toml); resume it or choose another folder";
    assert_eq!(error, format!("{}: {expected}", folder.display()));
    std::fs::remove_file(folder.join("config.toml")).unwrap();
    let error = Run::create(&folder, &Config::paper()).unwrap_err().to_string();
    assert!(error.contains("already holds a run (last.ckpt)"), "{error}");
    assert!(outcome_of(&folder) == before);
}

#[test]
fn a_run_belongs_to_one_process() {
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config()).unwrap();
    let expected =
        format!("{}: is in use: another process is training there", root.path().display());
    // The process and its start time follow.
    let errors = [Run::resume(root.path()), Run::create(root.path(), &config())];
    for error in errors.map(|run| run.unwrap_err().to_string()) {
        assert!(error.starts_with(&expected) && error.contains("(pid "), "{error}");
    }
    drop(run);
    Run::resume(root.path()).unwrap();
}

#[test]
fn a_folder_without_a_run_cannot_be_resumed() {
    let root = tempfile::tempdir().unwrap();
    let error = Run::resume(&root.path().join("none")).unwrap_err().to_string();
    assert!(error.ends_with("none: has no run to resume: config.toml is missing"), "{error}");
    assert!(!root.path().join("none").exists());
    std::fs::write(root.path().join("config.toml"), "[data]\nsource = 3").unwrap();
    let error = Run::resume(root.path()).unwrap_err().to_string();
    assert!(error.contains("config.toml:"), "{error}");
}

#[test]
fn an_invalid_configuration_creates_no_folder() {
    let root = tempfile::tempdir().unwrap();
    let mut config = config();
    config.training.batch = 0;
    let error = Run::create(&root.path().join("run"), &config).unwrap_err().to_string();
    assert_eq!(error, "training.batch: 0 is not a whole number from 1 up");
    assert!(!root.path().join("run").exists());
}

#[test]
fn a_file_is_refused_as_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let error = Run::create(&file, &config()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: failed to create: ", file.display())), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_changed_configuration_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    interrupted(&folder);
    let path = folder.join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("epochs = 3", "epochs = 5");
    std::fs::write(&path, text).unwrap();
    let error = refused(&folder, &mut LogisticRegression::new(), &dataset());
    let problem = "training.epochs is 5, but 3 in last.ckpt; do not change config.toml of a run";
    assert_eq!(error, format!("{}: {problem}", path.display()));
}

#[test]
fn other_images_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    interrupted(&folder);
    let mut data = dataset();
    data.train.images.pixels[17] ^= 1;
    let error = refused(&folder, &mut LogisticRegression::new(), &data);
    assert!(error.contains("last.ckpt: was trained on other images: 13 of channels"), "{error}");
}

#[test]
fn another_network_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    interrupted(&folder);
    let mut data = dataset();
    data.classes.push("grey".into());
    let mut four = LogisticRegression::with_classes(4);
    let error = refused(&folder, &mut four, &data);
    assert!(error.contains("last.ckpt: is the checkpoint of another network: node 2 is \"dense\" Dense { units: 3 }"), "{error}");
    let error = refused(&folder, &mut four, &dataset());
    assert_eq!(error, "network: has 4 classes, channels has 3");
}

#[test]
fn a_part_without_images_or_labels_is_refused() {
    let check = |change: fn(&mut Dataset), expected: &str| {
        let root = tempfile::tempdir().unwrap();
        drop(Run::create(root.path(), &config()).unwrap());
        let mut data = dataset();
        change(&mut data);
        let error = resume_with(root.path(), &mut LogisticRegression::new(), &data).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(
        |data| data.train = common::images_of(0, 0),
        "the training part of channels is empty; training needs a training set",
    );
    check(|data| data.train.labels = None, "the training part of channels has no labels");
    let grey = |data: &mut Dataset| data.train.images.shape.channels = 1;
    check(grey, "network: takes images of 2x2x3, but those of channels are 2x2x1");
}

#[test]
fn every_class_needs_a_weight() {
    let root = tempfile::tempdir().unwrap();
    let mut config = config();
    config.set("class_weights", "1,2").unwrap();
    let error = train(&Run::create(root.path(), &config).unwrap()).unwrap_err().to_string();
    assert_eq!(error, "training.class_weights: 2 weights for 3 classes");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    interrupted(&folder);
    let path = folder.join("last.ckpt");
    let whole = std::fs::read(&path).unwrap();
    for damage in [whole[..whole.len() / 2].to_vec(), Vec::new(), b"not a checkpoint".to_vec()] {
        std::fs::write(&path, damage).unwrap();
        let error = refused(&folder, &mut LogisticRegression::new(), &dataset());
        assert!(error.starts_with(&format!("{}: ", path.display())), "{error}");
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_saves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let mut config = config();
    config.training.checkpoint_minutes = 1e-9;
    train_steps(&Run::create(&folder, &config).unwrap(), 6).unwrap();
    let mut engine = LogisticRegression::new();
    engine.fails_at = Some(6);
    let error = refused(&folder, &mut engine, &dataset());
    let expected = format!(
        "the training loss is not finite in epoch 2, step 3 (learning rate 0.05); last good \
         checkpoint: {} (epoch 2, 2 steps done); try a lower training.schedule.learning_rate or a \
         longer warm-up",
        folder.join("last.ckpt").display()
    );
    assert_eq!(error, expected);
    let log = std::fs::read_to_string(folder.join("log.txt")).unwrap();
    assert!(log.trim_end().ends_with(&format!("failed: {expected}")), "{log}");
}

/// With such a high learning rate parameters overflow while each loss is still finite.
#[test]
fn parameters_that_are_not_finite_are_not_saved() {
    let root = tempfile::tempdir().unwrap();
    let mut config = config();
    config.set("learning_rate", "1e39").unwrap();
    config.training.checkpoint_minutes = 1e-9;
    let error = train(&Run::create(root.path(), &config).unwrap()).unwrap_err().to_string();
    let expected = "parameter \"dense.weight\" is not finite in epoch 1, step 1 (learning rate";
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains("last good checkpoint: none yet;"), "{error}");
    assert!(!root.path().join("last.ckpt").exists());
}
