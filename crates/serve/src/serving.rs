//! A model with its engine, and the code that loads it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;

use crate::Metrics;
use crate::batcher::{Batcher, Batching};
use crate::card::CardError;
use crate::model::{EvaluateModel, Explain, LoadModel, Model, ModelDescription};

/// How long reading a model may take.
const LOAD_TIME: Duration = Duration::from_secs(60);
/// Number of threads that may read the file, or hang while doing so, before no new one is started.
const HANGING: usize = 4;

/// A model with its engine.
pub(crate) struct Serving {
    pub about: ModelDescription,
    pub batcher: Batcher,
    pub explain: Arc<Explain>,
    pub evaluate: Arc<EvaluateModel>,
    /// Seconds since 1970.
    pub loaded: u64,
    /// The card as JSON, or why there is none; not set while it is being computed.
    pub card: OnceLock<Result<Bytes, CardError>>,
}

/// Reads the model and creates its engine.
pub(crate) struct Reader {
    load: Arc<LoadModel>,
    batching: Batching,
    queue: usize,
    metrics: Arc<Metrics>,
    /// Number of threads that are reading, including those given up.
    at_work: Arc<AtomicUsize>,
}

impl Reader {
    /// A reader; up to `queue` images may wait for an engine.
    pub fn new(
        load: Arc<LoadModel>,
        batching: Batching,
        queue: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { load, batching, queue, metrics, at_work: Arc::default() }
    }

    /// Reads on a separate thread, which is given up if it takes too long: a network file system,
    /// for example, may never answer.
    ///
    /// # Errors
    /// The problem with the model.
    pub fn read(&self) -> Result<Arc<Serving>, String> {
        if self.at_work.load(Ordering::Acquire) >= HANGING {
            return Err("earlier attempts to read the file hang".into());
        }
        let (done, made) = sync_channel(1);
        let (load, batching, queue) = (self.load.clone(), self.batching, self.queue);
        let (metrics, at_work) = (self.metrics.clone(), self.at_work.clone());
        let work = move || {
            let work = || read(&*load, batching, queue, &metrics);
            let made = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                metrics.panics.inc();
                Err("reading the model panicked; this is a bug".into())
            });
            // The receiver is gone if this took too long.
            drop(done.send(made));
            at_work.fetch_sub(1, Ordering::AcqRel);
        };
        self.at_work.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = std::thread::Builder::new().name("load".into()).spawn(work) {
            self.at_work.fetch_sub(1, Ordering::AcqRel);
            return Err(format!("cannot start a thread for reading the model: {error}"));
        }
        let late = |_| Err(format!("reading the model took over {} s", LOAD_TIME.as_secs()));
        made.recv_timeout(LOAD_TIME).unwrap_or_else(late)
    }
}

fn read(
    load: &LoadModel,
    batching: Batching,
    queue: usize,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Serving>, String> {
    let Model { about, make, evaluate, explain } = load()?;
    let batcher = Batcher::start(make, batching, queue, metrics.clone())
        .map_err(|problem| format!("{}: {problem}", about.name))?;
    if batcher.classes() != about.classes.len() {
        let (named, known) = (about.classes.len(), batcher.classes());
        return Err(format!(
            "{}: the file names {named} classes, the network has {known}",
            about.name
        ));
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Arc::new(Serving {
        about,
        batcher,
        explain,
        evaluate,
        loaded: since_1970.as_secs(),
        card: OnceLock::new(),
    }))
}
