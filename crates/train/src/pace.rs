//! How many epochs fit into a given time, measured with the actual engine, network and pictures.

use std::time::Instant;

use modiste_data::{Dataset, fill_batch};
use modiste_spec::engine::{Batch, Engine, Step, Weights};

use crate::{Config, TrainError};

/// Untimed steps at the start, while caches and threads are cold.
const WARM_UP: usize = 2;
/// Seconds of steps to measure, and the largest number of steps.
const SECONDS: f64 = 2.0;
const MOST: usize = 64;
/// Number of validation pictures whose prediction is timed.
const PREDICTED: usize = 256;
/// Share of the time reserved for files, the last evaluation and the report.
const KEPT: f64 = 0.1;

/// The measured speed, and the planned epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Seconds of an epoch, including validation.
    pub epoch_seconds: f64,
    /// Epochs that fit; at least 1.
    pub epochs: usize,
}

impl Pace {
    /// Trains some steps of `config` on `data` and plans the epochs of a run of `minutes`. The
    /// engine's state is unusable afterwards.
    ///
    /// # Errors
    /// If data, engine and configuration do not fit each other.
    pub fn measure(
        engine: &mut dyn Engine,
        config: &Config,
        data: &Dataset,
        minutes: f64,
    ) -> Result<Self, TrainError> {
        let step = seconds_of_step(engine, config, data)?;
        let batches = data.train.len().div_ceil(config.training.batch);
        let each = seconds_of_image(engine, data)?;
        let validation = data.validation.len() as f64;
        let epoch_seconds = (step * batches as f64 + each * validation).max(1e-6);
        // At the end, the best model predicts the training and the validation pictures again.
        let evaluation = each * (data.train.len() as f64 + 3.0 * validation);
        let left = 60.0 * minutes * (1.0 - KEPT) - evaluation;
        let epochs = (left / epoch_seconds).floor().max(1.0) as usize;
        Ok(Self { epoch_seconds, epochs })
    }
}

/// Mean seconds of a step, after the first ones.
fn seconds_of_step(
    engine: &mut dyn Engine,
    config: &Config,
    data: &Dataset,
) -> Result<f64, TrainError> {
    let training = &config.training;
    let loss = config.loss_on(data)?;
    let labels = data.train.labels.as_deref().unwrap_or_default();
    let n = u32::try_from(data.train.len()).expect("readers take under 2^32 images");
    let indices: Vec<u32> = (0..n).take(training.batch).collect();
    let labels = &labels[..indices.len()];
    let mut pixels = Vec::new();
    let mut clock = Instant::now();
    let mut steps = 0;
    for number in 0..WARM_UP + MOST {
        fill_batch(
            &data.train.images,
            &indices,
            &training.augmentation,
            0,
            number as u64,
            &mut pixels,
        );
        let step = Step {
            number: number as u64,
            seed: training.seed,
            learning_rate: 1e-6,
            optimiser: training.optimiser,
            loss: &loss,
            rates: &[],
            average: None,
        };
        engine.train_step(Batch::of_classes(&pixels, labels), &step)?;
        if number + 1 == WARM_UP {
            clock = Instant::now();
        } else if number >= WARM_UP {
            steps += 1;
            if clock.elapsed().as_secs_f64() > SECONDS {
                break;
            }
        }
    }
    Ok(clock.elapsed().as_secs_f64() / steps as f64)
}

/// Seconds to predict one picture, in a large batch.
fn seconds_of_image(engine: &mut dyn Engine, data: &Dataset) -> Result<f64, TrainError> {
    let images = &data.train.images;
    let count = images.len().min(PREDICTED);
    let pixels = &images.pixels[..count * images.shape.len()];
    engine.predict(pixels, Weights::Current)?;
    let clock = Instant::now();
    engine.predict(pixels, Weights::Current)?;
    Ok(clock.elapsed().as_secs_f64() / count.max(1) as f64)
}
