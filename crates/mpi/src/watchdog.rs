//! Ends a rank that waits for others that will never answer, because MPI itself may wait forever.

use crate::StallHandler;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time at which this rank began to wait.
pub(crate) struct Watchdog {
    start: Instant,
    /// Milliseconds after `start`, plus 1; 0 while the rank is not waiting.
    since: AtomicU64,
}

impl Watchdog {
    /// Checks on a separate thread whether an exchange takes longer than `patience`.
    pub fn begin(patience: Duration, stalled: StallHandler) -> Arc<Self> {
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

    /// Runs an exchange and measures the wait.
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
