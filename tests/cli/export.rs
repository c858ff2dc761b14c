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
    // It is not a model file: the metadata of models is left out.
    let said = folder.run(&["evaluate", "run/best.weights.safetensors"]);
    said.expect_error(1, &["best.weights.safetensors: metadata entry \"format\" is missing"]);
}

#[test]
fn images_of_ones_own() {
    let folder = Folder::new();
    folder.idx("mine", 16, 3);
    let train = [
        "train", "--data", "mine", "--split", "12/12/12", "--preset", "light", "--length", "1",
        "--width", "1",
    ];
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

#[test]
fn c_is_written_with_its_header_and_says_what_it_needs() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let said = folder.run(&["export", "run", "--format", "c"]).expect_quiet();
    let stdout = &said.stdout;
    assert!(stdout.starts_with("run/best.c: ") && stdout.contains("\nrun/best.h: its header\n"));
    assert!(stdout.contains("gives the same answers to 28 images"), "{stdout}");
    let args = ["export", "run", "--format", "c", "--out", "net.c", "--name", "shoe", "--json"];
    let json = folder.run(&args).expect_quiet().json();
    assert!(json["check"]["largest_difference"].as_f64().unwrap() <= 1e-4);
    let source = fs::read_to_string(folder.path("net.c")).unwrap();
    let header = fs::read_to_string(folder.path("net.h")).unwrap();
    assert!(source.contains("#include \"net.h\"") && source.contains("int shoe_predict("));
    assert!(header.contains("#define SHOE_CLASSES 10") && source.contains("\"Ankle boot\""));
    let (flash, memory) = (&json["flash"], &json["memory"]);
    assert!(flash.as_u64().unwrap() > 400_000 && memory.as_u64().unwrap() > 3136, "{json}");
    assert!(json["multiply_adds"].as_u64().unwrap() > 100_000, "{json}");
}

#[test]
fn whole_numbers_are_calibrated_and_judged() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    // On 20 images, a single different answer is five percentage points.
    let data = ["--split", "120/40/2000"];
    let args = ["export", "run", "--format", "c", "--type", "int8", "--json"];
    let json = folder.run(&[&args[..], &data].concat()).expect(0).json();
    let check = &json["check"];
    assert_eq!((&check["part"], &check["images"]), (&"test".into(), &2000.into()));
    let accuracy = |name: &str| check[name].as_f64().unwrap();
    assert!((accuracy("accuracy") - accuracy("int8_accuracy")).abs() <= 0.005, "{check}");
    assert!(accuracy("agreement") > 0.95, "{check}");
    let source = fs::read_to_string(folder.path("run/best.c")).unwrap();
    assert!(source.contains("static const int8_t w"));
}

#[test]
fn a_page_has_the_model_inside() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let json = folder.run(&["export", "run", "--format", "html", "--json"]).expect_quiet().json();
    assert_eq!((&json["out"], &json["check"]["images"]), (&"run/best.html".into(), &1008.into()));
    let page = fs::read_to_string(folder.path("run/best.html")).unwrap();
    for part in ["Ankle boot", "\"garments\":true", "default-src 'none'", "class Network"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn options_without_effect_on_a_format_are_refused() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    for args in [
        &["--type", "int8"][..],
        &["--name", "a"],
        &["--flash", "1"],
        &["--memory", "1", "--format", "html"],
        &["--format", "html", "--split", "full"],
    ] {
        let said = folder.run(&[&["export", "run"], args].concat());
        said.expect_error(2, &["has no effect on this format"]);
    }
    let said = folder.run(&["export", "run", "--format", "c", "--name", "2x"]);
    said.expect_error(2, &["--name 2x: is not a valid C name"]);
}

#[test]
fn a_device_that_is_too_small_gets_nothing() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    for (option, bytes) in [("--flash", "4096"), ("--memory", "1000")] {
        let said = folder.run(&["export", "run", "--format", "c", option, bytes]);
        said.expect_error(1, &["run/best.c: not written: needs ", option, "--type int8"]);
        assert!(!folder.path("run/best.c").exists() && !folder.path("run/best.h").exists());
    }
    let large = ["export", "run", "--format", "c", "--flash", "10000000", "--memory", "10000000"];
    folder.run(&large).expect(0);
}
