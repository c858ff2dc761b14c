//! The Burn peer of `run.py`, with the CPU backend `flex`.

mod net;
#[path = "../../ours/src/protocol.rs"]
mod protocol;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use net::InceptionResNet;
use protocol::{CLASSES, Images, Outcome, Settings};

const LEARNING_RATE: f64 = 1e-3;

fn main() -> Outcome<()> {
    let settings = Settings::from_arguments()?;
    let (images, batch) = (Images::read(&settings)?, settings.value("batch")?);
    let threads: usize = settings.value("threads")?;
    let about = format!("burn 0.22.1 flex {threads} threads");
    if settings.training()? {
        let device = Device::flex().autodiff();
        let network = InceptionResNet::new(&settings, &device)?;
        let batches = batches(&images, &device);
        let parameters = network.trainable();
        let loss = CrossEntropyLossConfig::new().init(&device);
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        let mut network = Some(network);
        protocol::serve(&about, parameters, batch, |step| {
            let (pixels, labels) = batches[step as usize % batches.len()].clone();
            let before = network.take().ok_or("an earlier step failed")?;
            let outcome = loss.forward(before.forward(pixels), labels);
            let gradients = GradientsParams::from_grads(outcome.backward(), &before);
            network = Some(optimizer.step(LEARNING_RATE, before, gradients));
            Ok(vec![outcome.into_scalar::<f32>()])
        })
    } else {
        let device = Device::flex();
        let network = InceptionResNet::new(&settings, &device)?;
        let parameters = network.trainable();
        let network = network.valid();
        let batches = batches(&images, &device);
        protocol::serve(&about, parameters, batch, |step| {
            let (pixels, _) = batches[step as usize % batches.len()].clone();
            let mut logits = network.forward(pixels).into_data().try_to_vec::<f32>()?;
            logits.truncate(CLASSES);
            Ok(logits)
        })
    }
}

/// All batches, converted before the clock starts: pixels (n, 1, 28, 28) in [0, 1] and labels (n).
fn batches(images: &Images, device: &Device) -> Vec<(Tensor<4>, Tensor<1, Int>)> {
    let batch = |index| {
        let (pixels, labels) = images.batch(index);
        let pixels: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let classes: Vec<i64> = labels.iter().map(|&label| label.into()).collect();
        let n = labels.len();
        let pixels = Tensor::from_data(TensorData::new(pixels, [n, 1, 28, 28]), device);
        (pixels, Tensor::from_data(TensorData::new(classes, [n]), device))
    };
    (0..images.batches()).map(batch).collect()
}
