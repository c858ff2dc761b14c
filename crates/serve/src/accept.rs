//! Accepts connections and logs errors.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::connection::Connections;
use crate::listen::Listeners;
use crate::log::log;

/// How long to wait after an error: trying again at once would only waste time, for example if the
/// process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);
/// How often errors are logged.
const EVERY: Duration = Duration::from_secs(60);
/// Largest number of connections that the system may have accepted before the end.
const WAITING: usize = 4096;

/// Accepts connections for ever; `time` as in [`Listeners::accept`].
pub(crate) async fn accept(connections: &Connections, listeners: &Listeners, time: Duration) {
    let mut errors = Errors::default();
    loop {
        match listeners.accept(time).await {
            Ok(socket) => connections.take(socket),
            Err(error) => {
                if let Some(line) = errors.note(&error, Instant::now()) {
                    log(&line);
                }
                connections.make_room();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Accepts the connections already waiting: closing the listeners would cut them off.
pub(crate) async fn accept_waiting(
    connections: &Connections,
    listeners: &Listeners,
    time: Duration,
) {
    for _ in 0..WAITING {
        tokio::select! {
            biased;
            accepted = listeners.accept(time) => match accepted {
                Ok(socket) => connections.take(socket),
                Err(_) => return,
            },
            () = std::future::ready(()) => return,
        }
    }
}

/// Counts errors since the last line in the log.
#[derive(Debug, Default)]
struct Errors {
    logged: Option<Instant>,
    count: usize,
}

impl Errors {
    /// Counts an error; returns the line to log, at most once in [`EVERY`].
    fn note(&mut self, error: &io::Error, now: Instant) -> Option<String> {
        self.count += 1;
        if self.logged.is_some_and(|logged| now.duration_since(logged) < EVERY) {
            return None;
        }
        self.logged = Some(now);
        let count = std::mem::take(&mut self.count);
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        Some(format!("a connection could not be accepted, {times}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_logged_once_a_minute_with_their_number() {
        let (mut errors, start) = (Errors::default(), Instant::now());
        let error = io::Error::other("no more files");
        let mut note = |seconds| errors.note(&error, start + Duration::from_secs(seconds));
        assert!(note(0).unwrap().ends_with("once: no more files"));
        assert_eq!([note(1), note(30), note(59)], [None, None, None]);
        assert!(note(60).unwrap().ends_with("4 times: no more files"));
        assert_eq!(note(61), None);
    }
}
