//! Modiste's CPU engine as a measured process of `run.py`.
//!
//! `--write-weights FILE` writes the initial parameters for the peers and exits; `--kernel NAME` serves a
//! single kernel.

mod kernels;
mod protocol;

use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, State, Step, Weights};
use modiste_spec::{Engine, InceptionResNet, Network, Shape};
use protocol::{CLASSES, Images, Outcome, Settings};

const SEED: u64 = 0;
const LEARNING_RATE: f64 = 1e-3;

fn main() -> Outcome<()> {
    let settings = Settings::from_arguments()?;
    let isa = match settings.text("isa") {
        Some(name) => Isa::named(name).ok_or(format!("{name} does not run here"))?,
        None => Isa::best(),
    };
    if let Some(name) = settings.text("kernel") {
        return kernels::serve(name, isa);
    }
    let described = InceptionResNet {
        length: settings.value("length")?,
        width: settings.value("width")?,
        stem_stride: settings.value("stride")?,
        dropout: settings.value("dropout")?,
        ..Default::default()
    };
    let network = described.network(Shape::new(28, 28, 1), CLASSES)?;
    if let Some(path) = settings.text("write-weights") {
        return write_weights(&network, path);
    }
    let (images, batch) = (Images::read(&settings)?, settings.value("batch")?);
    let options = CpuOptions { batch, threads: settings.value("threads")?, isa, direct: false };
    let mut engine = CpuEngine::new(&network, options)?;
    engine.load_state(&State::initial(&network, SEED))?;
    let (about, parameters) = (engine.describe(), network.trainable());
    if settings.training()? {
        protocol::serve(&about, parameters, batch, |step| train(&mut engine, &images, step))
    } else {
        protocol::serve(&about, parameters, batch, |step| infer(&mut engine, &images, step))
    }
}

fn train(engine: &mut CpuEngine, images: &Images, step: u64) -> Outcome<Vec<f32>> {
    let (pixels, labels) = images.batch(step as usize % images.batches());
    let labels: Vec<u16> = labels.iter().map(|&label| label.into()).collect();
    let step = Step {
        number: step,
        seed: SEED,
        learning_rate: LEARNING_RATE,
        optimiser: Optimiser::Adam(Adam::default()),
        loss: &Loss::default(),
        rates: &[],
        average: None,
    };
    let totals = engine.train_step(Batch::of_classes(pixels, &labels), &step)?;
    Ok(vec![totals.mean_loss() as f32])
}

fn infer(engine: &mut CpuEngine, images: &Images, step: u64) -> Outcome<Vec<f32>> {
    let (pixels, _) = images.batch(step as usize % images.batches());
    let mut logits = engine.predict(pixels, Weights::Current)?;
    logits.truncate(CLASSES);
    Ok(logits)
}

/// Writes one line of JSON, [[name, shape], ...], then the values as little-endian f32 in this order.
fn write_weights(network: &Network, path: &str) -> Outcome<()> {
    let tensors = State::initial(network, SEED).parameters;
    let names: Vec<String> =
        tensors.iter().map(|t| format!(r#"["{}",{:?}]"#, t.name, t.shape)).collect();
    let mut bytes = format!("[{}]\n", names.join(",")).into_bytes();
    bytes.extend(tensors.iter().flat_map(|t| &t.values).flat_map(|v| v.to_le_bytes()));
    Ok(std::fs::write(path, bytes)?)
}
