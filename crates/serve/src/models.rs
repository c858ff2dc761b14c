//! The model that is served, and its replacement while requests are in flight.
//!
//! A request uses the model that is current when it starts; a replaced model is dropped when its last
//! request is answered. A file that cannot be read only changes the status.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use crate::Metrics;
use crate::batcher::Batching;
use crate::cards::{Cards, Current};
use crate::log::log;
use crate::model::{LoadModel, ModelDescription};
use crate::serving::{Reader, Serving};

/// Largest number of reloads running or waiting: a further one would only read the same file.
const RELOADS: usize = 2;

/// The problem with the model's file, in words that reveal nothing about the machine. The log has the
/// details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The file does not exist.
    Gone,
    /// The file cannot be read, or the model in it cannot be served.
    Unusable,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the model's file is gone",
            Self::Unusable => "the model's file cannot be served; the server's log says why",
        })
    }
}

/// Why the model was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReloaded {
    /// One reload runs and another one waits.
    Busy,
    /// The file cannot be served.
    Problem(Problem),
}

/// The state of the model's file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Number of replacements of the model.
    pub reloads: u64,
    /// The problem of the last attempt to read the file; `None` if the file is the served model.
    pub problem: Option<Problem>,
}

/// The model that is served.
pub(crate) struct Models {
    current: Current,
    reader: Reader,
    cards: Cards,
    status: Mutex<Status>,
    /// Held while the model is read, so that one reload runs at a time.
    loading: Mutex<()>,
    /// Number of reloads running or waiting.
    reloads: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl Models {
    /// Reads the model for the first time.
    ///
    /// # Errors
    /// The problem with the model.
    pub fn start(
        load: Arc<LoadModel>,
        batching: Batching,
        queue: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let reader = Reader::new(load, batching, queue, metrics.clone());
        let first = reader.read()?;
        metrics.serve(&first.about.name, &first.about.version);
        let current = Arc::new(RwLock::new(first));
        let cards = Cards::start(current.clone(), metrics.clone());
        let cards =
            cards.map_err(|error| format!("cannot start a thread for the evaluation: {error}"))?;
        cards.order();
        Ok(Self {
            current,
            reader,
            cards,
            status: Mutex::default(),
            loading: Mutex::default(),
            reloads: AtomicUsize::new(0),
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

    /// Reads the model again and serves it from then on; blocks until that is done. The log names
    /// `reason`.
    ///
    /// # Errors
    /// If the previous model is still served.
    pub fn reload(&self, reason: &str) -> Result<Arc<Serving>, NotReloaded> {
        let _counted = Counted::enter(&self.reloads, RELOADS).ok_or(NotReloaded::Busy)?;
        let _one_at_a_time = self.loading.lock().unwrap_or_else(|e| e.into_inner());
        let read = self.reader.read();
        self.metrics.reloaded(read.is_ok());
        match read {
            Ok(new) => {
                let ModelDescription { name, version, .. } = &new.about;
                log(&format!("{reason}: serving {name}, version {version}"));
                self.metrics.serve(name, version);
                self.replace(&new);
                Ok(new)
            }
            Err(problem) => {
                self.note(&format!("{reason}: {problem}"), Problem::Unusable);
                Err(NotReloaded::Problem(Problem::Unusable))
            }
        }
    }

    fn replace(&self, new: &Arc<Serving>) {
        let mut current = self.current.write().unwrap_or_else(|e| e.into_inner());
        let old = std::mem::replace(&mut *current, new.clone());
        if old.about.version != new.about.version {
            self.cards.order();
        } else if let Some(card) = old.card.get() {
            // The same model has the same card; one being computed will go to the new one.
            let _ = new.card.set(card.clone());
        }
        drop(current);
        let mut status = self.status.lock().unwrap_or_else(|e| e.into_inner());
        *status = Status { reloads: status.reloads + 1, problem: None };
    }

    /// Records that the file cannot be served; `details` go to the log.
    pub fn note(&self, details: &str, problem: Problem) {
        log(&format!("{details}: {problem}; the previous model is still served"));
        self.metrics.stale.set(1);
        let mut status = self.status.lock().unwrap_or_else(|e| e.into_inner());
        status.problem = Some(problem);
    }
}

/// A count of one until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let one_more = |now| (now < most).then_some(now + 1);
        count.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self(count))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
