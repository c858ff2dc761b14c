//! Ends a rank that waits for others that will never answer: MPI itself may wait for ever.

use crate::Stalled;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Since when this rank has been waiting.
pub(crate) struct Watchdog {
    start: Instant,
    /// Milliseconds after `start`, plus 1; 0 while it waits for nobody.
    since: AtomicU64,
}

impl Watchdog {
    /// Looks from a thread of its own whether an exchange takes longer than `patience`.
    pub fn begin(patience: Duration, stalled: Stalled) -> Arc<Self> {
        let dog = Arc::new(Self { start: Instant::now(), since: AtomicU64::new(0) });
        let watched = dog.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep((patience / 8).min(Duration::from_secs(1)));
                if let Some(waited) = watched.waited().filter(|&waited| waited > patience) {
                    stalled(waited);
                }
            }
        });
        dog
    }

    /// Runs an exchange under watch.
    pub fn watch<T>(&self, exchange: impl FnOnce() -> T) -> T {
        let now = self.start.elapsed().as_millis() as u64;
        self.since.store(now + 1, Ordering::Relaxed);
        let result = exchange();
        self.since.store(0, Ordering::Relaxed);
        result
    }

    fn waited(&self) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1)?;
        self.start.elapsed().checked_sub(Duration::from_millis(since))
    }
}
