//! The thread that computes the cards of the served models, one after the other.
//!
//! It keeps no model alive: it uses the current one for a few images at a time, and gives up once
//! another version is served.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::card::CardError;
use crate::serving::Serving;
use crate::{Metrics, PredictError};

/// Number of images that an evaluation queues at once: few, so that requests do not wait long.
const AT_ONCE: usize = 16;
/// How long the evaluation waits if the queue is full: requests come first.
const PAUSE: Duration = Duration::from_millis(50);

/// The current model.
pub(crate) type Current = Arc<RwLock<Arc<Serving>>>;

/// Requests cards from the thread.
pub(crate) struct Cards {
    orders: Sender<()>,
}

impl Cards {
    /// Starts the thread, which ends when this is dropped.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(current: Current, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (orders, received) = channel();
        let work = move || work(&current, &received, &metrics);
        std::thread::Builder::new().name("card".into()).spawn(work)?;
        Ok(Self { orders })
    }

    /// Requests the card of the current model.
    pub fn order(&self) {
        // The thread runs as long as there is a sender.
        let _ = self.orders.send(());
    }
}

fn work(current: &Current, orders: &Receiver<()>, metrics: &Metrics) {
    while orders.recv().is_ok() {
        // Only the newest model needs a card.
        while orders.try_recv().is_ok() {}
        let serving = newest(current);
        let (version, evaluate) = (serving.about.version.clone(), serving.evaluate.clone());
        drop(serving);
        let mut ask = |images: &[u8]| ask(current, &version, images);
        let made = catch_unwind(AssertUnwindSafe(|| evaluate(&mut ask)));
        let made = made.unwrap_or_else(|_| {
            metrics.panics.inc();
            Err(CardError::Failed("it panicked; this is a bug".into()))
        });
        let json = made.and_then(|card| {
            let text = serde_json::to_vec(&card);
            text.map_err(|error| CardError::Failed(error.to_string()))
        });
        // Holding the lock prevents a replacement of the model.
        let serving = current.read().unwrap_or_else(|e| e.into_inner());
        if serving.about.version == version {
            // If it is set already, it is the card of the same version.
            let _ = serving.card.set(json.map(Into::into));
        }
    }
}

fn newest(current: &Current) -> Arc<Serving> {
    current.read().unwrap_or_else(|e| e.into_inner()).clone()
}

/// Computes the logits of any number of images, a few at a time between requests.
fn ask(current: &Current, version: &str, images: &[u8]) -> Result<Vec<f32>, String> {
    let mut logits = Vec::new();
    let mut rest = images;
    while !rest.is_empty() {
        let serving = newest(current);
        if serving.about.version != version {
            return Err("the model was replaced".into());
        }
        let image = serving.about.image.len();
        let most = AT_ONCE.min(serving.batcher.capacity().div_ceil(2));
        let count = most.min(rest.len() / image);
        let (chunk, others) = rest.split_at(count * image);
        match serving.batcher.submit(chunk.to_vec(), count) {
            Err(PredictError::Busy(_)) => {
                drop(serving);
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error.to_string()),
            Ok(answer) => {
                drop(serving);
                let answer = answer.blocking_recv().map_err(|_| "the engine's thread ended")?;
                logits.extend(answer.map_err(|error| error.to_string())?);
                rest = others;
            }
        }
    }
    Ok(logits)
}
