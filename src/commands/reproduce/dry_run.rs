//! What a reproduction has to train yet, and about how long that takes here.

use std::fmt;
use std::path::{Path, PathBuf};

use modiste_search::{Results, State};
use modiste_train::Config;
use modiste_views::{Table, grouped};
use serde::Serialize;

use super::plan::Settings;
use crate::cli::ReproduceArgs;
use crate::commands::ablate::Study;
use crate::commands::bench;
use crate::commands::grid::Plan;
use crate::commands::sizes;
use crate::failure::Failure;
use crate::machine;
use crate::watch::duration;

/// What there is to be trained, for people or as JSON.
#[derive(Serialize)]
pub struct DryRun {
    out: PathBuf,
    /// Threads that the speed was measured with.
    threads: usize,
    /// Of the final training.
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
    /// Epochs of a run at most.
    epochs: usize,
    /// Training images of an epoch at most.
    images: usize,
    seconds_left: f64,
}

/// A run by its folder and configuration.
type Run<'a> = (PathBuf, &'a Config);

impl DryRun {
    /// Looks at the results folder, if there is one, and measures how fast this machine trains.
    ///
    /// Until the grid is done its last combination stands for what it will select.
    ///
    /// # Errors
    /// If data cannot be had, a network does not fit them, or the folder is of another reproduction.
    pub fn new(args: &ReproduceArgs, settings: &Settings, plan: &Plan) -> Result<Self, Failure> {
        let out = &args.out;
        settings.check_place(out)?;
        let states = plan.states()?;
        let results = Results::new(&plan.grid, &states, &plan.sizes, plan.fashion);
        let complete = states.iter().all(|state| state.numbers().is_some());
        let last = match complete {
            true => settings.select(&results)?.1,
            false => settings.likely(),
        };
        let base = settings.ablation_base(&last)?;
        let folder = out.join("ablation");
        let known = plan.trials.iter().map(|trial| (trial.config.clone(), plan.folder(trial)));
        let study = Study::new(&base, settings.ablation_seeds, &folder, known.collect())?;

        let threads = args.workers.threads.unwrap_or_else(machine::available_threads);
        let network = last.network(&last.load_data()?)?;
        let images_per_second = bench::training_speed(&network, last.training.batch, threads)?;
        let rate = images_per_second * network.multiply_adds() as f64;

        let trials = plan.trials.iter().map(|trial| (plan.folder(trial), &trial.config));
        // What the grid trains is not trained again.
        let own = study.tasks().iter().filter(|task| task.folder.starts_with(&folder));
        let stages = vec![
            Stage::new("grid", trials.collect(), rate)?,
            Stage::new("final training", vec![(out.join("final"), &last)], rate)?,
            Stage::new("ablation", own.map(|t| (t.folder.clone(), &t.config)).collect(), rate)?,
        ];
        let seconds_left = stages.iter().map(|stage| stage.seconds_left).sum();
        Ok(Self { out: out.to_owned(), threads, images_per_second, stages, seconds_left })
    }
}

impl Stage {
    /// That of `runs`, at `rate` multiply-adds of training images a second.
    fn new(name: &'static str, runs: Vec<Run<'_>>, rate: f64) -> Result<Self, Failure> {
        let configs: Vec<&Config> = runs.iter().map(|(_, config)| *config).collect();
        let sizes = sizes::measure(&configs)?;
        let mut stage =
            Self { name, runs: runs.len(), done: 0, epochs: 0, images: 0, seconds_left: 0.0 };
        for ((folder, config), size) in runs.iter().zip(sizes) {
            let all = config.training.epochs;
            let epochs = epochs_left(folder, config)?;
            stage.done += usize::from(epochs == 0);
            stage.epochs = stage.epochs.max(all);
            stage.images = stage.images.max(size.train_images);
            let work = (epochs * size.train_images) as f64 * size.multiply_adds as f64;
            stage.seconds_left += work / rate;
        }
        Ok(stage)
    }
}

/// How many epochs a run lacks.
fn epochs_left(folder: &Path, config: &Config) -> Result<usize, Failure> {
    let all = config.training.epochs;
    Ok(match State::read(folder, config)? {
        State::New => all,
        State::Begun { epochs } => all.saturating_sub(epochs).max(1),
        State::Done(_) => 0,
    })
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.out.display())?;
        let mut table = Table::new(1, ["stage", "runs", "done", "epochs", "images", "time left"]);
        for stage in &self.stages {
            let Stage { runs, done, epochs, .. } = stage;
            let [runs, done, epochs] = [runs, done, epochs].map(ToString::to_string);
            let images = grouped(stage.images as u64);
            let name = stage.name.to_owned();
            table.row([name, runs, done, epochs, images, duration(stage.seconds_left)]);
        }
        let whole = duration(self.seconds_left);
        table.row([
            "all".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            whole,
        ]);
        let (speed, threads) = (self.images_per_second, self.threads);
        let by = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        writeln!(
            f,
            "{table}\nby {speed:.0} images/s of the final training, measured now on {by}; evaluation, baselines \
             and report add minutes"
        )
    }
}
