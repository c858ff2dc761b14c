//! The model that is served, and its replacement while requests are in flight.
//!
//! A request takes the model it finds and keeps it to its end; a model that was replaced goes when
//! its last request is answered. A file that cannot be read changes nothing but the status.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::batcher::{Batcher, Batching};
use crate::card::CardError;
use crate::model::{About, Explain, Load, Model};
use crate::{Metrics, server};

/// Images of a card's evaluation that are queued at once: few, so that requests do not wait long.
const CARD_IMAGES: usize = 16;

/// A model with its engine.
pub(crate) struct Serving {
    pub about: About,
    pub batcher: Batcher,
    pub explain: Arc<Explain>,
    /// Seconds since 1970.
    pub loaded: u64,
    /// The card as JSON, or why there is none; unset while it is being made.
    pub card: OnceLock<Result<String, CardError>>,
}

/// How well the model's file is.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Status {
    /// Times the model was replaced.
    pub reloads: u64,
    /// What was wrong with the file when it was last tried; none where it is the one served.
    pub problem: Option<String>,
}

/// The model that is served.
pub(crate) struct Models {
    current: RwLock<Arc<Serving>>,
    load: Box<Load>,
    batching: Batching,
    queue: usize,
    status: Mutex<Status>,
    /// Held while the model is read, so that it is read once at a time.
    loading: Mutex<()>,
    metrics: Arc<Metrics>,
}

impl Models {
    /// Reads the model for the first time.
    pub fn start(
        load: Box<Load>,
        batching: Batching,
        queue: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let first = Self::read(&load, batching, queue, &metrics)?;
        metrics.serve(&first.about.name, &first.about.version);
        Ok(Self {
            current: RwLock::new(first),
            load,
            batching,
            queue,
            status: Mutex::default(),
            loading: Mutex::default(),
            metrics,
        })
    }

    /// The model that is served now.
    pub fn current(&self) -> Arc<Serving> {
        self.current.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Reads the model again and serves it from now on; blocks until then. `reason` is for the log.
    ///
    /// # Errors
    /// What is wrong with the file; the model that was served is served still.
    pub fn reload(&self, reason: &str) -> Result<Arc<Serving>, String> {
        let _one_at_a_time = self.loading.lock().unwrap_or_else(|e| e.into_inner());
        let read = Self::read(&self.load, self.batching, self.queue, &self.metrics);
        self.metrics.reloaded(read.is_ok());
        match read {
            Ok(new) => {
                let About { name, version, .. } = &new.about;
                server::log(&format!("{reason}: serving {name}, version {version}"));
                self.metrics.serve(name, version);
                *self.current.write().unwrap_or_else(|e| e.into_inner()) = new.clone();
                let mut status = self.status.lock().unwrap_or_else(|e| e.into_inner());
                *status = Status { reloads: status.reloads + 1, problem: None };
                Ok(new)
            }
            Err(problem) => {
                self.note(reason, &problem);
                Err(problem)
            }
        }
    }

    /// Notes that the file is of no use now.
    pub fn note(&self, reason: &str, problem: &str) {
        server::log(&format!("{reason}: {problem}; the model that was loaded is served still"));
        self.metrics.stale.set(1);
        let mut status = self.status.lock().unwrap_or_else(|e| e.into_inner());
        status.problem = Some(problem.to_owned());
    }

    fn read(
        load: &Load,
        batching: Batching,
        queue: usize,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Serving>, String> {
        let Model { about, make, evaluate, explain } = load()?;
        let batcher = Batcher::start(make, batching, queue, metrics.clone())
            .map_err(|problem| format!("{}: {problem}", about.name))?;
        if batcher.classes() != about.classes.len() {
            let (named, known) = (about.classes.len(), batcher.classes());
            return Err(format!("{}: {named} classes are named, {known} known", about.name));
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let card = OnceLock::new();
        let loaded = since_1970.as_secs();
        let serving = Arc::new(Serving { about, batcher, explain, loaded, card });
        let evaluated = serving.clone();
        let evaluation = move || {
            let mut ask = |images: &[u8]| evaluated.ask(images);
            let card = evaluate(&mut ask);
            let json = card.and_then(|card| {
                serde_json::to_string(&card).map_err(|error| CardError::Failed(error.to_string()))
            });
            // It is set here alone.
            let _ = evaluated.card.set(json);
        };
        let thread = std::thread::Builder::new().name("card".into()).spawn(evaluation);
        thread.map_err(|error| format!("no thread for the evaluation: {error}"))?;
        Ok(serving)
    }
}

impl Serving {
    /// The logits of any number of images, a few at a time between the requests of others; blocks.
    fn ask(&self, images: &[u8]) -> Result<Vec<f32>, String> {
        let mut logits = Vec::new();
        for chunk in images.chunks(CARD_IMAGES * self.about.image.len()) {
            let count = chunk.len() / self.about.image.len();
            let answer = loop {
                match self.batcher.submit(chunk.to_vec(), count) {
                    // Requests go first.
                    Err(crate::PredictError::Busy(_)) => {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    other => break other,
                }
            };
            let answer = answer.map_err(|error| error.to_string())?;
            let answer = answer.blocking_recv().map_err(|_| "the engine's thread ended")?;
            logits.extend(answer.map_err(|error| error.to_string())?);
        }
        Ok(logits)
    }
}

/// What tells one state of a file from another: when it was written, and its length.
type Seen = Option<(SystemTime, u64)>;

/// Looks at the model's file now and then and reads it again when it changed.
pub(crate) struct Watch {
    path: PathBuf,
    /// What was served or tried last.
    known: Seen,
    /// A change is acted on when it looks the same twice: until then it may still be written.
    changed: Option<Seen>,
}

impl Watch {
    pub fn new(path: PathBuf) -> Self {
        let known = look(&path);
        Self { path, known, changed: None }
    }

    /// Looks; true where the model should be read again. Says once when the file vanished.
    pub fn look(&mut self, models: &Models) -> bool {
        let now = look(&self.path);
        if now == self.known {
            self.changed = None;
            return false;
        }
        match self.changed {
            Some(seen) if seen == now => {}
            _ => {
                self.changed = Some(now);
                return false;
            }
        }
        self.changed = None;
        self.known = now;
        if now.is_none() {
            models.note("the model's file", &format!("{}: is gone", self.path.display()));
        }
        now.is_some()
    }
}

fn look(path: &PathBuf) -> Seen {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
