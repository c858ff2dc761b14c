//! Model and checkpoint files are read back unchanged or refused with one line.

mod common;

use std::sync::LazyLock;

use common::{LogisticRegression, config, train_steps};
use modiste_model::{Model, parse_model};
use modiste_spec::Engine;
use modiste_train::{Checkpoint, Run, parse_checkpoint};
use proptest::prelude::*;

/// The files of a run that was interrupted in its second epoch: model, checkpoint.
static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    train_steps(&Run::create(root.path(), &config()).unwrap(), 6).unwrap();
    ["best.safetensors", "last.ckpt"].map(|name| std::fs::read(root.path().join(name)).unwrap())
});

fn model() -> Model {
    parse_model(&FILES[0], "m").unwrap()
}

fn checkpoint() -> Checkpoint {
    parse_checkpoint(&FILES[1], "c").unwrap()
}

/// The error of a model that was changed before its metadata and checksum were written.
fn model_error(change: impl FnOnce(&mut Model)) -> String {
    let mut model = model();
    change(&mut model);
    parse_model(&model.to_bytes(), "m").unwrap_err().to_string()
}

fn checkpoint_error(change: impl FnOnce(&mut Checkpoint)) -> String {
    let mut checkpoint = checkpoint();
    change(&mut checkpoint);
    parse_checkpoint(&checkpoint.to_bytes(), "c").unwrap_err().to_string()
}

#[test]
fn files_survive_a_round_trip() {
    assert!(model().to_bytes() == FILES[0] && checkpoint().to_bytes() == FILES[1]);
    let model = model();
    assert_eq!(model.classes, ["red", "green", "blue"]);
    assert_eq!(model.provenance.chosen.epoch, 1);
    assert_eq!(model.provenance.data, "channels");
    assert_eq!((checkpoint().progress.epoch(), checkpoint().progress.steps_done), (2, 2));
    assert_eq!(checkpoint().best.unwrap(), model.parameters);
    LogisticRegression::new().load_state(&model.state()).unwrap();
}

/// Older versions wrote these files, and the formats must stay the same, byte for byte. A change of format
/// needs another format number (or magic) and new files: `cargo test write_kept_files -- --ignored`.
#[test]
fn kept_files_are_read_and_written_back_unchanged() {
    let model = include_bytes!("files/best.safetensors");
    assert!(parse_model(model, "m").unwrap().to_bytes() == model);
    let checkpoint = include_bytes!("files/last.ckpt");
    assert!(parse_checkpoint(checkpoint, "c").unwrap().to_bytes() == checkpoint);
}

#[test]
#[ignore = "writes the files that the test above reads"]
fn write_kept_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in ["best.safetensors", "last.ckpt"].into_iter().zip(&*FILES) {
        std::fs::write(format!("{folder}/{name}"), bytes).unwrap();
    }
}

/// Other programs can read the file: 8 bytes of length, a JSON header, f32 in little endian.
#[test]
fn a_model_is_a_plain_safetensors_file() {
    let file = safetensors::SafeTensors::deserialize(&FILES[0]).unwrap();
    let weight = file.tensor("dense.weight").unwrap();
    assert_eq!((weight.dtype(), weight.shape()), (safetensors::Dtype::F32, [3, 3].as_slice()));
    let value = f32::from_le_bytes(weight.data()[4..8].try_into().unwrap());
    assert_eq!(value, model().parameters[0].values[1]);
    let (_, header) = safetensors::SafeTensors::read_metadata(&FILES[0]).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["classes"], r#"["red","green","blue"]"#);
    let preprocessing = r#"{"height":2,"width":2,"channels":3,"divisor":255.0}"#;
    assert_eq!(metadata["preprocessing"], preprocessing);
}

#[test]
fn a_folder_of_images_is_named_without_its_path() {
    let root = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data.source = "/home/somebody/channels".into();
    train_steps(&Run::create(root.path(), &config).unwrap(), 6).unwrap();
    let model = Model::load(&root.path().join("best.safetensors")).unwrap();
    assert!(model.config.contains("source = \"channels\""), "{}", model.config);
}

#[test]
fn errors_of_wrong_models_name_the_problem() {
    let errors = [
        model_error(|m| m.parameters[1].values[2] = f32::NAN),
        model_error(|m| m.parameters[0].shape = vec![9]),
        model_error(|m| m.parameters[1].name = "dense.shift".into()),
        model_error(|m| drop(m.parameters.pop())),
        model_error(|m| {
            m.parameters.push(modiste_spec::engine::Tensor {
                name: "more".into(),
                ..m.parameters[0].clone()
            })
        }),
        model_error(|m| drop(m.classes.pop())),
    ];
    let expected = [
        "m: tensor \"dense.bias\" holds NaN at position 2",
        "m: tensor \"dense.weight\" has shape [9], not [3, 3]",
        "m: tensor \"dense.bias\" is missing",
        "m: tensor \"dense.bias\" is missing",
        "m: tensor \"more\" is not part of the network",
        "m: 2 classes are named, but the network has 3",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn errors_of_wrong_checkpoints_name_the_problem() {
    let errors = [
        checkpoint_error(|c| {
            c.state.slots.get_mut("second_moments").unwrap()[0].values[0] = f32::INFINITY
        }),
        checkpoint_error(|c| drop(c.state.slots.get_mut("first_moments").unwrap().pop())),
        checkpoint_error(|c| c.progress.steps_done = 5),
        checkpoint_error(|c| c.progress.best_epoch = Some(2)),
        checkpoint_error(|c| c.progress.best_epoch = None),
        checkpoint_error(|c| c.progress.history[0].epoch = 2),
        checkpoint_error(|c| c.config.training.epochs = 0),
    ];
    let expected = [
        "c: tensor \"second_moments/dense.weight\" holds inf at position 0",
        "c: tensor \"first_moments/dense.bias\" is missing",
        "c: metadata entry \"progress\": steps_done is impossible",
        "c: metadata entry \"progress\": best_epoch is impossible",
        "c: tensor \"best/dense.bias\" is not part of the network",
        "c: metadata entry \"progress\": history is impossible",
        "c: config: training.epochs: 0 is not a whole number from 1 up",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn files_of_other_kinds_are_refused() {
    let error = |bytes: &[u8]| parse_model(bytes, "m").unwrap_err().to_string();
    assert!(error(b"").starts_with("m: is not a whole safetensors file: "), "{}", error(b""));
    assert!(error(&FILES[1]).starts_with("m: "), "{}", error(&FILES[1]));
    let huge = [&(1_u64 << 60).to_le_bytes()[..], b"{}"].concat();
    assert!(error(&huge).contains("is not a whole safetensors file"), "{}", error(&huge));
    let bare = [&2_u64.to_le_bytes()[..], b"{}"].concat();
    assert_eq!(error(&bare), "m: metadata entry \"format\" is missing");
    let text = FILES[0].windows(15).position(|bytes| bytes == b"modiste model 1").unwrap();
    let mut newer = FILES[0].clone();
    newer[text + 14] = b'7';
    let said = error(&newer);
    assert!(said.starts_with("m: is in the format \"modiste model 7\"; modiste "), "{said}");
    assert!(said.ends_with(", which wrote it, reads it"), "{said}");
    let error = |bytes: &[u8]| parse_checkpoint(bytes, "c").unwrap_err().to_string();
    assert_eq!(error(&FILES[0]), "c: is not a checkpoint: its first 8 bytes are wrong");
    let mut newer = FILES[1].clone();
    newer[7] = b'2';
    let said = error(&newer);
    assert!(said.starts_with("c: is in the format \"mdstckp2\"; modiste "), "{said}");
    assert!(
        said.ends_with("reads up to \"mdstckp1\"; a newer version of modiste reads it"),
        "{said}"
    );
    assert_eq!(error(&FILES[1][..9]), "c: the checksum differs: the file was damaged or truncated");
    assert_eq!(
        error(&FILES[1][..100]),
        "c: the checksum differs: the file was damaged or truncated"
    );
}

/// Damages the bytes of a file in one of several ways.
fn damage(bytes: &[u8], at: usize, kind: u8, with: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at % bytes.len();
    match kind {
        0 => bytes[at] ^= with.max(1),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, with),
        _ => drop(bytes.remove(at)),
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn damaged_files_are_refused(at: usize, kind in 0_u8..4, with: u8) {
        // One kind of whitespace may replace another in the header; the model is then still the same.
        if let Ok(read) = parse_model(&damage(&FILES[0], at, kind, with), "m") {
            prop_assert_eq!(read, model());
        }
        let damaged = damage(&FILES[1], at, kind, with);
        prop_assert!(damaged == FILES[1] || parse_checkpoint(&damaged, "c").is_err());
    }

    /// The same with a matching checksum, so the damage reaches the parser.
    #[test]
    fn damage_with_a_matching_checksum_causes_no_panic(at: usize, kind in 0_u8..4, with: u8) {
        let mut bytes = damage(&FILES[1][..FILES[1].len() - 4], at, kind, with);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let _ = parse_checkpoint(&bytes, "c");
    }
}
