//! Whole trainings: close to the CPU engine's, repeatable to the bit, and continued by the other engine.
#![cfg(feature = "gpu")]

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_data::Dataset;
use modiste_gpu::{GpuEngine, GpuOptions};
use modiste_model::{EpochMetrics, parse_metrics};
use modiste_spec::Engine;
use modiste_train::{Config, Event, Outcome, Run, fit};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const EPOCHS: usize = 4;

/// A small plain network with dropout and averaged weights on a few embedded images; the last batch is
/// ragged.
fn config() -> Config {
    let mut config = Config::preset("cnn").unwrap();
    let epochs = EPOCHS.to_string();
    for (field, value) in [
        ("network.channels", "3"),
        ("network.stages", "2"),
        ("data.split", "150/60/10"),
        ("training.batch", "32"),
        ("training.average", "0.9"),
        ("training.epochs", &epochs),
    ] {
        config.set(field, value).unwrap();
    }
    config
}

fn engine(gpu: bool, config: &Config, data: &Dataset) -> Box<dyn Engine> {
    let (network, batch) = (config.network(data).unwrap(), config.training.batch);
    if gpu {
        let device = std::env::var("MODISTE_GPU").unwrap_or_else(|_| "0".into());
        let options = GpuOptions { batch, device: Some(device) };
        return Box::new(GpuEngine::new(&network, &options).expect("a GPU, or lavapipe"));
    }
    let options = CpuOptions { batch, threads: 2, ..CpuOptions::default() };
    Box::new(CpuEngine::new(&network, options).unwrap())
}

/// Trains on one engine until `until` epochs are done and on the other from there to the end; returns the
/// metrics and the model file.
fn train(folder: &Path, gpu: [bool; 2], until: usize) -> (Vec<EpochMetrics>, Vec<u8>) {
    let config = config();
    let data = config.load_data().unwrap();
    for (part, on_gpu) in gpu.into_iter().enumerate() {
        let run = match part {
            0 => Run::create(folder, &config).unwrap(),
            _ => Run::resume(folder).unwrap(),
        };
        let stop = AtomicBool::new(false);
        let mut observer = |event: &Event<'_>| {
            if matches!(event, Event::EpochEnded { metrics, .. }
                if part == 0 && metrics.epoch == until)
            {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let mut engine = engine(on_gpu, &config, &data);
        let outcome = fit(engine.as_mut(), &data, &run, &mut observer, &stop).unwrap();
        assert_eq!(matches!(outcome, Outcome::Interrupted { .. }), part == 0);
    }
    let metrics = std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
    let rows = parse_metrics(&metrics, "metrics.csv").unwrap();
    let model = std::fs::read(folder.join("best.safetensors")).unwrap();
    (rows.into_iter().map(|row| row.metrics).collect(), model)
}

#[test]
fn training_resembles_the_cpus_and_either_engine_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str, gpu| train(&root.path().join(name), gpu, 2);
    let (expected, _) = run("cpu", [false, false]);
    let (found, first) = run("gpu", [true, true]);
    let (_, again) = run("again", [true, true]);
    assert!(first == again, "the same training gave another model");
    let (there, _) = run("to the cpu", [true, false]);
    let (back, _) = run("to the gpu", [false, true]);
    for found in [&found, &there, &back] {
        assert_eq!(found.len(), EPOCHS);
        for (found, expected) in found.iter().zip(&expected) {
            let loss = (found.train_loss - expected.train_loss).abs() / expected.train_loss;
            let accuracy = (found.train_accuracy - expected.train_accuracy).abs();
            let validated = [found, expected].map(|m| m.validation_loss.unwrap());
            let validation = (validated[0] - validated[1]).abs() / validated[1];
            let close = loss < 0.01 && accuracy < 0.02 && validation < 0.01;
            assert!(close, "{found:?}, expected {expected:?}");
        }
    }
    // The first epoch is that of the engine that trained it, to the bit; later ones show the other's.
    assert_eq!(there[0].train_loss, found[0].train_loss);
    assert_ne!(there[3].train_loss, found[3].train_loss);
    assert_eq!(back[0].train_loss, expected[0].train_loss);
}
