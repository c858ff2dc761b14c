//! A grid with its data looked at: what its trials are, where they lie, how far they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use modiste_train::Config;

use crate::{
    CheckBatch, Elements, Grid, Place, Published, Results, SearchError, Shard, Size, State, Task,
    Trial, measure, read_if_there, results_csv, trials_csv,
};

/// Which grid a results folder is of.
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
    /// One a combination.
    pub sizes: Vec<Size>,
    /// What was published of a configuration.
    published: fn(&Config) -> Option<Published>,
    check_batch: CheckBatch,
    /// What training costs, one a trial ([`RunSize::training_cost`](crate::RunSize::training_cost)).
    costs: Vec<u64>,
    out: PathBuf,
    /// What is known of trials that are done: that does not change, and a large grid has its tables written
    /// often.
    done: Mutex<HashMap<usize, State>>,
}

impl Plan {
    /// Looks at the data of every trial, with results in `out`. `published` knows what was published of
    /// configurations for the classes of Fashion-MNIST.
    ///
    /// # Errors
    /// If data cannot be had, or a network does not fit them.
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

    /// How far each trial is.
    ///
    /// # Errors
    /// If a trial's folder holds another run, or a broken one.
    pub fn states(&self) -> Result<Vec<State>, SearchError> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states = Vec::with_capacity(self.trials.len());
        for (i, trial) in self.trials.iter().enumerate() {
            let state = match done.get(&i) {
                Some(state) => state.clone(),
                None => State::read(&self.folder(trial), &trial.config)?,
            };
            if let State::Done(_) = state {
                done.insert(i, state.clone());
            }
            states.push(state);
        }
        Ok(states)
    }

    /// All trials as runs to be trained.
    pub fn tasks(&self) -> Vec<Task> {
        (0..self.trials.len()).map(|i| self.task(i)).collect()
    }

    /// Trial `i` as something to be trained.
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

    /// The results folder, for one shard; its `grid.toml` is this grid's from now on.
    ///
    /// # Errors
    /// As [`Place::open`], or if the folder is another grid's.
    pub fn open(&self, shard: Shard) -> Result<Place, SearchError> {
        let place = Place::open(&self.out, shard)?;
        let lock = place.lock()?;
        if self.check_place()?.as_ref() != Some(&self.grid) {
            place.write(GRID_FILE, &self.grid.to_toml())?;
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
        Ok(place)
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
            return Err(SearchError::place(out.display().to_string(), problem));
        };
        let grid = Grid::parse(&text, &path.display().to_string())?;
        Self::new(grid, out, check_batch, published)
    }

    /// The grid that the results folder is of, if it is of one; this one must be that, or grown from
    /// it.
    ///
    /// # Errors
    /// If the folder is another grid's.
    pub fn check_place(&self) -> Result<Option<Grid>, SearchError> {
        let old = self.stored()?;
        if let Some(old) = &old {
            self.grid.check_grown_from(old, &self.out.display().to_string())?;
        }
        Ok(old)
    }

    /// Writes the tables of what is done by now (`results.csv`, `results.json`, `trials.csv`), and
    /// gives this grid's.
    ///
    /// Another process may have made the grid grow; the tables are those of all that there is.
    ///
    /// # Errors
    /// If a file cannot be written, or a trial's folder holds another run.
    pub fn write(&self, place: &Place) -> Result<Results, SearchError> {
        let _lock = place.lock()?;
        match self.stored()? {
            Some(grown) if grown != self.grid => {
                Self::new(grown, &self.out, self.check_batch, self.published)?.tabulate(place)?;
                self.results()
            }
            _ => self.tabulate(place),
        }
    }

    /// The grid that the results folder is of, if it is of one.
    fn stored(&self) -> Result<Option<Grid>, SearchError> {
        let path = self.out.join(GRID_FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        if text == self.grid.to_toml() {
            return Ok(Some(self.grid.clone()));
        }
        Ok(Some(Grid::parse(&text, &path.display().to_string())?))
    }

    /// What is done by now.
    ///
    /// # Errors
    /// As [`Plan::states`].
    pub fn results(&self) -> Result<Results, SearchError> {
        Ok(Results::new(&self.grid, &self.states()?, &self.sizes, self.published))
    }

    /// Writes this grid's tables, and gives them.
    fn tabulate(&self, place: &Place) -> Result<Results, SearchError> {
        let results = self.results()?;
        let json = results.json(&self.out);
        place.write("results.csv", &results_csv(&results))?;
        place.write("trials.csv", &trials_csv(&results))?;
        place.write("results.json", &format!("{json:#}\n"))?;
        Ok(results)
    }

    /// The run folder of a trial.
    pub fn folder(&self, trial: &Trial) -> PathBuf {
        self.out.join(TRIALS).join(&trial.name)
    }
}
