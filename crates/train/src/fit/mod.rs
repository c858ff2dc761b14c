//! The training loop: epochs of steps, validation after each, and the files of the run.
//!
//! An epoch is a function of the state at its start: the order of the images, their augmentation and the
//! dropout masks are drawn by position from the seed, and the learning rate depends on the step. So a
//! run that is resumed at any point ends with the same bits.

mod confidence;
mod from;
mod keep;
mod outcome;
mod start;
mod teachers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use modiste_data::{Dataset, Part, fill_batch, fill_shares};
use modiste_model::{CurrentMetrics, DataIdentity, Digest, EpochMetrics, EpochRow, Timing};
use modiste_spec::engine::{AVERAGE, Batch, Engine, Loss, Step, Targets, Tensor, Weights};
use modiste_spec::random::{Purpose, Stream};

pub(crate) use self::from::model_at;
use self::keep::{epoch_line, first_not_finite};
pub use self::outcome::{Outcome, Summary};
use self::start::StartingPoint;
use self::teachers::Teachers;
use crate::digest::state_digest;
use crate::{Config, Event, Observer, Progress, Run, TrainError};

/// Number of validation images predicted between two checks of whether to stop.
const PREDICT_IMAGES: usize = 1_000;
/// How often to ask the engine for its totals, which makes it complete its steps.
const TOTALS_EVERY: Duration = Duration::from_millis(100);

/// Trains `engine` on `data` according to the run's configuration, from the run's checkpoint if it has
/// one, until all epochs are done, early stopping ends the run, or `stop` is true.
///
/// `engine` must run [`Config::network`]; its state is replaced. `stop` is checked before every step.
/// Prints nothing; `observer` receives the events.
///
/// # Errors
/// If data, engine, configuration and checkpoint do not fit each other, a file cannot be written, or
/// the loss is not finite. The last good checkpoint is kept.
pub fn fit(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let result = Trainer::new(engine, data, run, observer, stop).and_then(Trainer::train);
    if let Err(error) = &result {
        // Return the error even if it cannot be logged.
        let _ = run.log(format!("failed: {error}"));
    }
    result
}

/// Buffers for one step's batch.
#[derive(Default)]
struct BatchBuffers {
    pixels: Vec<u8>,
    labels: Vec<u16>,
    shares: Vec<f32>,
}

/// Logits of the validation images.
struct Answers {
    /// Logits of the weights that are evaluated after each epoch.
    judged: Vec<f32>,
    /// Logits of the current weights, if they differ.
    current: Option<Vec<f32>>,
}

/// A run in progress.
struct Trainer<'a> {
    engine: &'a mut dyn Engine,
    data: &'a Dataset,
    /// Labels of the training and of the validation images.
    labels: [&'a [u16]; 2],
    identity: DataIdentity,
    run: &'a Run,
    observer: &'a mut dyn Observer,
    stop: &'a AtomicBool,
    loss: Loss,
    teachers: Option<Teachers>,
    /// A factor of the learning rate for each parameter; empty for 1 each.
    rates: Vec<f32>,
    progress: Progress,
    /// Parameters and running statistics of the best epoch.
    best: Option<Vec<Tensor>>,
    rows: Vec<EpochRow>,
    /// Epoch and step of the checkpoint on disk, and when it was written.
    saved: Option<(usize, usize)>,
    saved_at: Instant,
    /// When the engine was last asked for its totals.
    asked_at: Instant,
}

impl<'a> Trainer<'a> {
    /// Restores the state of the checkpoint, or the initial state.
    fn new(
        engine: &'a mut dyn Engine,
        data: &'a Dataset,
        run: &'a Run,
        observer: &'a mut dyn Observer,
        stop: &'a AtomicBool,
    ) -> Result<Self, TrainError> {
        let StartingPoint { rates, labels, identity, loss, state, progress, best, rows, saved } =
            StartingPoint::find(engine.network(), data, run)?;
        engine.load_state(&state)?;
        let teachers = Teachers::load(engine, data, run.config())?;
        let now = Instant::now();
        let mut trainer = Self {
            engine,
            data,
            labels,
            identity,
            run,
            observer,
            stop,
            loss,
            teachers,
            rates,
            progress,
            best,
            rows,
            saved,
            saved_at: now,
            asked_at: now,
        };
        trainer.begin()?;
        Ok(trainer)
    }

    /// Runs epoch after epoch.
    fn train(mut self) -> Result<Outcome, TrainError> {
        while !self.progress.ended(self.run.config()) {
            let clock = Instant::now();
            let Some(images_per_second) = self.train_epoch()? else { return self.interrupt() };
            let Some(answers) = self.answers()? else { return self.interrupt() };
            let timing = Timing { seconds: clock.elapsed().as_secs_f64(), images_per_second };
            self.end_epoch(&answers, timing)?;
        }
        // The checkpoint has everything, so a run that is stopped here continues from here.
        if !self.measure_confidence()? {
            return self.interrupt();
        }
        self.finish()
    }

    /// Runs the remaining steps of the current epoch. Returns images per second, or `None` if
    /// interrupted.
    fn train_epoch(&mut self) -> Result<Option<f64>, TrainError> {
        let seed = self.run.config().training.seed;
        let shuffle = Stream::new(seed, Purpose::Shuffle, 0, self.epochs_done());
        let order = shuffle.permutation(self.data.train.len());
        let (clock, before) = (Instant::now(), self.images_done());
        let (mut buffers, mut speed) = (BatchBuffers::default(), 0.0);
        while self.progress.steps_done < self.steps() {
            if self.stops()? {
                return Ok(None);
            }
            let learning_rate = self.train_step(&order, &mut buffers)?;
            if self.progress.totals.images == 0 || self.asked_at.elapsed() >= TOTALS_EVERY {
                self.take_totals()?;
            }
            let images = self.images_done() - before;
            speed = images as f64 / clock.elapsed().as_secs_f64().max(1e-9);
            self.tell_step(learning_rate, speed);
            self.checkpoint_if_due()?;
        }
        self.take_totals()?;
        Ok(Some(speed))
    }

    /// Whether to stop now; all ranks decide this together.
    fn stops(&mut self) -> Result<bool, TrainError> {
        Ok(self.engine.any(self.stop.load(Ordering::Relaxed))?)
    }

    /// Runs one step; returns its learning rate.
    fn train_step(&mut self, order: &[u32], buffers: &mut BatchBuffers) -> Result<f64, TrainError> {
        let Config { training, .. } = self.run.config();
        let first = self.progress.steps_done * training.batch;
        let indices = &order[first..order.len().min(first + training.batch)];
        let batch = self.fill(indices, buffers)?;
        let (number, learning_rate) = self.step_of_epoch(self.progress.steps_done);
        let step = Step {
            number,
            seed: training.seed,
            learning_rate,
            optimiser: training.optimiser,
            loss: &self.loss,
            rates: &self.rates,
            average: (training.average > 0.0).then_some(training.average),
        };
        self.engine.submit(batch, &step)?;
        self.progress.steps_done += 1;
        self.progress.learning_rate = Some(learning_rate);
        Ok(learning_rate)
    }

    /// Fills the batch of training images at `indices`, or the engine's share of it.
    fn fill<'r>(
        &mut self,
        indices: &[u32],
        buffers: &'r mut BatchBuffers,
    ) -> Result<Batch<'r>, TrainError> {
        let (training, epoch) = (&self.run.config().training, self.epochs_done());
        let (augmentation, seed) = (&training.augmentation, training.seed);
        let (images, labels) = (&self.data.train.images, self.labels[0]);
        let own = self.engine.share(indices.len());
        // Every rank asks the teachers about all images, because targets are those of the whole step.
        let drawn = if self.teachers.is_some() { 0..indices.len() } else { own.clone() };
        fill_batch(images, &indices[drawn.clone()], augmentation, seed, epoch, &mut buffers.pixels);
        let BatchBuffers { pixels, labels: classes, shares } = buffers;
        let targets = if augmentation.mixes() || self.teachers.is_some() {
            let (count, time) = (self.data.classes.len(), (seed, epoch));
            fill_shares(labels, count, images.shape, indices, augmentation, time, shares);
            if let Some(teachers) = &mut self.teachers {
                teachers.answer(pixels, shares)?;
            }
            Targets::Shares(shares)
        } else {
            classes.clear();
            classes.extend(indices.iter().map(|&i| labels[i as usize]));
            Targets::Classes(classes)
        };
        let [first, last] = [own.start, own.end].map(|i| (i - drawn.start) * images.shape.len());
        Ok(Batch { images: &pixels[first..last], targets })
    }

    /// Adds the totals of the engine's steps to those of the epoch.
    pub(super) fn take_totals(&mut self) -> Result<(), TrainError> {
        let mut totals = self.progress.totals;
        self.engine.totals(&mut totals)?;
        self.asked_at = Instant::now();
        let Some(number) = totals.not_finite else {
            self.progress.totals = totals;
            return Ok(());
        };
        // Later steps were queued already; the error names this one.
        let step = (number - self.step_of_epoch(0).0) as usize;
        self.progress.steps_done = step + 1;
        self.progress.learning_rate = Some(self.step_of_epoch(step).1);
        Err(self.not_finite("the training loss"))
    }

    /// The index of a step of the current epoch (from 0), counted from the beginning of the run, and its
    /// learning rate.
    fn step_of_epoch(&self, step: usize) -> (u64, f64) {
        let Config { training, .. } = self.run.config();
        let steps = self.steps() as u64;
        let number = self.epochs_done() * steps + step as u64;
        let total = training.epochs as u64 * steps;
        let plateau = &self.progress.plateau;
        (number, training.schedule.learning_rate(number, total, steps, plateau))
    }

    /// Number of images trained on in the current epoch.
    fn images_done(&self) -> usize {
        (self.progress.steps_done * self.run.config().training.batch).min(self.data.train.len())
    }

    /// The weights that are evaluated after each epoch.
    fn judged(&self) -> Weights {
        match self.run.config().training.average > 0.0 {
            true => Weights::Average,
            false => Weights::Current,
        }
    }

    /// Logits of the validation images, empty without a validation set; `None` if interrupted.
    fn answers(&mut self) -> Result<Option<Answers>, TrainError> {
        let weights = self.judged();
        let Some(judged) = self.predict_validation(weights)? else { return Ok(None) };
        if weights == Weights::Current || self.data.validation.is_empty() {
            return Ok(Some(Answers { judged, current: None }));
        }
        let current = self.predict_validation(Weights::Current)?;
        Ok(current.map(|current| Answers { judged, current: Some(current) }))
    }

    fn predict_validation(&mut self, weights: Weights) -> Result<Option<Vec<f32>>, TrainError> {
        let Part { images, .. } = &self.data.validation;
        let mut logits = Vec::with_capacity(images.len() * self.data.classes.len());
        let mut done = 0;
        for pixels in images.pixels.chunks(PREDICT_IMAGES * images.shape.len()) {
            if self.stops()? {
                return Ok(None);
            }
            logits.extend(self.engine.predict(pixels, weights)?);
            done += pixels.len() / images.shape.len();
            let epoch = self.progress.epoch();
            self.observer.event(&Event::Validating { epoch, done, images: images.len() });
        }
        Ok(Some(logits))
    }

    /// The metrics of the current epoch.
    fn measure(&self, answers: &Answers) -> Result<EpochMetrics, TrainError> {
        let (labels, classes) = (self.labels[1], self.data.classes.len());
        let validated = |logits: &&Vec<f32>| !logits.is_empty();
        let of = |logits: &Vec<f32>| CurrentMetrics {
            loss: modiste_metrics::cross_entropy(logits, labels, classes),
            accuracy: modiste_metrics::accuracy(logits, labels, classes),
            auroc: modiste_metrics::mean_auroc(logits, labels, classes),
        };
        let judged = Some(&answers.judged).filter(validated).map(of);
        let current = answers.current.as_ref().map(of);
        if ![judged, current].iter().flatten().all(|scores| scores.loss.is_finite()) {
            return Err(self.not_finite("the validation loss"));
        }
        Ok(EpochMetrics {
            epoch: self.progress.epoch(),
            learning_rate: self.progress.learning_rate.unwrap_or_default(),
            train_loss: self.progress.totals.mean_loss(),
            train_accuracy: self.progress.totals.accuracy(),
            validation_loss: judged.map(|judged| judged.loss),
            validation_accuracy: judged.map(|judged| judged.accuracy),
            validation_auroc: judged.and_then(|judged| judged.auroc),
            current,
        })
    }

    /// Computes metrics, chooses the best epoch and writes files; the checkpoint comes last, see
    /// [`Run`].
    fn end_epoch(&mut self, answers: &Answers, timing: Timing) -> Result<(), TrainError> {
        let metrics = self.measure(answers)?;
        let mut state = self.engine.try_state()?;
        if let Some(what) = first_not_finite(&state) {
            return Err(self.not_finite(&what));
        }
        let digest = Digest { epoch: metrics.epoch, state: state_digest(&state) };
        let best = self.progress.end_epoch(metrics, self.run.config());
        self.rows.push(EpochRow { metrics, timing: Some(timing) });
        let (metrics, timing) = (&metrics, &timing);
        let (logits, labels) = (&answers.judged[..], self.labels[1]);
        self.observer.event(&Event::EpochEnded { metrics, timing, best, logits, labels });
        self.run.log(epoch_line(metrics, best))?;
        if best {
            self.best = Some(match self.judged() {
                Weights::Current => state.parameters,
                Weights::Average => state.slots.remove(AVERAGE).unwrap_or_default(),
            });
            self.save_model(None)?;
        }
        self.written(self.run.save_metrics(&self.rows)?);
        self.run.save_digest(digest)?;
        self.save_checkpoint()
    }
}
