//! An ablation in a results folder: its runs, their results so far, and the mean curves.

use std::path::{Path, PathBuf};

use modiste_model::{EpochMetrics, EpochRow, RunFolder, read_metrics};
use modiste_search::{
    CheckBatch, Elements, ResultsFolder, SearchError, Shard, TRIALS, Task, TrialProgress, is_of,
    measure, read_if_there,
};
use modiste_train::Config;

use crate::{Ablation, AblationResults, curves_csv};

/// The file with the base configuration of all runs of a results folder.
const BASE_FILE: &str = "base.toml";
/// The command that trains an ablation.
const COMMAND: &str = "ablate";

/// An ablation with checked data.
pub struct Study {
    ablation: Ablation,
    base: Config,
    out: PathBuf,
    /// Variant by variant, seed by seed.
    tasks: Vec<Task>,
}

impl Study {
    /// The ablation of `base`, with results in `out`. Reuses the runs in `known`, which are matched
    /// by folder and configuration.
    ///
    /// # Errors
    /// If the base is not valid, the data cannot be loaded, or a network does not fit it.
    pub fn new(
        base: &Config,
        seeds: usize,
        out: &Path,
        known: Vec<(Config, PathBuf)>,
        check_batch: CheckBatch,
    ) -> Result<Self, SearchError> {
        let ablation = Ablation::new(base, seeds)?;
        let mut tasks = Vec::new();
        for variant in 0..ablation.variants.len() {
            for &seed in &ablation.seeds {
                let (name, config) = (ablation.name(variant, seed), ablation.config(variant, seed));
                let same = |(known, _): &&(Config, PathBuf)| {
                    TrialProgress::difference(known, &config).is_none()
                };
                let folder = match known.iter().find(same) {
                    Some((_, folder)) => folder.clone(),
                    None => out.join(TRIALS).join(&name),
                };
                tasks.push(Task { name, folder, config, cost: 0, until: None });
            }
        }
        let configs: Vec<&Config> = tasks.iter().map(|task| &task.config).collect();
        let sizes = measure(&configs, check_batch)?;
        for (task, size) in tasks.iter_mut().zip(sizes) {
            task.cost = size.training_cost;
        }
        Ok(Self { ablation, base: base.clone(), out: out.to_owned(), tasks })
    }

    /// Opens the results folder for one shard of the runs.
    ///
    /// # Errors
    /// As [`ResultsFolder::open`], or if the folder belongs to another ablation.
    pub fn open(&self, shard: Shard) -> Result<ResultsFolder, SearchError> {
        let folder = ResultsFolder::open(&self.out, shard)?;
        let lock = folder.lock()?;
        if !self.check_folder()? {
            folder.write(BASE_FILE, &self.base.to_toml())?;
        }
        let mut elements = match Elements::load(&self.out)? {
            Some(elements) => elements,
            None => Elements::new(COMMAND, &self.base),
        };
        let before = elements.all().len();
        // Runs in other folders are not elements of this one.
        let here = self.tasks.iter().filter(|task| task.folder.starts_with(&self.out));
        elements.add(here.map(|task| (task.name.as_str(), &task.config)))?;
        if elements.all().len() > before {
            elements.save(&self.out)?;
        }
        drop(lock);
        Ok(folder)
    }

    /// The study with the results folder `out`, with all planned seeds.
    ///
    /// # Errors
    /// As [`Study::new`], or if there is none.
    pub fn of_folder(out: &Path, check_batch: CheckBatch) -> Result<Self, SearchError> {
        let missing = || {
            let problem = "has no ablation: base.toml or elements.json is missing";
            SearchError::conflict(out.display().to_string(), problem)
        };
        let path = out.join(BASE_FILE);
        let text = read_if_there(&path)?.ok_or_else(missing)?;
        let base = Config::parse(&text, &path.display().to_string())?;
        let planned = Elements::load(out)?.ok_or_else(missing)?.all().len();
        let variants = Ablation::new(&base, 1)?.variants.len();
        Self::new(&base, planned.div_ceil(variants), out, Vec::new(), check_batch)
    }

    /// Whether the results folder already belongs to this ablation.
    ///
    /// # Errors
    /// If it belongs to another.
    pub fn check_folder(&self) -> Result<bool, SearchError> {
        is_of(&self.out, BASE_FILE, &self.base, "ablation")
    }

    /// The base configuration.
    pub fn base(&self) -> &Config {
        &self.base
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.tasks.len()
    }

    /// The runs, variant by variant, seed by seed.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The state of each run.
    fn states(&self) -> Result<Vec<TrialProgress>, SearchError> {
        self.tasks.iter().map(Task::state).collect()
    }

    /// Writes the results so far (`verdicts.json`, `curves.csv`) and returns them.
    ///
    /// # Errors
    /// If a file cannot be written, or a run's folder holds another run.
    pub fn write(&self, folder: &ResultsFolder) -> Result<AblationResults, SearchError> {
        let _lock = folder.lock()?;
        let states = self.states()?;
        let (first, seeds) = (self.ablation.seeds[0], self.ablation.seeds.len());
        let results = self
            .ablation
            .results(|variant, seed| states[variant * seeds + (seed - first) as usize].clone());
        let json = results.json(&self.out);
        folder.write("verdicts.json", &format!("{json:#}\n"))?;
        folder.write("curves.csv", &curves_csv(&self.histories(&states)))?;
        Ok(results)
    }

    /// The mean curve over seeds of each variant in `names`, from the runs that are done.
    ///
    /// # Errors
    /// If a run's folder holds another run.
    pub fn mean_curves(&self, names: &[&str]) -> Result<Vec<(String, Vec<EpochRow>)>, SearchError> {
        let states = self.states()?;
        let histories = self.histories(&states);
        let wanted =
            histories.iter().filter(|(name, runs)| names.contains(name) && !runs.is_empty());
        Ok(wanted.map(|(name, runs)| ((*name).to_owned(), mean_curve(runs))).collect())
    }

    /// The epochs of all runs that are done, variant by variant.
    fn histories(&self, states: &[TrialProgress]) -> Vec<(&str, Vec<Vec<EpochMetrics>>)> {
        let seeds = self.ablation.seeds.len();
        let history = |task: &Task| {
            let rows = read_metrics(&RunFolder::new(&task.folder).metrics()).unwrap_or_default();
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

/// For each epoch, the mean of the runs that have it.
fn mean_curve(runs: &[Vec<EpochMetrics>]) -> Vec<EpochRow> {
    let epochs = runs.iter().map(Vec::len).max().unwrap_or(0);
    let row = |epoch: usize| {
        let rows: Vec<&EpochMetrics> = runs.iter().filter_map(|run| run.get(epoch)).collect();
        let mean = |of: fn(&EpochMetrics) -> f64| {
            rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64
        };
        let validated = |of: fn(&EpochMetrics) -> Option<f64>| {
            let numbers: Option<Vec<f64>> = rows.iter().map(|row| of(row)).collect();
            numbers.map(|numbers| numbers.iter().sum::<f64>() / numbers.len() as f64)
        };
        let metrics = EpochMetrics {
            epoch: epoch + 1,
            learning_rate: mean(|row| row.learning_rate),
            train_loss: mean(|row| row.train_loss),
            train_accuracy: mean(|row| row.train_accuracy),
            validation_loss: validated(|row| row.validation_loss),
            validation_accuracy: validated(|row| row.validation_accuracy),
            validation_auroc: None,
            current: None,
        };
        EpochRow { metrics, timing: None }
    };
    (0..epochs).map(row).collect()
}
