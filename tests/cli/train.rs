//! `modiste train` from the first image to the report.

use std::fs;
use std::path::Path;

use crate::util::{Folder, TINY, bytes};

/// The files of a finished run.
const FILES: [&str; 15] = [
    "config.toml",
    "environment.json",
    "metrics.csv",
    "summary.json",
    "last.ckpt",
    "best.safetensors",
    "log.txt",
    "report.html",
    "report.md",
    "digests.csv",
    "worst_mistakes.csv",
    "figures/curves.svg",
    "figures/confusion-validation.png",
    "figures/roc-validation.svg",
    "evaluation.json",
];

#[test]
fn a_run_leaves_all_its_files_and_numbers() {
    let folder = Folder::new();
    let said = folder.train(&["--out", "run", "--json"]).expect(0);
    let json = said.json();
    assert_eq!((&json["epochs"], &json["run"]), (&3.into(), &"run".into()));
    let best = json["best_epoch"].as_u64().unwrap();
    assert!((1..=3).contains(&best), "{best}");
    assert_eq!(json["network"]["parameters"], 124_410);
    for (object, field) in [
        ("network", "length"),
        ("network", "width"),
        ("network", "dropout"),
        ("network", "stem_stride"),
        ("train", "accuracy"),
        ("train", "loss"),
        ("validation", "accuracy"),
        ("validation", "loss"),
        ("validation", "auroc"),
    ] {
        assert!(json[object][field].is_number(), "{object}.{field} in {json}");
    }
    for field in ["seconds", "images_per_second"] {
        assert!(json[field].as_f64().unwrap() > 0.0, "{field} in {json}");
    }
    for file in FILES {
        assert!(!bytes(&folder.path("run").join(file)).is_empty(), "{file}");
    }
    assert_eq!(event_files(&folder.path("run")), 1);
    // One line per epoch without a terminal.
    assert_eq!(said.stderr.lines().filter(|line| line.starts_with("epoch ")).count(), 3);
}

#[test]
fn the_configuration_alone_repeats_a_run() {
    let folder = Folder::new();
    folder.train(&["--out", "first", "--seed", "7", "--lr", "0.003", "--quiet"]).expect_quiet();
    folder.run(&["train", "--config", "first/config.toml", "--out", "again"]).expect(0);
    let [first, again] = ["first", "again"]
        .map(|run| ["best.safetensors", "config.toml"].map(|f| bytes(&folder.path(run).join(f))));
    assert!(first == again);
    folder.train(&["--out", "other", "--seed", "8", "--lr", "0.003"]).expect(0);
    assert!(bytes(&folder.path("other/best.safetensors")) != first[0]);
}

#[test]
fn without_out_the_run_is_called_after_time_and_preset() {
    let folder = Folder::new();
    let said = folder.train(&[]).expect(0);
    let run = fs::read_dir(folder.path("runs")).unwrap().next().unwrap().unwrap();
    let name = run.file_name().into_string().unwrap();
    assert!(name.starts_with("20") && name.ends_with("-light"), "{name}");
    // The next command is printed so that it can be pasted.
    let next = format!("modiste evaluate runs/{name} --part test");
    assert!(said.stdout.contains(&next), "{}", said.stdout);
}

#[test]
fn every_setting_reaches_the_configuration() {
    let folder = Folder::new();
    let args = ["--schedule", "plateau", "--set", "training.schedule.patience=3", "--flip"];
    let args = [&args[..], &["--alternating-flip=false", "--class-weights", "balanced"]].concat();
    folder.train(&[&args[..], &["--out", "run"]].concat()).expect(0);
    let config = String::from_utf8(bytes(&folder.path("run/config.toml"))).unwrap();
    for line in ["kind = \"plateau\"", "patience = 3", "flip = true", "split = \"120/40/20\""] {
        assert!(config.lines().any(|l| l == line), "{line} is not in {config}");
    }
    assert!(config.contains("class_weights = \"balanced\""), "{config}");
}

#[test]
fn a_finished_run_is_only_evaluated_again() {
    let folder = Folder::new();
    let first = folder.train(&["--out", "run", "--json"]).expect(0).json();
    let model = bytes(&folder.path("run/best.safetensors"));
    let again = folder.run(&["train", "--resume", "run", "--json"]).expect(0).json();
    assert_eq!(first["validation"], again["validation"]);
    assert!(bytes(&folder.path("run/best.safetensors")) == model);
}

#[test]
fn a_run_is_not_overwritten() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let model = bytes(&folder.path("run/best.safetensors"));
    folder.train(&["--out", "run", "--seed", "3"]).expect_error(1, &["run: already holds a run"]);
    assert!(bytes(&folder.path("run/best.safetensors")) == model);
}

#[test]
fn a_batch_of_classes_without_weight_is_passed_over() {
    let folder = Folder::new();
    let weights = ["--class-weights", "0,0,0,0,0,0,0,0,0,1", "--set", "batch=1", "--epochs", "1"];
    let tiny = [&["train"], &TINY[..8], &TINY[12..], &["--quiet", "--out", "r"], &weights].concat();
    folder.run(&tiny).expect_quiet();
    let weights = ["--class-weights", "0,0,0,0,0,0,0,0,0,1e-300", "--quiet"];
    folder.train(&weights).expect_error(2, &["training.class_weights"]);
}

#[test]
fn large_images_are_learned_flat_too() {
    let folder = Folder::new();
    folder.idx("large", 100, 2);
    let data = ["--data", "large", "--split", "12/6/6", "--preset", "mlp", "--units", "4"];
    let args = ["--epochs", "1", "--quiet", "--out", "r"];
    folder.run(&[&["train"], &data[..], &args].concat()).expect_quiet();
    let said = folder.run(&["evaluate", "r", "--part", "test", "--json"]).expect_quiet().json();
    assert_eq!(said["images"], 6);
    fs::write(folder.path("x.png"), bytes(&folder.path("r/figures/curves.png"))).unwrap();
    let said = folder.run(&["predict", "r", "x.png"]).expect_quiet();
    assert!(said.stdout.contains("x.png") && said.stdout.contains("photograph"), "{}", said.stdout);
    folder.run(&["evaluate", "r", "--mirror"]).expect_quiet();
    folder.run(&["export", "r", "--format", "html"]).expect_quiet();
    let said = folder.run(&["train", "--preset", "mlp", "--units", "8192", "--layers", "6"]);
    said.expect_error(1, &["layers.4.dense", "parameters"]);
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_advice() {
    let folder = Folder::new();
    let args = [&TINY[..], &["--schedule", "constant", "--lr", "1e30", "--out", "run"]].concat();
    let said = folder.run(&[&["train"], &args[..]].concat());
    said.expect_error(1, &["is not finite", "step", "checkpoint", "learning_rate"]);
}

fn event_files(run: &Path) -> usize {
    let names = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("events.out.tfevents.")).count()
}
