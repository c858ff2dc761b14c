//! `modiste evaluate`.

use std::fs;

use crate::util::{Folder, bytes};

#[test]
fn json_has_the_promised_fields_and_they_agree() {
    let folder = Folder::new();
    let trained = folder.train(&["--out", "run", "--json"]).expect(0).json();
    let args = ["evaluate", "run", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!((&json["part"], &json["images"]), (&"validation".into(), &40.into()));
    for field in ["accuracy", "loss", "auroc"] {
        assert_eq!(json[field], trained["validation"][field], "{field}");
    }
    assert!(json["calibration"]["ece"].is_number());
    let confusion = json["confusion"].as_array().unwrap();
    let count = |row: usize, column: usize| confusion[row][column].as_u64().unwrap();
    let right: u64 = (0..10).map(|i| count(i, i)).sum();
    let all: u64 =
        (0..10).flat_map(|i| (0..10).map(move |j| (i, j))).map(|(i, j)| count(i, j)).sum();
    assert_eq!(all, 40);
    assert_eq!(json["accuracy"].as_f64().unwrap(), right as f64 / 40.0);
    let classes = json["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 10);
    for field in ["name", "precision", "recall", "f1", "support", "auroc"] {
        assert!(classes.iter().all(|class| class.get(field).is_some()), "{field}");
    }
}

#[test]
fn the_test_part_is_another_one() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let args = ["evaluate", "run/best.safetensors", "--part", "test", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!((&json["part"], &json["images"]), (&"test".into(), &20.into()));
    let args = ["evaluate", "run", "--split", "paper", "--part", "test", "--json"];
    assert_eq!(folder.run(&args).expect(0).json()["images"], 1000);
}

#[test]
fn mistakes_are_those_of_the_confusion_matrix() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let said = folder.run(&["evaluate", "run", "--mistakes", "wrong.csv", "--json"]).expect(0);
    let right = (said.json()["accuracy"].as_f64().unwrap() * 40.0).round() as usize;
    let csv = String::from_utf8(bytes(&folder.path("wrong.csv"))).unwrap();
    assert!(csv.starts_with("index,truth,prediction,probability,"), "{csv}");
    assert_eq!(csv.lines().count() - 1, 40 - right);
}

#[test]
fn a_model_says_which_images_it_takes() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    folder.idx("tiny", 16, 2);
    let said = folder.run(&["evaluate", "run", "--data", "tiny", "--split", "8/8/8"]);
    said.expect_error(1, &["run: has the classes T-shirt/top, Trouser", "tiny has 0, 1"]);
    folder.idx("few", 28, 2);
    let said = folder.run(&["evaluate", "run", "--data", "few", "--split", "8/8/8"]);
    said.expect_error(1, &["run: has the classes T-shirt/top, Trouser", "few has 0, 1"]);
}

#[test]
fn images_that_changed_since_training_are_noted() {
    let folder = Folder::new();
    folder.idx("data", 28, 2);
    let args = ["--data", "data", "--split", "12/6/6", "--out", "r", "--quiet"];
    let small = ["--preset", "light", "--length", "1", "--width", "1", "--epochs", "1"];
    folder.run(&[&["train"], &args[..], &small].concat()).expect_quiet();
    folder.run(&["evaluate", "r"]).expect_quiet();
    let path = folder.path("data/train-images-idx3-ubyte");
    let mut images = fs::read(&path).unwrap();
    images[16..].iter_mut().for_each(|pixel| *pixel ^= 1);
    fs::write(&path, images).unwrap();
    let said = folder.run(&["evaluate", "r"]).expect(0);
    assert!(said.stderr.contains("data has other images than the model"), "{}", said.stderr);
}

#[test]
fn images_of_ones_own_are_trained_on_and_found_again() {
    let folder = Folder::new();
    folder.idx("mine", 16, 3);
    let train = [
        "train", "--data", "mine", "--split", "12/12/12", "--preset", "light", "--length", "1",
        "--width", "1",
    ];
    let rest = ["--epochs", "2", "--batch", "4", "--out", "run", "--json"];
    let json = folder.run(&[&train[..], &rest].concat()).expect(0).json();
    assert_eq!((&json["data"], &json["validation"]["images"]), (&"mine".into(), &12.into()));
    // The run stores the path of the folder, the model only its name.
    let json = folder.run(&["evaluate", "run", "--json"]).expect(0).json();
    assert_eq!((&json["data"], &json["classes"][2]["name"]), (&"mine".into(), &"2".into()));
    let model = ["evaluate", "run/best.safetensors", "--part", "test"];
    folder.run(&model).expect_error(2, &["best.safetensors: was trained on mine", "--data"]);
    folder.run(&[&model[..], &["--data", "mine"]].concat()).expect(0);
}

#[test]
fn a_presets_name_is_its_trained_model() {
    let folder = Folder::new();
    // As docs/record.md has them, for seed 1 and for seed 0.
    for (name, accuracy) in [("swift", 0.9405), ("small", 0.9462)] {
        let said = folder.run(&["evaluate", name, "--part", "test", "--json"]).expect_quiet();
        assert_eq!(said.json()["accuracy"], accuracy, "{name}");
    }
    // What has that name here comes first.
    fs::write(folder.path("swift"), "no model").unwrap();
    folder.run(&["evaluate", "swift"]).expect_error(1, &["swift: ", "safetensors"]);
}
