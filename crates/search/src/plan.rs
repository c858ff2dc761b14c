//! A grid whose data was checked: its trials, their folders and their progress.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use modiste_train::Config;

use crate::{
    CheckBatch, Elements, Grid, Published, Results, ResultsFolder, SearchError, Shard, Size, Task,
    Trial, TrialProgress, measure, read_if_there, results_csv, trials_csv,
};

/// The file with the grid of a results folder.
const GRID_FILE: &str = "grid.toml";
/// The command that trains a grid.
const COMMAND: &str = "grid";
/// The folder of the trials' run folders.
pub const TRIALS: &str = "trials";

/// A grid whose every trial can be trained.
pub struct Plan {
    /// The grid.
    pub grid: Grid,
    /// Its trials.
    pub trials: Vec<Trial>,
    /// Sizes of each combination.
    pub sizes: Vec<Size>,
    /// Published results of a configuration.
    published: fn(&Config) -> Option<Published>,
    check_batch: CheckBatch,
    /// Cost of each trial ([`RunSize::training_cost`](crate::RunSize::training_cost)).
    costs: Vec<u64>,
    out: PathBuf,
    /// Results of finished trials, kept because they do not change and the tables of a large grid are written
    /// often.
    done: Mutex<HashMap<usize, TrialProgress>>,
}

impl Plan {
    /// Checks the data of every trial; results go to `out`. `published` returns the published results of a
    /// configuration for the classes of Fashion-MNIST.
    ///
    /// # Errors
    /// If data cannot be loaded, or a network does not fit it.
    pub fn new(
        grid: Grid,
        out: &Path,
        check_batch: CheckBatch,
        published: fn(&Config) -> Option<Published>,
    ) -> Result<Self, SearchError> {
        let trials = grid.trials();
        let configs: Vec<&Config> = trials.iter().map(|trial| &trial.config).collect();
        let measured = measure(&configs, check_batch)?;
        let mut sizes = vec![Size { parameters: 0, validation_images: 0 }; grid.points().len()];
        for (trial, measured) in trials.iter().zip(&measured) {
            let size = &mut sizes[trial.point];
            size.parameters = measured.parameters;
            if trial.seed == grid.base().training.seed {
                size.validation_images += measured.validation_images;
            }
        }
        let costs = measured.iter().map(|size| size.training_cost).collect();
        let fashion = measured.iter().all(|size| size.fashion);
        let published = if fashion { published } else { |_: &Config| None };
        let out = out.to_owned();
        let done = Mutex::default();
        Ok(Self { grid, trials, sizes, published, check_batch, costs, out, done })
    }

    /// The progress of each trial.
    ///
    /// # Errors
    /// If a trial's folder holds another run, or a broken one.
    pub fn states(&self) -> Result<Vec<TrialProgress>, SearchError> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states = Vec::with_capacity(self.trials.len());
        for (i, trial) in self.trials.iter().enumerate() {
            let state = match done.get(&i) {
                Some(state) => state.clone(),
                None => TrialProgress::read(&self.folder(trial), &trial.config)?,
            };
            if let TrialProgress::Done(_) = state {
                done.insert(i, state.clone());
            }
            states.push(state);
        }
        Ok(states)
    }

    /// All trials as tasks.
    pub fn tasks(&self) -> Vec<Task> {
        (0..self.trials.len()).map(|i| self.task(i)).collect()
    }

    /// Trial `i` as a task.
    fn task(&self, i: usize) -> Task {
        let trial = &self.trials[i];
        Task {
            name: trial.name.clone(),
            folder: self.folder(trial),
            config: trial.config.clone(),
            cost: self.costs[i],
            until: None,
        }
    }

    /// Opens the results folder for one shard and writes this grid to its `grid.toml`.
    ///
    /// # Errors
    /// As [`ResultsFolder::open`], or if the folder belongs to another grid.
    pub fn open(&self, shard: Shard) -> Result<ResultsFolder, SearchError> {
        let folder = ResultsFolder::open(&self.out, shard)?;
        let lock = folder.lock()?;
        if self.check_folder()?.as_ref() != Some(&self.grid) {
            folder.write(GRID_FILE, &self.grid.to_toml())?;
        }
        let mut elements = match Elements::load(&self.out)? {
            Some(elements) => elements,
            None => Elements::new(COMMAND, self.grid.base()),
        };
        let before = elements.all().len();
        elements.add(self.trials.iter().map(|trial| (trial.name.as_str(), &trial.config)))?;
        if elements.all().len() > before {
            elements.save(&self.out)?;
        }
        drop(lock);
        Ok(folder)
    }

    /// The plan whose results folder is `out`.
    ///
    /// # Errors
    /// As [`Plan::new`], or if there is none.
    pub fn of_folder(
        out: &Path,
        check_batch: CheckBatch,
        published: fn(&Config) -> Option<Published>,
    ) -> Result<Self, SearchError> {
        let path = out.join(GRID_FILE);
        let Some(text) = read_if_there(&path)? else {
            let problem = format!("has no grid: {GRID_FILE} is missing");
            return Err(SearchError::conflict(out.display().to_string(), problem));
        };
        let grid = Grid::parse(&text, &path.display().to_string())?;
        Self::new(grid, out, check_batch, published)
    }

    /// The grid of the results folder, if it has one; this grid must have all of its trials.
    ///
    /// # Errors
    /// If the folder is another grid's.
    pub fn check_folder(&self) -> Result<Option<Grid>, SearchError> {
        let old = self.stored()?;
        if let Some(old) = &old {
            self.grid.check_grown_from(old, &self.out.display().to_string())?;
        }
        Ok(old)
    }

    /// Writes the tables of finished trials (`results.csv`, `results.json`, `trials.csv`) and returns the
    /// results of this grid.
    ///
    /// If another process has extended the grid, the tables cover the larger grid.
    ///
    /// # Errors
    /// If a file cannot be written, or a trial's folder holds another run.
    pub fn write(&self, folder: &ResultsFolder) -> Result<Results, SearchError> {
        let _lock = folder.lock()?;
        match self.stored()? {
            Some(grown) if grown != self.grid => {
                Self::new(grown, &self.out, self.check_batch, self.published)?.tabulate(folder)?;
                self.results()
            }
            _ => self.tabulate(folder),
        }
    }

    /// The grid of the results folder, if it has one.
    fn stored(&self) -> Result<Option<Grid>, SearchError> {
        let path = self.out.join(GRID_FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        if text == self.grid.to_toml() {
            return Ok(Some(self.grid.clone()));
        }
        Ok(Some(Grid::parse(&text, &path.display().to_string())?))
    }

    /// The results so far.
    ///
    /// # Errors
    /// As [`Plan::states`].
    pub fn results(&self) -> Result<Results, SearchError> {
        Ok(Results::new(&self.grid, &self.states()?, &self.sizes, self.published))
    }

    /// Writes and returns this grid's tables.
    fn tabulate(&self, folder: &ResultsFolder) -> Result<Results, SearchError> {
        let results = self.results()?;
        let json = results.json(&self.out);
        folder.write("results.csv", &results_csv(&results))?;
        folder.write("trials.csv", &trials_csv(&results))?;
        folder.write("results.json", &format!("{json:#}\n"))?;
        Ok(results)
    }

    /// The run folder of a trial.
    pub fn folder(&self, trial: &Trial) -> PathBuf {
        self.out.join(TRIALS).join(&trial.name)
    }
}
