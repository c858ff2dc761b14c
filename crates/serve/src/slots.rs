//! Slots for connections. If all are taken, the client that has kept its connection waiting longest is
//! evicted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long a client may keep its connection waiting before it can lose its place. A client that is
/// sending or receiving without delay needs less.
const GRACE: Duration = Duration::from_secs(1);

/// The time since when a connection has waited for its client, and the connection's number.
type Key = (Instant, u64);

/// All places.
pub(crate) struct ConnectionSlots {
    free: Arc<Semaphore>,
    all: usize,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<Key, Arc<Waiting>>>,
}

/// A connection that waits for its client.
#[derive(Default)]
struct Waiting {
    leave: Notify,
    /// Bytes of its request's body so far.
    received: AtomicUsize,
    /// Whether it has had an answer.
    answered: AtomicBool,
}

impl ConnectionSlots {
    pub fn new(all: usize) -> Self {
        let all = all.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let free = Arc::new(Semaphore::new(all));
        Self { free, all, next: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// Takes a place, if one is free.
    pub fn enter(self: &Arc<Self>) -> Option<ConnectionSlot> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        Some(self.place(permit))
    }

    /// Takes a place, if one becomes free within `time`.
    pub async fn wait(self: &Arc<Self>, time: Duration) -> Option<ConnectionSlot> {
        let permit = tokio::time::timeout(time, self.free.clone().acquire_owned()).await;
        Some(self.place(permit.ok()?.ok()?))
    }

    /// Waits until all places are free.
    pub async fn empty(&self) {
        // The semaphore is never closed.
        drop(self.free.acquire_many(self.all as u32).await);
    }

    /// Evicts the client that has kept its connection waiting longest, preferably one without an
    /// answer so far; false if none has kept it waiting long.
    pub fn evict(&self) -> bool {
        let answered = |waiting: &Waiting| waiting.answered.load(Ordering::Relaxed);
        self.evict_one(|waiting| !answered(waiting)) || self.evict_one(answered)
    }

    /// Like [`Self::evict`], but only among clients that have sent a part of a body.
    pub fn evict_sender(&self) -> bool {
        self.evict_one(|waiting| waiting.received.load(Ordering::Relaxed) > 0)
    }

    fn evict_one(&self, may_go: impl Fn(&Waiting) -> bool) -> bool {
        let mut waiting = self.lock();
        let long = waiting.iter().take_while(|((since, _), _)| since.elapsed() >= GRACE);
        let Some(key) = long.filter(|(_, one)| may_go(one)).map(|(key, _)| *key).next() else {
            return false;
        };
        if let Some(one) = waiting.remove(&key) {
            one.leave.notify_one();
        }
        true
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> ConnectionSlot {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (places, state) = (self.clone(), Arc::default());
        let place =
            ConnectionSlot { places, number, state, since: Mutex::new(None), _permit: permit };
        place.waits();
        place
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Waiting>>> {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// The place of one connection.
pub(crate) struct ConnectionSlot {
    places: Arc<ConnectionSlots>,
    number: u64,
    state: Arc<Waiting>,
    /// Since when the connection has waited for its client; `None` while the client waits for the
    /// server.
    since: Mutex<Option<Instant>>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionSlot {
    /// Records that the client has an answer, and that the connection waits for it from now on.
    pub fn answered(&self) {
        self.state.answered.store(true, Ordering::Relaxed);
        self.waits();
    }

    /// Records that the connection waits for its client from now on.
    fn waits(&self) {
        let now = Instant::now();
        if let Some(before) = self.since().replace(now) {
            self.places.lock().remove(&(before, self.number));
        }
        self.state.received.store(0, Ordering::Relaxed);
        self.places.lock().insert((now, self.number), self.state.clone());
    }

    /// Records that the client has sent its request and waits for the server.
    pub fn works(&self) {
        if let Some(since) = self.since().take() {
            self.places.lock().remove(&(since, self.number));
        }
    }

    /// Records that a part of a body has arrived.
    pub fn received(&self, bytes: usize) {
        self.state.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Waits until another connection needs the place.
    pub async fn evicted(&self) {
        self.state.leave.notified().await;
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.works();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_waiting_client_is_evicted() {
        let places = Arc::new(ConnectionSlots::new(2));
        let working = places.enter().unwrap();
        let silent = places.enter().unwrap();
        working.works();
        assert!(places.enter().is_none());
        assert!(!places.evict(), "nobody has been waited for long");
        tokio::time::sleep(GRACE).await;
        assert!(!places.evict_sender(), "nobody has sent a body");
        silent.received(1);
        assert!(places.evict_sender());
        silent.evicted().await;
        drop(silent);
        assert!(places.enter().is_some());
        assert!(!places.evict(), "nobody else is waited for");
        drop(working);
        places.empty().await;
    }
}
