//! `modiste ablate`: runs with and without each part of the paper's method, and verdicts on its claims.

use std::path::{Path, PathBuf};

use modiste_model::{EpochMetrics, read_metrics};
use modiste_paper::{Ablation, AblationResults, curves_csv};
use modiste_report::EpochRow;
use modiste_search::{Shard, State};
use modiste_train::Config;
use modiste_views::Table;
use serde_json::{Value, json};

use crate::cli::{AblateArgs, WorkerArgs};
use crate::commands::grid::{self, results};
use crate::commands::place::{self, Place};
use crate::commands::trials::{self, Failed, Task, Workers};
use crate::commands::{sizes, verdicts};
use crate::failure::Failure;
use crate::output;

/// What all runs of a results folder begin with.
const BASE_FILE: &str = "base.toml";

/// Trains what is missing and prints the verdicts.
pub fn run(args: AblateArgs) -> Result<(), Failure> {
    let config = grid::base_of_trials(&args.trial)?;
    let study = Study::new(&config, args.seeds, &args.out, Vec::new())?;
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let place = study.open(shard)?;
    let failed = study.train(&place, shard, &args.workers)?;
    let results = study.write(&place)?;
    if args.json {
        output::print_json(&json(&args.out, &results))?;
    } else {
        output::print(&text(&args.out, &results))?;
    }
    trials::check(&failed, study.runs())
}

/// An ablation with its data looked at.
pub struct Study {
    ablation: Ablation,
    base: Config,
    out: PathBuf,
    /// Variant by variant, seed by seed.
    tasks: Vec<Task>,
}

impl Study {
    /// The ablation of `base`, with results in `out`. Runs that are among `known`, by their folders
    /// and configurations, are not trained again.
    ///
    /// # Errors
    /// If the base will not do, data cannot be had, or a network does not fit them.
    pub fn new(
        base: &Config,
        seeds: usize,
        out: &Path,
        known: Vec<(Config, PathBuf)>,
    ) -> Result<Self, Failure> {
        let ablation = Ablation::new(base, seeds).map_err(grid::usage)?;
        let mut tasks = Vec::new();
        for variant in 0..ablation.variants.len() {
            for &seed in &ablation.seeds {
                let (name, config) = (ablation.name(variant, seed), ablation.config(variant, seed));
                let same =
                    |(known, _): &&(Config, PathBuf)| State::difference(known, &config).is_none();
                let folder = match known.iter().find(same) {
                    Some((_, folder)) => folder.clone(),
                    None => out.join("trials").join(&name),
                };
                tasks.push(Task { name, folder, config, cost: 0 });
            }
        }
        let configs: Vec<&Config> = tasks.iter().map(|task| &task.config).collect();
        let sizes = sizes::measure(&configs)?;
        for (task, size) in tasks.iter_mut().zip(sizes) {
            task.cost = size.training_cost;
        }
        Ok(Self { ablation, base: base.clone(), out: out.to_owned(), tasks })
    }

    /// The results folder, for one shard of the runs.
    ///
    /// # Errors
    /// As [`Place::open`], or if the folder is another ablation's.
    pub fn open(&self, shard: Shard) -> Result<Place, Failure> {
        let place = Place::open(&self.out, shard)?;
        let _lock = place.lock()?;
        if !self.check_place()? {
            place.write(BASE_FILE, &self.base.to_toml())?;
        }
        Ok(place)
    }

    /// Whether the results folder is of this ablation already.
    ///
    /// # Errors
    /// If it is another's.
    pub fn check_place(&self) -> Result<bool, Failure> {
        place::is_of(&self.out, BASE_FILE, &self.base, "ablation")
    }

    /// What the variants differ from.
    pub fn base(&self) -> &Config {
        &self.base
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        self.tasks.len()
    }

    /// The runs, variant by variant, seed by seed.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Trains those runs of the shard that are not done; results are written after each.
    pub fn train(
        &self,
        place: &Place,
        shard: Shard,
        workers: &WorkerArgs,
    ) -> Result<Vec<Failed>, Failure> {
        let mut open = Vec::new();
        for (i, task) in self.tasks.iter().enumerate() {
            if shard.has(i) && State::read(&task.folder, &task.config)?.numbers().is_none() {
                open.push(task.clone());
            }
        }
        let workers = Workers::new(workers, open.len());
        trials::run(&open, &workers, &mut |_| self.write(place).map(|_| ()))
    }

    /// Writes what is known by now (`verdicts.json`, `curves.csv`), and gives it.
    pub fn write(&self, place: &Place) -> Result<AblationResults, Failure> {
        let _lock = place.lock()?;
        let mut states = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            states.push(State::read(&task.folder, &task.config)?);
        }
        let (first, seeds) = (self.ablation.seeds[0], self.ablation.seeds.len());
        let results = self
            .ablation
            .results(|variant, seed| states[variant * seeds + (seed - first) as usize].clone());
        let json = serde_json::to_string_pretty(&json(&self.out, &results))?;
        place.write("verdicts.json", &format!("{json}\n"))?;
        place.write("curves.csv", &curves_csv(&self.histories(&states)))?;
        Ok(results)
    }

    /// The mean curve over seeds of each of the variants `names`, as far as they are done.
    pub fn mean_curves(&self, names: &[&str]) -> Result<Vec<(String, Vec<EpochRow>)>, Failure> {
        let mut states = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            states.push(State::read(&task.folder, &task.config)?);
        }
        let histories = self.histories(&states);
        let wanted =
            histories.iter().filter(|(name, runs)| names.contains(name) && !runs.is_empty());
        Ok(wanted.map(|(name, runs)| ((*name).to_owned(), mean_curve(runs))).collect())
    }

    /// The epochs of all runs that are done, variant by variant.
    fn histories(&self, states: &[State]) -> Vec<(&str, Vec<Vec<EpochMetrics>>)> {
        let seeds = self.ablation.seeds.len();
        let history = |task: &Task| {
            let rows = read_metrics(&task.folder.join("metrics.csv")).unwrap_or_default();
            rows.into_iter().map(|row| row.metrics).collect::<Vec<_>>()
        };
        let variants = self.ablation.variants.iter().enumerate();
        variants
            .map(|(i, variant)| {
                let range = i * seeds..(i + 1) * seeds;
                let runs = self.tasks[range.clone()].iter().zip(&states[range]);
                let done = runs.filter(|(_, state)| state.numbers().is_some());
                (variant.name, done.map(|(task, _)| history(task)).collect())
            })
            .collect()
    }
}

/// Epoch by epoch the mean of the runs that have it.
fn mean_curve(runs: &[Vec<EpochMetrics>]) -> Vec<EpochRow> {
    let epochs = runs.iter().map(Vec::len).max().unwrap_or(0);
    let row = |epoch: usize| {
        let rows: Vec<&EpochMetrics> = runs.iter().filter_map(|run| run.get(epoch)).collect();
        let mean = |of: fn(&EpochMetrics) -> f64| {
            rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64
        };
        EpochRow {
            epoch: epoch + 1,
            seconds: 0.0,
            learning_rate: mean(|row| row.learning_rate),
            train_loss: mean(|row| row.train_loss),
            train_accuracy: mean(|row| row.train_accuracy),
            validation_loss: mean(|row| row.validation_loss),
            validation_accuracy: mean(|row| row.validation_accuracy),
            validation_auroc: None,
        }
    };
    (0..epochs).map(row).collect()
}

/// The results with the folder they lie in.
fn json(out: &Path, results: &AblationResults) -> Value {
    let out = out.display().to_string();
    json!({ "out": out, "variants": results.variants, "verdicts": results.verdicts })
}

/// Variants, then verdicts.
fn text(out: &Path, results: &AblationResults) -> String {
    let mut table =
        Table::new(2, ["variant", "settings", "train acc", "val acc", "mean val acc", "done"]);
    for variant in &results.variants {
        table.row(cells(variant));
    }
    let out = out.display();
    format!(
        "\n{table}\n{}\nverdicts.json, curves.csv and one run folder per trial: {out}\n",
        verdicts::text(&results.verdicts)
    )
}

/// A variant's name, settings and numbers.
pub fn cells(variant: &modiste_paper::VariantResult) -> [String; 6] {
    let setting = |(field, value): &(String, String)| format!("{field}={value}");
    [
        variant.name.to_owned(),
        variant.settings.iter().map(setting).collect::<Vec<_>>().join(" "),
        results::spread(variant.train.as_ref()),
        results::spread(variant.validation.as_ref()),
        results::spread(variant.mean_validation.as_ref()),
        format!("{}/{}", variant.done, variant.seeds),
    ]
}
