//! What a reproduction still has to train, and about how long that takes on this machine.

use std::fmt;
use std::path::PathBuf;

use modiste_search::{Plan, Task, TrialProgress};
use modiste_views::Table;
use serde::Serialize;

use super::plan::Settings;
use crate::cli::ReproduceArgs;
use crate::commands::bench;
use crate::failure::Failure;
use crate::watch::duration;
use crate::{machine, output};

/// The runs to train, displayed as text or serialised as JSON.
#[derive(Serialize)]
pub struct DryRun {
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    /// Threads that the speed was measured with.
    threads: usize,
    /// Speed of the final training.
    images_per_second: f64,
    stages: Vec<Stage>,
    seconds_left: f64,
}

/// The runs of a stage.
#[derive(Serialize)]
struct Stage {
    name: &'static str,
    runs: usize,
    done: usize,
    /// Largest number of epochs of a run.
    epochs: usize,
    seconds_left: f64,
}

impl DryRun {
    /// Reads the results folder, if there is one, and measures how fast this machine trains.
    ///
    /// Until the grid is done, its last combination stands in for the selection.
    ///
    /// # Errors
    /// If the data cannot be loaded, a network does not fit it, or the folder is of another
    /// reproduction.
    pub fn new(args: &ReproduceArgs, settings: &Settings, plan: &Plan) -> Result<Self, Failure> {
        let out = &args.out;
        settings.check_folder(out)?;
        let results = plan.results()?;
        let complete = results.complete();
        let last = match complete {
            true => settings.select(&results)?.1,
            false => settings.provisional_selection(),
        };
        if complete {
            settings.check_selected(&last, out)?;
        }
        let study = settings.study(&last, plan, out)?;
        study.check_folder()?;

        let threads = args.workers.threads.unwrap_or_else(machine::available_threads);
        let network = last.network(&last.load_data()?)?;
        let (batch, optimiser) = (last.training.batch, last.training.optimiser);
        let images_per_second = bench::training_speed(&network, batch, optimiser, threads)?;
        let rate = images_per_second * network.multiply_adds() as f64;

        let trials = plan.tasks();
        // Runs that the grid trains are counted there.
        let own = |task: &&Task| !trials.iter().any(|trial| trial.folder == task.folder);
        let others: Vec<Task> = study.tasks().iter().filter(own).cloned().collect();
        let stages = vec![
            Stage::new("grid", &trials, rate)?,
            Stage::new("final training", &[super::final_task(out, &last)?], rate)?,
            Stage::new("ablation", &others, rate)?,
        ];
        let seconds_left = stages.iter().map(|stage| stage.seconds_left).sum();
        Ok(Self { out: out.to_owned(), threads, images_per_second, stages, seconds_left })
    }
}

impl Stage {
    /// A stage that trains `tasks`, at `rate` multiply-adds of training images per second.
    fn new(name: &'static str, tasks: &[Task], rate: f64) -> Result<Self, Failure> {
        let epochs = tasks.iter().map(|task| task.config.training.epochs).max().unwrap_or(0);
        let mut stage = Self { name, runs: tasks.len(), done: 0, epochs, seconds_left: 0.0 };
        for task in tasks {
            let left = part_left(task)?;
            stage.done += usize::from(left == 0.0);
            stage.seconds_left += left * task.cost as f64 / rate;
        }
        Ok(stage)
    }
}

/// The share of a run that is not done yet.
fn part_left(task: &Task) -> Result<f64, Failure> {
    let all = task.config.training.epochs;
    Ok(match task.state()? {
        TrialProgress::New => 1.0,
        // Only its report may be missing.
        TrialProgress::Begun { epochs } => all.saturating_sub(epochs).max(1) as f64 / all as f64,
        TrialProgress::Done(_) => 0.0,
    })
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.out.display())?;
        let mut table = Table::new(1, ["stage", "runs", "done", "epochs", "time left"]);
        for stage in &self.stages {
            let numbers = [stage.runs, stage.done, stage.epochs].map(|n| n.to_string());
            let left = duration(stage.seconds_left);
            table.row(std::iter::once(stage.name.to_owned()).chain(numbers).chain([left]));
        }
        let whole = duration(self.seconds_left);
        table.row(["all", "", "", "", &whole]);
        let (speed, threads) = (self.images_per_second, self.threads);
        let by = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        writeln!(
            f,
            "{table}\nby {speed:.0} images/s of the final training, measured now on {by}; evaluation, baselines \
             and report add minutes"
        )
    }
}
