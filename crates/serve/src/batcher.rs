//! A thread with an engine that computes batches of waiting images.
//!
//! A [`Batcher`] owns a queue of limited length and the thread that empties it. The thread takes the
//! first waiting request, fills the batch with others, from any connection, and passes them to the
//! engine as one batch. An engine that panics is replaced by a new one; its batch is answered with an
//! error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use modiste_spec::Engine;
use modiste_spec::engine::Weights;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::Metrics;
use crate::log::log;
use crate::model::MakeEngine;

/// How requests are combined into batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batching {
    /// The largest batch; a larger request is computed alone.
    pub images: usize,
    /// How long the first request of a batch waits for others while the engine is idle.
    pub delay: Duration,
}

impl Default for Batching {
    /// No waiting: while the engine works, the next batch collects anyway.
    fn default() -> Self {
        Self { images: 64, delay: Duration::ZERO }
    }
}

/// Why there are no logits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The queue is full.
    #[error("{0} images are waiting already; try again later")]
    Busy(usize),
    /// The engine refused or panicked.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// Images that wait for their logits.
struct Job {
    /// Pixels (count, h, w, c).
    images: Vec<u8>,
    count: usize,
    answer: oneshot::Sender<Result<Vec<f32>, PredictError>>,
    /// The place in the queue, freed when the job is dropped.
    _place: OwnedSemaphorePermit,
}

/// The queue and its thread, which ends when the batcher is dropped and the queue is empty.
pub struct Batcher {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    capacity: usize,
    classes: usize,
    healthy: Arc<AtomicBool>,
    engine: String,
}

impl Batcher {
    /// Starts the thread and creates the engine on it; returns once it has computed a black image.
    ///
    /// # Errors
    /// If the engine cannot be created.
    pub fn start(
        make: Arc<MakeEngine>,
        batching: Batching,
        capacity: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let (jobs, waiting) = channel();
        let (ready, started) = channel();
        let healthy = Arc::new(AtomicBool::new(true));
        let mut worker =
            Worker { make, batching, waiting, held: None, metrics, healthy: healthy.clone() };
        let work = move || match worker.first_engine() {
            Ok(engine) => {
                let said = (engine.describe(), engine.network().classes());
                if ready.send(Ok(said)).is_ok() {
                    worker.work(engine);
                }
            }
            // The receiver can only be gone if the caller of `start` is.
            Err(problem) => drop(ready.send(Err(problem))),
        };
        let thread = std::thread::Builder::new().name("engine".into()).spawn(work);
        thread.map_err(|error| format!("cannot start a thread for the engine: {error}"))?;
        let (engine, classes) = started.recv().map_err(|_| "the engine's thread ended")??;
        let places = Arc::new(Semaphore::new(capacity));
        Ok(Self { jobs, places, capacity, classes, healthy, engine })
    }

    /// The engine's description of its device, instruction set and threads.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// Whether there is an engine: false if one panicked and no new one could be created.
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Number of logits for each image.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Queues `count` images (count, h, w, c), at least 1; the receiver gets their logits
    /// (count, classes).
    ///
    /// # Errors
    /// [`PredictError::Busy`] if the queue has no room for them.
    pub fn submit(
        &self,
        images: Vec<u8>,
        count: usize,
    ) -> Result<oneshot::Receiver<Result<Vec<f32>, PredictError>>, PredictError> {
        // An eighth of the queue is reserved for small requests, so that large ones cannot block them.
        let kept = if count > self.capacity / 64 { self.capacity / 8 } else { 0 };
        if self.waiting() > 0 && self.places.available_permits() < count.saturating_add(kept) {
            return Err(PredictError::Busy(self.waiting()));
        }
        let wanted = u32::try_from(count).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(wanted);
        let place = place.map_err(|_| PredictError::Busy(self.waiting()))?;
        let (answer, receiver) = oneshot::channel();
        let job = Job { images, count, answer, _place: place };
        self.jobs.send(job).map_err(|_| PredictError::Engine("its thread ended".into()))?;
        Ok(receiver)
    }

    /// Largest number of images in the queue.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of images that are waiting or being computed.
    pub fn waiting(&self) -> usize {
        self.capacity - self.places.available_permits()
    }
}

/// The state of the thread.
struct Worker {
    make: Arc<MakeEngine>,
    batching: Batching,
    waiting: Receiver<Job>,
    /// A job that did not fit into the last batch.
    held: Option<Job>,
    metrics: Arc<Metrics>,
    healthy: Arc<AtomicBool>,
}

impl Worker {
    /// Creates an engine and computes one image, so that it is known to work and its memory is
    /// allocated.
    fn first_engine(&self) -> Result<Box<dyn Engine>, String> {
        self.catch_panic(|| {
            let mut engine = (self.make)()?;
            let black = vec![0; engine.network().input_shape().len()];
            engine.predict(&black, Weights::Current).map_err(|error| error.to_string())?;
            Ok(engine)
        })
    }

    /// Creates an engine; counts a panic.
    fn catch_panic(
        &self,
        make: impl FnOnce() -> Result<Box<dyn Engine>, String>,
    ) -> Result<Box<dyn Engine>, String> {
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| {
            self.metrics.panics.inc();
            Err("the engine panicked while it was created".to_owned())
        })
    }

    /// Works until the batcher is gone and the queue is empty.
    fn work(&mut self, engine: Box<dyn Engine>) {
        let mut engine = Some(engine);
        while let Some(batch) = self.next_batch() {
            if engine.is_none() {
                engine = self.new_engine();
            }
            let Some(working) = &mut engine else {
                refuse(batch, "it panicked, and no new one could be created");
                continue;
            };
            if !self.answer(working.as_mut(), batch) {
                // A panic may have left the engine in any state.
                engine = None;
            }
        }
    }

    fn new_engine(&self) -> Option<Box<dyn Engine>> {
        let made = self.catch_panic(|| (self.make)());
        self.healthy.store(made.is_ok(), Ordering::Relaxed);
        made.map_err(|problem| log(&format!("no new engine: {problem}"))).ok()
    }

    /// The jobs of the next batch: those waiting or arriving within the delay; `None` at the end.
    fn next_batch(&mut self) -> Option<Vec<Job>> {
        let first = match self.held.take() {
            Some(job) => job,
            None => self.waiting.recv().ok()?,
        };
        let deadline = Instant::now() + self.batching.delay;
        let (mut images, mut batch) = (first.count, vec![first]);
        while images < self.batching.images {
            let left = deadline.saturating_duration_since(Instant::now());
            let job = match self.waiting.recv_timeout(left) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            };
            if images + job.count > self.batching.images {
                self.held = Some(job);
                break;
            }
            images += job.count;
            batch.push(job);
        }
        Some(batch)
    }

    /// Answers the jobs of a batch whose clients still wait; false if the engine panicked.
    fn answer(&self, engine: &mut dyn Engine, mut batch: Vec<Job>) -> bool {
        batch.retain(|job| !job.answer.is_closed());
        let Some(first) = batch.first_mut() else {
            return true;
        };
        let mut pixels = std::mem::take(&mut first.images);
        for job in &batch[1..] {
            pixels.extend_from_slice(&job.images);
        }
        let images: usize = batch.iter().map(|job| job.count).sum();
        let started = Instant::now();
        let logits = catch_unwind(AssertUnwindSafe(|| engine.predict(&pixels, Weights::Current)));
        self.metrics.batch(images, started.elapsed());
        match logits {
            Ok(Ok(logits)) => {
                distribute(batch, &logits, logits.len() / images);
                true
            }
            Ok(Err(error)) => {
                refuse(batch, &error.to_string());
                true
            }
            Err(_) => {
                self.metrics.panics.inc();
                refuse(batch, "it panicked");
                false
            }
        }
    }
}

/// Gives each job its rows of the logits.
fn distribute(batch: Vec<Job>, logits: &[f32], classes: usize) {
    let mut rest = logits;
    for job in batch {
        let (own, others) = rest.split_at(job.count * classes);
        rest = others;
        // The client may have disconnected.
        drop(job.answer.send(Ok(own.to_vec())));
    }
}

fn refuse(batch: Vec<Job>, problem: &str) {
    for job in batch {
        drop(job.answer.send(Err(PredictError::Engine(problem.to_owned()))));
    }
}
