//! `modiste verify`.

use std::fs;

use crate::util::{Folder, bytes};

#[test]
fn a_run_comes_out_again_bit_for_bit() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let before = bytes(&folder.path("run/best.safetensors"));
    let json =
        folder.run(&["verify", "run", "--quiet", "--json", "--threads", "1"]).expect(0).json();
    assert_eq!((&json["same"], &json["epochs"]), (&true.into(), &3.into()));
    assert_eq!((&json["numbers"], &json["states"]), (&18.into(), &3.into()));
    assert_eq!((&json["parameters"], &json["model_bytes"]), (&true.into(), &true.into()));
    assert_eq!(json["conditions"], serde_json::json!({ "data_known": true }));
    assert!(before == bytes(&folder.path("run/best.safetensors")), "the run was touched");
    let said = folder.run(&["verify", "run", "--epochs", "1"]).expect(0);
    assert!(said.stdout.starts_with("run: repeated 1 of 3 epochs\ncompared: 6 numbers of"));
    assert!(said.stdout.ends_with("everything was reproduced, bit for bit\n"), "{}", said.stdout);
}

#[test]
fn what_differs_is_named() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let verify = |status: i32, texts: &[&str]| {
        folder.run(&["verify", "run", "--quiet", "--epochs", "1"]).expect_error(status, texts)
    };
    let metrics = fs::read_to_string(folder.path("run/metrics.csv")).unwrap();
    let row: Vec<&str> = metrics.lines().nth(1).unwrap().split(',').collect();
    // Formatted as the number would be after reading it.
    let loss = format!("9{}", row[4]).parse::<f64>().unwrap().to_string();
    let other = metrics.replacen(row[4], &loss, 1);
    fs::write(folder.path("run/metrics.csv"), &other).unwrap();
    let texts = ["run: was not reproduced: epoch 1: validation_loss is", "recorded", &loss];
    let said = verify(1, &texts);
    assert!(said.stdout.contains("\ndiffers: epoch 1: validation_loss is"), "{}", said.stdout);
    fs::write(folder.path("run/metrics.csv"), &metrics).unwrap();

    let path = folder.path("run/digests.csv");
    let digests = fs::read_to_string(&path).unwrap();
    let state = digests.lines().nth(1).unwrap().split_once(',').unwrap().1;
    fs::write(&path, digests.replacen(state, "00000000", 1)).unwrap();
    verify(1, &["epoch 1: the state is", "recorded 00000000"]);
    fs::write(&path, &digests).unwrap();
    verify_data(&folder);
}

/// Other images are reported before anything is trained.
fn verify_data(folder: &Folder) {
    folder.idx("mine", 28, 3);
    folder.idx("other", 28, 3);
    let path = folder.path("other/train-images-idx3-ubyte");
    let mut images = bytes(&path);
    *images.last_mut().unwrap() ^= 1;
    fs::write(&path, images).unwrap();
    let train = [
        "train", "--data", "mine", "--split", "24/12/36", "--preset", "light", "--length", "1",
        "--width", "1",
    ];
    let rest = ["--stem-stride", "4", "--epochs", "1", "--batch", "8", "--out", "own"];
    folder.run(&[&train[..], &rest].concat()).expect(0);
    folder.run(&["verify", "own", "--quiet"]).expect(0);
    let said = folder.run(&["verify", "own", "--quiet", "--data", "other"]);
    said.expect_error(1, &["own: the data has changed: checksum", "nothing was trained"]);
}

#[test]
fn what_cannot_be_verified() {
    let folder = Folder::new();
    folder.run(&["verify", "nowhere"]).expect_error(1, &["nowhere/config.toml: failed to read"]);
    folder.train(&["--out", "run"]).expect(0);
    let said = folder.run(&["verify", "run", "--epochs", "4"]);
    said.expect_error(2, &["--epochs 4: the run has 3 epochs"]);
    folder.run(&["verify", "run", "--epochs", "0"]).expect(2);
    fs::remove_file(folder.path("run/metrics.csv")).unwrap();
    folder.run(&["verify", "run"]).expect_error(1, &["run/metrics.csv: failed to read"]);
}
