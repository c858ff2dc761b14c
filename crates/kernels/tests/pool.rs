//! The pool runs each job once on each thread, and each part of a slice once.

use modiste_kernels::pool::{MAX_PARTS, Parts, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Fewer rounds under an interpreter.
const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };

#[test]
fn a_job_sees_what_the_one_before_wrote() {
    for threads in 1..=5 {
        let mut pool = Pool::new(threads).unwrap();
        assert_eq!(pool.threads(), threads);
        let (mut from, mut to) = (vec![1u64; 23], vec![0u64; 23]);
        for _ in 0..ROUNDS {
            let parts = Parts::new(&mut to, 4);
            // Each part adds neighbours that other threads wrote in the round before.
            pool.run(&|thread| {
                for part in (thread..6).step_by(threads) {
                    for (i, value) in parts.take(part).iter_mut().enumerate() {
                        let at = part * 4 + i;
                        *value = (from[at] + from[(at + 9) % 23]) % 1_000_003;
                    }
                }
            });
            std::mem::swap(&mut from, &mut to);
        }
        let alone = (0..ROUNDS).fold(1, |v, _| 2 * v % 1_000_003);
        assert_eq!(from, vec![alone; 23], "{threads} threads");
    }
}

#[test]
fn a_pool_of_zero_threads_runs_on_the_caller() {
    let mut pool = Pool::new(0).unwrap();
    assert_eq!(pool.threads(), 1);
    let calls = AtomicUsize::new(0);
    pool.run(&|thread| {
        calls.fetch_add(1 + thread, Ordering::Relaxed);
    });
    assert_eq!(calls.into_inner(), 1);
}

/// After pauses of several lengths the workers are spinning, yielding, falling asleep or asleep.
#[test]
fn workers_start_after_any_pause() {
    let mut pool = Pool::new(3).unwrap();
    let count = AtomicUsize::new(0);
    let pauses = [0, 5, 20, 50, 100, 200, 400, 1_000, 3_000];
    for round in 0..ROUNDS {
        std::thread::sleep(Duration::from_micros(pauses[round % pauses.len()]));
        pool.run(&|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    assert_eq!(count.into_inner(), 3 * ROUNDS);
}

/// A panic on the caller's thread waits for the other threads, too: they may still use what the job borrows.
#[test]
fn a_panic_of_the_caller_waits_for_the_workers() {
    let mut pool = Pool::new(3).unwrap();
    for _ in 0..3 {
        let done = AtomicUsize::new(0);
        let run = AssertUnwindSafe(|| {
            pool.run(&|thread| {
                assert!(thread > 0, "for the test");
                std::thread::sleep(Duration::from_millis(5));
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert!(catch_unwind(run).is_err());
        assert_eq!(done.into_inner(), 2);
    }
}

#[test]
fn parts_cover_the_slice_and_the_last_is_shorter() {
    for (len, part) in [(1, 1), (10, 3), (12, 3), (3, 10), (MAX_PARTS, 1)] {
        let mut values = vec![0u8; len];
        let parts = Parts::new(&mut values, part);
        let lengths: Vec<usize> = (0..len.div_ceil(part))
            .map(|index| {
                let values = parts.take(index);
                values.iter_mut().for_each(|v| *v += 1);
                values.len()
            })
            .collect();
        let (last, others) = lengths.split_last().expect("a part");
        assert!(others.iter().all(|&l| l == part) && *last == len - part * others.len());
        assert!(values.iter().all(|&v| v == 1), "({len}, {part})");
    }
}

#[test]
#[should_panic(expected = "part 4 of 4")]
fn there_are_no_more_parts_than_the_slice_holds() {
    Parts::new(&mut [0u8; 10], 3).take(4);
}

#[test]
#[should_panic(expected = "part 0 of 0")]
fn an_empty_slice_has_no_part() {
    Parts::new(&mut [0u8; 0], 3).take(0);
}

#[test]
#[should_panic(expected = "parts of no value")]
fn parts_are_not_empty() {
    Parts::new(&mut [0u8; 10], 0);
}

#[test]
#[should_panic(expected = "more than 4096 parts")]
fn parts_are_limited() {
    Parts::new(&mut [0u8; MAX_PARTS + 1], 1);
}
