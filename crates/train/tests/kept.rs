//! Runs recorded by older versions: their files still load, continue and predict, and training again gives
//! the same numbers, to the last digit.
//!
//! The runs were recorded with AVX-512. AVX2 gives the same bits, because both use fused multiply-adds and
//! sum in the same lanes. Without fused multiply-adds rounding differs, so this case has its own record.

#![cfg(target_arch = "x86_64")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{copy_folder, outcome_of};
use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_data::Dataset;
use modiste_model::{Model, parse_metrics, parse_model};
use modiste_spec::Engine;
use modiste_spec::engine::Weights;
use modiste_train::{Config, Event, Outcome, Run, fit, parse_checkpoint};

/// Loss and accuracy on the test images according to the version that wrote the files.
const EVALUATED: [(&str, f64, f64); 2] =
    [("mlp", 1.1650532184874138, 1.0 / 3.0), ("cnn", 1.0879595193936615, 1.0 / 3.0)];

/// CRC-32 of the model and of the metrics without times that the interrupted runs end with if there are
/// no fused multiply-adds, which changes rounding. Recorded by the first version that supported this.
const PORTABLE: [(&str, [u32; 2]); 2] =
    [("mlp", [3253360475, 689695321]), ("cnn", [2015748893, 3556724682])];

/// Whether an instruction set gives the bits of AVX-512, with which the runs were recorded.
fn gives_recorded_bits(isa: Isa) -> bool {
    ["avx512", "avx2"].contains(&isa.name())
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/2026-11-26")
}

fn data(config: &Config) -> Dataset {
    let mut config = config.clone();
    config.data.source = files().join("data").display().to_string();
    config.load_data().unwrap()
}

fn engine(config: &Config, data: &Dataset, isa: Isa) -> CpuEngine {
    let network = config.network(data).unwrap();
    let batch = config.training.batch;
    CpuEngine::new(&network, CpuOptions { batch, threads: 2, isa, direct: false }).unwrap()
}

/// Trains to the end or for this many epochs.
fn train(run: &Run, data: &Dataset, isa: Isa, epochs: usize) -> Outcome {
    let stop = AtomicBool::new(false);
    let mut observer = |event: &Event<'_>| {
        if matches!(event, Event::EpochEnded { metrics, .. } if metrics.epoch == epochs) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    fit(&mut engine(run.config(), data, isa), data, run, &mut observer, &stop).unwrap()
}

/// The lines of `metrics.csv` without the times.
fn timeless(text: &str) -> Vec<String> {
    text.lines().map(|line| line.rsplitn(3, ',').last().unwrap().to_owned()).collect()
}

#[test]
fn interrupted_runs_of_an_older_version_end_with_its_bits() {
    for isa in Isa::available() {
        for name in ["mlp", "cnn"] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("run");
            copy_folder(&files().join(format!("{name}-interrupted")), &folder);
            let run = Run::resume(&folder).unwrap();
            let outcome = train(&run, &data(run.config()), isa, usize::MAX);
            assert!(matches!(outcome, Outcome::Finished(_)), "{name}");
            let ended = outcome_of(&folder);
            let found = [&ended[0], &ended[2]].map(|bytes| crc32fast::hash(bytes));
            match PORTABLE.iter().find(|(run, _)| *run == name && !gives_recorded_bits(isa)) {
                Some((_, crcs)) => assert_eq!(found, *crcs, "{name} on {}", isa.name()),
                None => {
                    let recorded = outcome_of(&files().join(name));
                    // A temperature needs more evidence than in the old version; the weights must not
                    // change.
                    let model = |bytes: &[u8]| parse_model(bytes, name).unwrap().parameters;
                    assert!(model(&ended[0]) == model(&recorded[0]), "{name} {}", isa.name());
                    // Perceptrons have got one more node since then, which the checkpoint names.
                    let state = |bytes: &[u8]| parse_checkpoint(bytes, name).unwrap().state;
                    assert!(state(&ended[1]) == state(&recorded[1]), "{name} {}", isa.name());
                    assert!(ended[2..] == recorded[2..], "{name} {}", isa.name());
                }
            }
        }
    }
}

#[test]
fn files_of_an_older_version_are_written_back_unchanged() {
    for name in ["mlp", "cnn", "mlp-interrupted", "cnn-interrupted"] {
        let bytes = std::fs::read(files().join(name).join("last.ckpt")).unwrap();
        let checkpoint = parse_checkpoint(&bytes, name).unwrap();
        assert!(checkpoint.to_bytes() == bytes, "{name}");
        assert!(checkpoint.state.slots.keys().eq(["first_moments", "second_moments"]));
        let path = files().join(name).join("best.safetensors");
        let model = Model::load(&path).unwrap();
        assert!(parse_model(&model.to_bytes(), name).unwrap() == model, "{name}");
        let text = std::fs::read_to_string(files().join(name).join("metrics.csv")).unwrap();
        parse_metrics(&text, name).unwrap();
    }
}

#[test]
fn models_of_an_older_version_give_the_same_answers() {
    for (name, loss, accuracy) in EVALUATED {
        let model = Model::load(&files().join(name).join("best.safetensors")).unwrap();
        let config = Config::parse(&model.config, name).unwrap();
        let data = data(&config);
        let labels = data.test.labels.as_ref().unwrap();
        for isa in Isa::available() {
            let mut engine = engine(&config, &data, isa);
            engine.load_state(&model.state()).unwrap();
            let logits = engine.predict(&data.test.images.pixels, Weights::Current).unwrap();
            assert_eq!(modiste_metrics::accuracy(&logits, labels, 3), accuracy, "{name}");
            let found = modiste_metrics::cross_entropy(&logits, labels, 3);
            let allowed = if gives_recorded_bits(isa) { 0.0 } else { 1e-6 };
            assert!((found - loss).abs() <= allowed, "{name} on {}: {found}", isa.name());
        }
    }
}

/// Repeats the first epochs of a recorded run of `swift` and compares every number.
fn expect_recorded(seed: usize, epochs: usize, isa: Isa) {
    let record = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../results/2026-11-24-swift-seeds")
        .join(seed.to_string());
    let read = |name: &str| std::fs::read_to_string(record.join(name)).unwrap();
    let config = Config::parse(&read("config.toml"), "config.toml").unwrap();
    let root = tempfile::tempdir().unwrap();
    let run = Run::create(root.path(), &config).unwrap();
    train(&run, &config.load_data().unwrap(), isa, epochs);
    let found = std::fs::read_to_string(root.path().join("metrics.csv")).unwrap();
    let [found, expected] = [found, read("metrics.csv")].map(|text| timeless(&text));
    // This includes the header.
    assert_eq!(found, expected[..=epochs], "seed {seed} on {}", isa.name());
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn the_first_epoch_of_swift_equals_the_record() {
    expect_recorded(0, 1, recording_isa());
}

/// The best instruction set of this processor; fails if it gives other bits than the recorded one.
fn recording_isa() -> Isa {
    let isa = Isa::best();
    assert!(
        gives_recorded_bits(isa),
        "the record needs AVX-512 or AVX2, {} gives other bits",
        isa.name()
    );
    isa
}

/// `cargo test --release -p modiste-train --test kept -- --ignored`: ten minutes on two cores.
#[test]
#[ignore = "run by hand: trains three networks for 40 epochs"]
fn every_epoch_of_swift_equals_the_record() {
    for seed in 0..3 {
        expect_recorded(seed, 40, recording_isa());
    }
}
