//! The thread that makes the cards of the served models, one after the other.
//!
//! It keeps no model alive: a model that was replaced is dropped with its last request, which ends its
//! evaluation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::card::CardError;
use crate::serving::Serving;
use crate::{Metrics, PredictError};

/// Images that an evaluation queues at once: few, so that requests do not wait long.
const AT_ONCE: usize = 16;
/// How long the evaluation waits if the queue is full: requests come first.
const PAUSE: Duration = Duration::from_millis(50);

/// The way to order cards from the thread.
pub(crate) struct Cards {
    orders: Sender<Weak<Serving>>,
}

impl Cards {
    /// Starts the thread, which ends when this is dropped.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (orders, received) = channel();
        let work = move || work(&received, &metrics);
        std::thread::Builder::new().name("card".into()).spawn(work)?;
        Ok(Self { orders })
    }

    /// Has the card of `serving` made.
    pub fn order(&self, serving: &Arc<Serving>) {
        // The thread goes on as long as there is a sender.
        let _ = self.orders.send(Arc::downgrade(serving));
    }
}

fn work(orders: &Receiver<Weak<Serving>>, metrics: &Metrics) {
    while let Ok(mut order) = orders.recv() {
        // Only the newest model needs a card.
        while let Ok(newer) = orders.try_recv() {
            order = newer;
        }
        let Some(evaluate) = order.upgrade().map(|serving| serving.evaluate.clone()) else {
            continue;
        };
        let mut ask = |images: &[u8]| ask(&order, images);
        let made = catch_unwind(AssertUnwindSafe(|| evaluate(&mut ask)));
        let made = made.unwrap_or_else(|_| {
            metrics.panics.inc();
            Err(CardError::Failed("it panicked; this is a bug".into()))
        });
        let json = made.and_then(|card| {
            let text = serde_json::to_vec(&card);
            text.map_err(|error| CardError::Failed(error.to_string()))
        });
        if let Some(serving) = order.upgrade() {
            // Nobody else sets the card of a model whose card was ordered.
            let _ = serving.card.set(json.map(Into::into));
        }
    }
}

/// The logits of any number of images, a few at a time between the requests of others.
fn ask(order: &Weak<Serving>, images: &[u8]) -> Result<Vec<f32>, String> {
    let mut logits = Vec::new();
    let mut rest = images;
    while !rest.is_empty() {
        let serving = order.upgrade().filter(|serving| !serving.is_replaced());
        let serving = serving.ok_or("the model was replaced")?;
        let image = serving.about.image.len();
        let count = AT_ONCE.min(serving.batcher.capacity().div_ceil(2)).min(rest.len() / image);
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
