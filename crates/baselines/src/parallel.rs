//! Distributes independent units of work over threads; results do not depend on the distribution.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::{BaselineError, Progress};

/// Threads, the flag to stop, and the callback for progress.
pub(crate) struct Team<'a> {
    pub threads: usize,
    pub stop: &'a AtomicBool,
    pub watch: &'a mut dyn FnMut(Progress),
}

impl Team<'_> {
    /// Returns `work(0), work(1), ..` for `count` units, in that order.
    pub fn map<T: Send>(
        &mut self,
        what: &'static str,
        count: usize,
        work: &(dyn Fn(usize) -> Result<T, BaselineError> + Sync),
    ) -> Result<Vec<T>, BaselineError> {
        let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
        let (next, stop) = (&AtomicUsize::new(0), self.stop);
        let (sender, receiver) = mpsc::channel();
        let mut failure = None;
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(count) {
                let sender = sender.clone();
                scope.spawn(move || {
                    loop {
                        let piece = next.fetch_add(1, Ordering::Relaxed);
                        if piece >= count {
                            return;
                        }
                        let result = match stop.load(Ordering::Relaxed) {
                            true => Err(BaselineError::Interrupted),
                            false => work(piece),
                        };
                        let failed = result.is_err();
                        // The receiver is dropped after a failure; then the rest is not needed.
                        if sender.send((piece, result)).is_err() || failed {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (done, (piece, result)) in receiver.into_iter().enumerate() {
                match result {
                    Ok(result) => results[piece] = Some(result),
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
                (self.watch)(Progress { what, done: done + 1, of: count });
            }
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(results.into_iter().map(|r| r.expect("every piece was done")).collect()),
        }
    }

    /// Predicts images of `values` bytes in blocks of `block`.
    pub fn predict(
        &mut self,
        images: &[u8],
        values: usize,
        block: usize,
        work: &(dyn Fn(&[u8]) -> Vec<u16> + Sync),
    ) -> Result<Vec<u16>, BaselineError> {
        let blocks: Vec<&[u8]> = images.chunks(block * values).collect();
        let predicted = self.map("predictions", blocks.len(), &|i| Ok(work(blocks[i])))?;
        Ok(predicted.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_failures_end_the_work() {
        for threads in [1, 3, 9] {
            let stop = AtomicBool::new(false);
            let mut seen = 0;
            let mut watch = |_| seen += 1;
            let mut team = Team { threads, stop: &stop, watch: &mut watch };
            let squares = team.map("squares", 100, &|i| Ok(i * i)).unwrap();
            assert!(squares.iter().enumerate().all(|(i, &s)| s == i * i));
            assert!(team.map("none", 0, &|i| Ok(i)).unwrap().is_empty());
            let odd = |i| if i == 41 { Err(BaselineError::Interrupted) } else { Ok(i) };
            assert_eq!(team.map("some", 100, &odd), Err(BaselineError::Interrupted));
            stop.store(true, Ordering::Relaxed);
            assert_eq!(team.map("squares", 9, &Ok), Err(BaselineError::Interrupted));
            assert!(seen >= 100);
        }
    }
}
