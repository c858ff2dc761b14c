//! Trains many runs, several at once: each in its own folder, from its current state.
//!
//! A trial that another process is training is skipped and checked again later, so processes may
//! share a folder and take over from one that was killed. A problem of one trial (a loss that is not
//! finite) does not stop the others; a problem that will affect all (a full disk) does.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use modiste_data::Dataset;
use modiste_search::{Shard, Task};
use modiste_train::{Config, Outcome, TrainError};

use crate::cli::WorkerArgs;
use crate::commands::train;
use crate::failure::Failure;
use crate::watch::{Board, TrialState};
use crate::{engine, machine, signals};

/// Default limit of concurrent trials: memory grows with their number.
const MOST_JOBS: usize = 4;
/// Time between two checks of a trial that another process is training.
const PATIENCE: Duration = Duration::from_secs(1);

/// A trial that cannot be trained.
pub struct Failed {
    /// Its name.
    pub name: String,
    /// The reason, in one line.
    pub problem: String,
}

/// The number of threads, and of trials that share them.
pub struct Workers {
    jobs: usize,
    threads_each: usize,
    quiet: bool,
}

impl Workers {
    /// The workers that `args` ask for, to train `tasks` trials.
    pub fn new(args: &WorkerArgs, tasks: usize) -> Self {
        let threads = args.threads.unwrap_or_else(machine::available_threads);
        let jobs = args.jobs.unwrap_or(threads.min(MOST_JOBS)).min(tasks).max(1);
        Self { jobs, threads_each: (threads / jobs).max(1), quiet: args.quiet }
    }
}

/// Callback after each completed task, called by one thread at a time.
type Done<'a> = dyn FnMut(&Task) -> Result<(), Failure> + Send + 'a;

/// Completes all tasks and calls `done` after each, from one thread at a time. Returns the trials that
/// could not be trained.
///
/// # Errors
/// If the user or the system asked to stop, or on a failure that would affect all trials. All runs can
/// then be resumed.
pub fn run(tasks: &[Task], workers: &Workers, done: &mut Done<'_>) -> Result<Vec<Failed>, Failure> {
    signals::listen()?;
    let names: Vec<(String, u64)> = tasks.iter().map(|t| (t.name.clone(), t.cost)).collect();
    let shared = Shared {
        tasks,
        threads: workers.threads_each,
        board: Board::new(names, workers.quiet),
        queue: Mutex::new(Queue {
            waiting: (0..tasks.len()).map(|task| (task, false)).collect(),
            failed: Vec::new(),
            end: None,
        }),
        done: Mutex::new(done),
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.jobs {
            scope.spawn(|| shared.work());
        }
    });
    shared.board.close();
    let queue = shared.queue.into_inner().expect("no worker panicked");
    match queue.end {
        Some(end) => Err(end),
        None if signals::stop().load(Ordering::Relaxed) && !queue.waiting.is_empty() => {
            Err(interrupted())
        }
        None => Ok(queue.failed),
    }
}

/// Like [`run`], for those of `tasks` that belong to the shard and are not done.
///
/// # Errors
/// As [`run`], or if a folder holds another run.
pub fn run_left(
    tasks: &[Task],
    shard: Shard,
    workers: &WorkerArgs,
    done: &mut Done<'_>,
) -> Result<Vec<Failed>, Failure> {
    let left = Task::left(tasks, shard)?;
    run(&left, &Workers::new(workers, left.len()), done)
}

/// Fails if some trials could not be trained; call it after showing the results of the others.
pub fn check(failed: &[Failed], all: usize) -> Result<(), Failure> {
    let Some(Failed { name, problem }) = failed.first() else { return Ok(()) };
    let count = failed.len();
    Err(anyhow::anyhow!("{count} of {all} trials failed: {name}: {problem}").into())
}

fn interrupted() -> Failure {
    Failure::Interrupted("interrupted; run the same command to continue".into())
}

/// State that the workers share.
struct Shared<'a> {
    tasks: &'a [Task],
    threads: usize,
    board: Board,
    queue: Mutex<Queue>,
    /// Called for each task that is done.
    done: Mutex<&'a mut Done<'a>>,
}

/// The part that changes, guarded by one lock.
struct Queue {
    /// Waiting tasks; `true` for those that another process was training.
    waiting: VecDeque<(usize, bool)>,
    failed: Vec<Failed>,
    /// Why all work ends early, if it does.
    end: Option<Failure>,
}

/// Outcome of an attempt at a task.
enum Attempt {
    Done,
    /// Another process is training it.
    InUse,
    Interrupted,
    /// It cannot be trained.
    Failed(String),
}

impl Shared<'_> {
    /// The loop of one worker: task after task.
    fn work(&self) {
        let mut data = None;
        while !signals::stop().load(Ordering::Relaxed) {
            let next = self.queue().waiting.pop_front();
            let Some((index, in_use)) = next else { return };
            if in_use {
                std::thread::sleep(PATIENCE);
            }
            let task = &self.tasks[index];
            match self.attempt(index, &mut data) {
                Ok(Attempt::Done) => {
                    self.board.set(index, TrialState::Done);
                    let mut done = self.done.lock().expect("no worker panicked");
                    if let Err(error) = (*done)(task) {
                        self.end(error);
                    }
                }
                Ok(Attempt::InUse) => {
                    self.board.set(index, TrialState::InUse);
                    self.queue().waiting.push_back((index, true));
                }
                Ok(Attempt::Failed(problem)) => {
                    self.board.set(index, TrialState::Failed);
                    self.queue().failed.push(Failed { name: task.name.clone(), problem });
                }
                Ok(Attempt::Interrupted) => self.end(interrupted()),
                Err(error) => self.end(error),
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no worker panicked")
    }

    /// Makes all workers stop at a point from which runs can be resumed. Only the first failure is
    /// reported, because others may follow from it.
    fn end(&self, reason: Failure) {
        let mut queue = self.queue();
        if matches!(queue.end, None | Some(Failure::Interrupted(_))) {
            queue.end = Some(reason);
        }
        signals::stop().store(true, Ordering::Relaxed);
    }

    /// Completes one task; `data` is the data of the worker's last task.
    fn attempt(
        &self,
        index: usize,
        data: &mut Option<(Config, Dataset)>,
    ) -> Result<Attempt, Failure> {
        let task = &self.tasks[index];
        let Some(run) = task.open()? else { return Ok(Attempt::InUse) };
        // Another process may have finished it by now.
        if task.is_done()? {
            return Ok(Attempt::Done);
        }
        let config = run.config();
        if data.as_ref().is_none_or(|(of, _)| !of.same_data(config)) {
            *data = None;
            *data = Some((config.clone(), config.load_data()?));
        }
        let (_, data) = data.as_ref().expect("loaded if it was not there");
        let network = config.network(data)?;
        let mut engine = engine::new(&network, config.training.batch, self.threads)?;
        let mut observer = self.board.observer(index);
        let until = task.until.filter(|&until| until < config.training.epochs);
        match train::train_epochs(engine.as_mut(), data, &run, until, &mut observer) {
            Ok(Outcome::Finished(_)) => Ok(Attempt::Done),
            Ok(Outcome::Interrupted { .. }) if task.is_done()? => Ok(Attempt::Done),
            Ok(Outcome::Interrupted { .. }) => Ok(Attempt::Interrupted),
            Err(Failure::Failed(error)) => match error.downcast_ref::<TrainError>() {
                Some(astray @ TrainError::NotFinite { .. }) => {
                    Ok(Attempt::Failed(astray.to_string()))
                }
                _ => Err(Failure::Failed(error)),
            },
            Err(other) => Err(other),
        }
    }
}
