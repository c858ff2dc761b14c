//! One long-lived team of threads, and slices cut into parts that it may share.
//!
//! A job is one function of the thread's number; threads divide the work by a fixed rule, so no
//! queue, no stealing and no allocation stand between two jobs. Waiting threads spin briefly, as the
//! next job of a training step follows within microseconds, then give the core away, then sleep.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Turns of spinning (some 200 microseconds), then of yielding, before a worker goes to sleep. Who
/// yields on a busy machine is gone for milliseconds; but a team larger than the machine must yield.
const SPINS: usize = 20_000;
const YIELDS: usize = 200;

type Job = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// The current job; written by the owner while no worker runs.
    job: std::cell::UnsafeCell<Option<Job>>,
    /// Counts jobs; a change is the signal to start.
    round: AtomicUsize,
    /// Workers that have not finished the current job.
    running: AtomicUsize,
    panicked: AtomicBool,
    closed: AtomicBool,
    sleepers: Mutex<usize>,
    wake: Condvar,
    /// Turns of spinning: none for a team that is larger than the machine.
    spins: usize,
}

// SAFETY: `job` is written only by `Pool::run`, which holds `&mut Pool` and has seen `running` fall
// to 0 (acquire); workers read it after the change of `round` (acquire) that follows the write.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is only used while `Pool::run` keeps its referent borrowed.
unsafe impl Send for Shared {}

/// A team of threads; the caller is its first member.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A team of `threads` threads, at least 1, the caller included.
    ///
    /// # Panics
    /// If the system gives no more threads.
    pub fn new(threads: usize) -> Self {
        let available = std::thread::available_parallelism().map_or(1, |n| n.get());
        let shared = Arc::new(Shared {
            job: std::cell::UnsafeCell::new(None),
            round: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            sleepers: Mutex::new(0),
            wake: Condvar::new(),
            spins: if threads > available { 0 } else { SPINS },
        });
        let spawn = |number| {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name(format!("modiste-{number}"));
            builder.spawn(move || work(&shared, number)).expect("the system gives a thread")
        };
        let workers = (1..threads.max(1)).map(spawn).collect();
        Self { shared, workers }
    }

    /// Members of the team.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job(number)` once on each thread and returns when all have finished.
    ///
    /// # Panics
    /// If the job panics on any thread, after all have finished.
    pub fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return job(0);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime is changed; this function does not return, nor unwind, before
        // every worker has finished with the job.
        let erased: Job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(job) };
        // SAFETY: no worker reads the job before `round` changes.
        unsafe { *shared.job.get() = Some(erased) };
        shared.running.store(self.workers.len(), Ordering::Relaxed);
        shared.round.fetch_add(1, Ordering::SeqCst);
        self.wake_sleepers();
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let mut turns = 0;
        while shared.running.load(Ordering::Acquire) > 0 {
            turns += 1;
            if turns < shared.spins { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        let panicked = shared.panicked.swap(false, Ordering::Relaxed);
        match own {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) if panicked => panic!("a job panicked on another thread"),
            Ok(()) => (),
        }
    }

    fn wake_sleepers(&self) {
        if *self.shared.sleepers.lock().expect("no panic under this lock") > 0 {
            self.shared.wake.notify_all();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.round.fetch_add(1, Ordering::SeqCst);
        self.wake_sleepers();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs, so there is nothing to report here.
            let _ = worker.join();
        }
    }
}

/// A worker's life: wait for a job, do it, say so.
fn work(shared: &Shared, number: usize) {
    let mut seen = 0;
    loop {
        seen = wait_for_change(shared, seen);
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        // SAFETY: the job was written before `round` changed and stays until `running` is 0.
        let job = unsafe { &*(*shared.job.get()).expect("a round has a job") };
        if catch_unwind(AssertUnwindSafe(|| job(number))).is_err() {
            shared.panicked.store(true, Ordering::Relaxed);
        }
        shared.running.fetch_sub(1, Ordering::Release);
    }
}

fn wait_for_change(shared: &Shared, seen: usize) -> usize {
    for turn in 0..shared.spins + YIELDS {
        let round = shared.round.load(Ordering::Acquire);
        if round != seen {
            return round;
        }
        if turn < shared.spins { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
    let mut sleepers = shared.sleepers.lock().expect("no panic under this lock");
    *sleepers += 1;
    loop {
        let round = shared.round.load(Ordering::SeqCst);
        if round != seen {
            *sleepers -= 1;
            return round;
        }
        sleepers = shared.wake.wait(sleepers).expect("no panic under this lock");
    }
}

/// The most parts of a slice.
pub const MAX_PARTS: usize = 4096;

/// Where parts begin and end.
enum Cuts<'a> {
    /// After so many values each; the last part may be shorter.
    Every(usize),
    /// At these places, the first and the last end included.
    At(&'a [usize]),
}

/// A slice cut into parts that threads take, each once.
pub struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    cuts: Cuts<'a>,
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
            cuts: Cuts::Every(part),
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
        Self { cuts: Cuts::At(cuts), ..Self::new(slice, usize::MAX) }
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        match self.cuts {
            Cuts::Every(part) => {
                let from = index.saturating_mul(part);
                assert!(from < self.len, "part {index} of {}", self.len.div_ceil(part));
                from..from.saturating_add(part).min(self.len)
            }
            Cuts::At(cuts) => {
                assert!(index + 1 < cuts.len(), "part {index} of {}", cuts.len().max(1) - 1);
                cuts[index]..cuts[index + 1]
            }
        }
    }

    /// Part `index`.
    ///
    /// # Panics
    /// If it is taken already or there is no such part.
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
    fn every_thread_runs_every_job_once() {
        let mut pool = Pool::new(3);
        let mut values = vec![0u32; 10];
        for _ in 0..if cfg!(miri) { 3 } else { 500 } {
            let parts = Parts::new(&mut values, 1);
            pool.run(&|t| (t..10).step_by(3).for_each(|i| parts.take(i)[0] += 1));
        }
        assert!(values.iter().all(|&v| v == values[0] && v > 0));
    }

    #[test]
    fn sleeping_workers_wake() {
        let mut pool = Pool::new(2);
        let count = AtomicUsize::new(0);
        std::thread::sleep(std::time::Duration::from_millis(50));
        pool.run(&|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 2);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let mut pool = Pool::new(2);
        let panics = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|t| assert!(t == 0, "for the test"));
        }));
        assert!(panics.is_err());
        pool.run(&|_| ());
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
