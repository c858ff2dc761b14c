//! A long-lived team of threads, and slices cut into parts that its members share.
//!
//! A job is a function of the thread's number; threads divide the work by a fixed rule, so there is
//! no queue, no stealing and no allocation between two jobs. Waiting threads spin briefly, because
//! the next job of a training step follows within microseconds, then yield, then sleep.

use std::any::Any;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Iterations of spinning (some 200 microseconds), and then of yielding, before a worker goes to
/// sleep. On a busy machine, a thread that yields gets its core back only milliseconds later, but a
/// team larger than the machine must yield.
const SPINS: usize = 20_000;
const YIELDS: usize = 200;

type Job = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// The current job; written by the owner while no worker runs.
    job: std::cell::UnsafeCell<Option<Job>>,
    /// Number of jobs so far; a change is the signal to start.
    round: AtomicUsize,
    /// Number of workers that have not finished the current job.
    running: AtomicUsize,
    /// The payload of the first panic in the current job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    closed: AtomicBool,
    sleepers: Mutex<usize>,
    wake: Condvar,
    /// Iterations of spinning: none for a team larger than the machine.
    spins: usize,
}

// SAFETY: `job` is written only by `Pool::run`, which holds `&mut Pool` and has seen `running` fall
// to 0 (acquire); workers read it after the change of `round` (acquire) that follows the write. All
// other fields are `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is only used while `Pool::run` keeps its referent borrowed, and that
// referent is `Sync`. All other fields are `Send`.
unsafe impl Send for Shared {}

impl Shared {
    /// Does a thread's share of a job. A panic is kept for the caller and never dropped here,
    /// because dropping a payload may panic again.
    fn work(&self, job: &(dyn Fn(usize) + Sync), number: usize) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job(number))) {
            let mut kept = unpoisoned(&self.panic);
            match &*kept {
                None => *kept = Some(payload),
                Some(_) => std::mem::forget(payload),
            }
        }
    }

    /// Changes the round, for which workers wait.
    fn signal(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
        if *unpoisoned(&self.sleepers) > 0 {
            self.wake.notify_all();
        }
    }

    fn spin_or_yield(&self, turn: usize) {
        if turn < self.spins { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
}

/// Locks a mutex, ignoring poison: no panic can leave its value half changed here.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A team of threads; the caller is its first member.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A team of `threads` threads, at least 1, including the caller.
    ///
    /// # Errors
    /// If the system cannot start all threads; those already started have then ended.
    pub fn new(threads: usize) -> io::Result<Self> {
        Self::with(threads, |number, work| {
            std::thread::Builder::new().name(format!("modiste-{number}")).spawn(work)
        })
    }

    /// A team whose threads are started by `spawn(number, life)`.
    fn with(
        threads: usize,
        spawn: impl Fn(usize, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>,
    ) -> io::Result<Self> {
        let available = std::thread::available_parallelism().map_or(1, |n| n.get());
        let shared = Arc::new(Shared {
            job: std::cell::UnsafeCell::new(None),
            round: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            panic: Mutex::new(None),
            closed: AtomicBool::new(false),
            sleepers: Mutex::new(0),
            wake: Condvar::new(),
            spins: if threads > available { 0 } else { SPINS },
        });
        // If dropped on an error, the pool ends the workers it has.
        let mut pool = Self { shared, workers: Vec::new() };
        for number in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = spawn(number, Box::new(move || live(&shared, number)));
            let named = |e: io::Error| {
                io::Error::new(
                    e.kind(),
                    format!("failed to start thread {} of {threads}: {e}", number + 1),
                )
            };
            pool.workers.push(worker.map_err(named)?);
        }
        Ok(pool)
    }

    /// Number of members of the team.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job(number)` once on each thread and returns when all have finished.
    ///
    /// # Panics
    /// If the job panics on any thread, with the first one's payload, after all have finished.
    pub fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return job(0);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime is changed; `finish` is dropped, and so every worker has finished
        // with the job, before this function returns or unwinds.
        let erased: Job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(job) };
        // SAFETY: no worker reads the job before `round` changes.
        unsafe { *shared.job.get() = Some(erased) };
        shared.running.store(self.workers.len(), Ordering::Relaxed);
        let finish = Finish(shared);
        shared.signal();
        shared.work(job, 0);
        drop(finish);
        if let Some(payload) = unpoisoned(&shared.panic).take() {
            resume_unwind(payload);
        }
    }
}

/// Waits for the workers of the current job when it is dropped.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut turn = 0;
        while self.0.running.load(Ordering::Acquire) > 0 {
            self.0.spin_or_yield(turn);
            turn += 1;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.signal();
        for worker in self.workers.drain(..) {
            // Panics of jobs are kept for the caller, so there is nothing to report.
            let _ = worker.join();
        }
    }
}

/// The loop of a worker: wait for a job, do it, report that it is done.
fn live(shared: &Shared, number: usize) {
    let mut seen = 0;
    loop {
        seen = wait_for_change(shared, seen);
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        // SAFETY: the job was written before `round` changed and stays until `running` is 0.
        let job = unsafe { &*(*shared.job.get()).expect("a round has a job") };
        shared.work(job, number);
        shared.running.fetch_sub(1, Ordering::Release);
    }
}

fn wait_for_change(shared: &Shared, seen: usize) -> usize {
    for turn in 0..shared.spins + YIELDS {
        let round = shared.round.load(Ordering::Acquire);
        if round != seen {
            return round;
        }
        shared.spin_or_yield(turn);
    }
    let mut sleepers = unpoisoned(&shared.sleepers);
    *sleepers += 1;
    loop {
        let round = shared.round.load(Ordering::SeqCst);
        if round != seen {
            *sleepers -= 1;
            return round;
        }
        sleepers = shared.wake.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Largest number of parts of a slice.
pub const MAX_PARTS: usize = 4096;

/// The boundaries of parts.
enum Boundaries<'a> {
    /// Parts of this many values; the last one may be shorter.
    Every(usize),
    /// Parts between these positions, which include both ends.
    At(&'a [usize]),
}

/// Divides `cuts` into stretches of at most [`MAX_PARTS`], for [`Parts::at`], each with the number
/// of its first part; neighbouring stretches share a cut.
pub fn stretches(cuts: &[usize]) -> impl Iterator<Item = (usize, &[usize])> {
    const STEP: usize = MAX_PARTS - 1;
    let starts = (0..cuts.len().saturating_sub(1)).step_by(STEP);
    starts.map(|start| (start, &cuts[start..cuts.len().min(start + MAX_PARTS)]))
}

/// A slice cut into parts, each of which can be taken once by some thread.
pub struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    cuts: Boundaries<'a>,
    taken: [AtomicU64; MAX_PARTS / 64],
    lives: PhantomData<&'a mut [T]>,
}

// SAFETY: a part is handed out once, so no two threads hold the same values.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    /// Cuts `slice` into parts of `part` values.
    ///
    /// # Panics
    /// If that makes more than [`MAX_PARTS`] parts.
    pub fn new(slice: &'a mut [T], part: usize) -> Self {
        assert!(part > 0, "parts of no value");
        assert!(slice.len().div_ceil(part) <= MAX_PARTS, "more than {MAX_PARTS} parts");
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            cuts: Boundaries::Every(part),
            taken: std::array::from_fn(|_| AtomicU64::new(0)),
            lives: PhantomData,
        }
    }

    /// Cuts `slice` at `cuts`, ascending from 0 to at most its length: one part less than cuts.
    ///
    /// # Panics
    /// If the cuts do not ascend within the slice or make more than [`MAX_PARTS`] parts.
    pub fn at(slice: &'a mut [T], cuts: &'a [usize]) -> Self {
        assert!(cuts.is_sorted() && cuts.last().is_none_or(|&end| end <= slice.len()), "cuts");
        assert!(cuts.len() <= MAX_PARTS, "more than {MAX_PARTS} parts");
        Self { cuts: Boundaries::At(cuts), ..Self::new(slice, usize::MAX) }
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        match self.cuts {
            Boundaries::Every(part) => {
                let from = index.saturating_mul(part);
                assert!(from < self.len, "part {index} of {}", self.len.div_ceil(part));
                from..from.saturating_add(part).min(self.len)
            }
            Boundaries::At(cuts) => {
                assert!(index + 1 < cuts.len(), "part {index} of {}", cuts.len().max(1) - 1);
                cuts[index]..cuts[index + 1]
            }
        }
    }

    /// Part `index`.
    ///
    /// # Panics
    /// If it has been taken already or does not exist.
    pub fn take(&self, index: usize) -> &'a mut [T] {
        let range = self.range(index);
        let bit = 1 << (index % 64);
        let before = self.taken[index / 64].fetch_or(bit, Ordering::Relaxed);
        assert!(before & bit == 0, "part {index} was taken before");
        // SAFETY: the part lies within the slice, which stays borrowed for 'a; the bit says that it
        // was never handed out before, and parts do not overlap.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_have_every_part_once() {
        for count in [0, 1, 2, MAX_PARTS - 1, MAX_PARTS, MAX_PARTS + 1, 2 * MAX_PARTS - 1, 10_000] {
            let cuts: Vec<usize> = (0..count).collect();
            let mut next = 0;
            for (first, stretch) in stretches(&cuts) {
                assert!(first == next && stretch.len() <= MAX_PARTS, "{count}: {first}");
                assert_eq!(stretch[0], first);
                next += stretch.len() - 1;
            }
            assert_eq!(next, count.saturating_sub(1));
        }
    }

    #[test]
    fn every_thread_runs_every_job_once() {
        let mut pool = Pool::new(3).unwrap();
        let mut values = vec![0u32; 10];
        for _ in 0..if cfg!(miri) { 3 } else { 500 } {
            let parts = Parts::new(&mut values, 1);
            pool.run(&|t| (t..10).step_by(3).for_each(|i| parts.take(i)[0] += 1));
        }
        assert!(values.iter().all(|&v| v == values[0] && v > 0));
    }

    #[test]
    fn sleeping_workers_wake() {
        let mut pool = Pool::new(2).unwrap();
        let count = AtomicUsize::new(0);
        std::thread::sleep(std::time::Duration::from_millis(50));
        pool.run(&|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 2);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_stays_usable() {
        let mut pool = Pool::new(2).unwrap();
        let panics = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|t| assert!(t == 0, "for the test"));
        }));
        let payload = panics.expect_err("a panic");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"for the test"));
        pool.run(&|_| ());
    }

    /// A payload that panics again when dropped.
    struct Again;

    impl Drop for Again {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_not_hang_the_pool() {
        let mut pool = Pool::new(3).unwrap();
        for _ in 0..3 {
            let run = AssertUnwindSafe(|| pool.run(&|_| std::panic::panic_any(Again)));
            let payload = catch_unwind(run).expect_err("a panic");
            assert!(payload.is::<Again>());
            std::mem::forget(payload);
        }
        pool.run(&|_| ());
    }

    #[test]
    fn a_poisoned_lock_is_ignored() {
        let mut pool = Pool::new(2).unwrap();
        let poison = AssertUnwindSafe(|| {
            let _guards = (pool.shared.sleepers.lock(), pool.shared.panic.lock());
            panic!("for the test");
        });
        assert!(catch_unwind(poison).is_err());
        assert!(pool.shared.sleepers.is_poisoned() && pool.shared.panic.is_poisoned());
        let count = AtomicUsize::new(0);
        pool.run(&|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 2);
    }

    #[test]
    fn threads_end_when_a_later_one_does_not_start() {
        let lives = Arc::new(AtomicUsize::new(0));
        let pool = Pool::with(5, |number, life| {
            if number == 3 {
                return Err(io::Error::other("for the test"));
            }
            let lives = Arc::clone(&lives);
            lives.fetch_add(1, Ordering::SeqCst);
            std::thread::Builder::new().spawn(move || {
                life();
                lives.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let error = pool.err().expect("an error").to_string();
        assert_eq!(error, "failed to start thread 4 of 5: for the test");
        assert_eq!(lives.load(Ordering::SeqCst), 0, "threads that still live");
    }

    #[test]
    fn parts_lie_between_their_cuts() {
        let mut values = [0, 1, 2, 3, 4, 5];
        let parts = Parts::at(&mut values, &[0, 2, 2, 5]);
        assert_eq!(
            (parts.take(2), parts.take(1), parts.take(0)),
            (&mut [2, 3, 4][..], &mut [][..], &mut [0, 1][..])
        );
    }

    #[test]
    #[should_panic(expected = "part 1 was taken before")]
    fn a_part_is_taken_once() {
        let mut values = [0u8; 4];
        let parts = Parts::new(&mut values, 2);
        let _ = (parts.take(1), parts.take(1));
    }
}
