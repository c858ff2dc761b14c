//! Continuing: more epochs, moved data, a model to start from, folders that a model has never seen.

use std::fs;

use crate::util::{Folder, TINY, bytes};

/// A run of three epochs on a folder of IDX files of four classes.
fn run_on_folder(folder: &Folder) -> Vec<&'static str> {
    folder.idx("data", 12, 4);
    let mut args = vec!["train", "--data", "data", "--split", "24/12/12", "--out", "run"];
    args.extend(&TINY[2..]);
    folder.run(&args).expect(0);
    args
}

#[test]
fn a_finished_run_takes_more_epochs_and_no_fewer() {
    let folder = Folder::new();
    run_on_folder(&folder);
    let before = fs::read_to_string(folder.path("run/metrics.csv")).unwrap();
    let json =
        folder.run(&["train", "--resume", "run", "--epochs", "5", "--json"]).expect(0).json();
    assert_eq!(json["epochs"], 5);
    let after = fs::read_to_string(folder.path("run/metrics.csv")).unwrap();
    assert!(after.starts_with(&before) && after.lines().count() == 6, "{after}");
    let config = fs::read_to_string(folder.path("run/config.toml")).unwrap();
    assert!(config.contains("epochs = 5"), "{config}");
    let fewer = folder.run(&["train", "--resume", "run", "--epochs", "4"]);
    fewer.expect_error(1, &["training.epochs: 4 is below 5, the number of epochs done"]);
    folder.run(&["train", "--resume", "run"]).expect(0);
    let other = folder.run(&["train", "--resume", "run", "--batch", "3"]);
    other.expect_error(2, &["training.batch: a run keeps its own settings"]);
}

#[test]
fn data_that_moved_are_named_again_and_other_data_are_refused() {
    let folder = Folder::new();
    run_on_folder(&folder);
    fs::rename(folder.path("data"), folder.path("moved")).unwrap();
    let lost = folder.run(&["train", "--resume", "run", "--epochs", "4"]);
    lost.expect_error(1, &["run: the run's data cannot be loaded", "--data"]);
    folder.run(&["train", "--resume", "run", "--epochs", "4", "--data", "moved"]).expect(0);
    folder.run(&["train", "--resume", "run"]).expect(0);
    folder.idx("other", 12, 4);
    let labels = folder.path("other/train-labels-idx1-ubyte");
    let mut changed = bytes(&labels);
    changed[8..].reverse();
    fs::write(&labels, changed).unwrap();
    let config = bytes(&folder.path("run/config.toml"));
    let other = folder.run(&["train", "--resume", "run", "--data", "other"]);
    other.expect_error(1, &["data.source: other does not hold the images of the run"]);
    assert!(bytes(&folder.path("run/config.toml")) == config);
}

#[test]
fn a_run_starts_from_a_model_and_keeps_frozen_blocks() {
    let folder = Folder::new();
    let args = run_on_folder(&folder);
    let more = |out: &'static str, freeze: &'static str| {
        let mut more = vec!["train", "--data", "data", "--split", "24/12/12", "--out", out];
        more.extend(["--from", "run", "--freeze", freeze, "--epochs", "1", "--batch", "16"]);
        more
    };
    folder.run(&more("again", "0")).expect(0);
    let network = |run: &str| {
        let text = fs::read_to_string(folder.path(run).join("config.toml")).unwrap();
        text.split("[training]").next().unwrap().split("[network]").nth(1).unwrap().to_owned()
    };
    assert_eq!(network("again"), network("run"));
    folder.run(&more("frozen", "1")).expect(0);
    let all = folder.run(&more("none", "99")).expect(1).stderr;
    assert!(all.contains("training.freeze: 99 is not below"), "{all}");
    let wide = [&args[..5], &["--out", "wide", "--from", "run", "--width", "2"]].concat();
    folder.run(&wide).expect_error(1, &["run: has another network"]);
    let alone = folder.run(&["train", "--freeze", "1", "--out", "x"]);
    alone.expect_error(2, &["training.freeze: 1 has no effect without training.from"]);
}

#[test]
fn a_labelled_folder_is_evaluated_whole() {
    let folder = Folder::new();
    run_on_folder(&folder);
    let json = folder.run(&["evaluate", "run", "data", "--json"]).expect(0).json();
    // Twelve training and twelve test images per class.
    assert_eq!((&json["images"], &json["part"]), (&96.into(), &"all".into()));
    let text = folder.run(&["evaluate", "run", "data"]).expect(0).stdout;
    assert!(text.contains("on all 96 images of data"), "{text}");
    folder.idx("five", 12, 5);
    folder.run(&["evaluate", "run", "five"]).expect_error(1, &["five: ", "class"]);
    folder.run(&["evaluate", "run", "data", "--part", "test"]).expect(2);
}
