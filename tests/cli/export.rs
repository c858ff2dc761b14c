//! `modiste export`.

use std::fs;

use crate::util::{Folder, bytes};

#[test]
fn onnx_is_checked_by_another_runtime_and_written_beside_the_model() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let said = folder.run(&["export", "run"]).expect_quiet();
    assert!(said.stdout.starts_with("run/best.onnx: "), "{}", said.stdout);
    assert!(said.stdout.contains("the same answers to 40 images"), "{}", said.stdout);
    let first = bytes(&folder.path("run/best.onnx"));
    let args = ["export", "run/best.safetensors", "--out", "other.onnx", "--json"];
    let json = folder.run(&args).expect_quiet().json();
    assert_eq!((&json["format"], &json["out"]), (&"onnx".into(), &"other.onnx".into()));
    assert_eq!(json["bytes"].as_u64().unwrap(), first.len() as u64);
    assert_eq!(json["check"]["runtime"], "rten");
    assert!(json["check"]["largest_difference"].as_f64().unwrap() <= 1e-5);
    assert!(first == bytes(&folder.path("other.onnx")), "the same model gave other bytes");
    let text = String::from_utf8_lossy(&first);
    for part in ["Ankle boot", "data_checksum", "[network]", "divisor", "temperature"] {
        assert!(text.contains(part), "{part:?} is not part of the model");
    }
}

#[test]
fn weights_are_a_plain_safetensors_file() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let json = folder.run(&["export", "run", "--format", "safetensors", "--json"]).expect(0).json();
    assert_eq!(
        (&json["out"], &json["check"]),
        (&"run/best.weights.safetensors".into(), &().into())
    );
    let file = bytes(&folder.path("run/best.weights.safetensors"));
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    assert_eq!(header["dense.weight"]["shape"], serde_json::json!([10, 192]));
    assert_eq!(header.get("__metadata__"), None);
    // It is no model: what makes it one is left out.
    let said = folder.run(&["evaluate", "run/best.weights.safetensors"]);
    said.expect_error(1, &["best.weights.safetensors: metadata entry \"format\" is missing"]);
}

#[test]
fn images_of_ones_own() {
    let folder = Folder::new();
    folder.idx("mine", 16, 3);
    let train = ["train", "--data", "mine", "--split", "12/12/12", "--length", "1", "--width", "1"];
    folder
        .run(&[&train[..], &["--epochs", "1", "--batch", "4", "--out", "run"]].concat())
        .expect(0);
    let json = folder.run(&["export", "run", "--json"]).expect(0).json();
    assert_eq!(json["check"]["images"], 8);
}

#[test]
fn what_cannot_be_exported_or_written() {
    let folder = Folder::new();
    folder.run(&["export", "nowhere"]).expect_error(1, &["nowhere: failed to read"]);
    fs::write(folder.path("text"), "text").unwrap();
    folder.run(&["export", "text"]).expect_error(1, &["text: is not a whole safetensors file"]);
    folder.train(&["--out", "run"]).expect(0);
    let before = bytes(&folder.path("run/best.safetensors"));
    let said = folder.run(&["export", "run", "--out", "run/best.safetensors"]);
    said.expect_error(2, &["run/best.safetensors: is the model itself"]);
    assert!(before == bytes(&folder.path("run/best.safetensors")));
    let said = folder.run(&["export", "run", "--out", "nowhere/m.onnx"]);
    said.expect_error(1, &["nowhere/m.onnx: failed to write", "No such file"]);
    folder.run(&["export", "run", "--format", "tflite"]).expect(2);
}
