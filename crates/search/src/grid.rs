//! A grid as data: a base configuration, values for some fields, seeds and folds.

use std::collections::HashMap;

use modiste_model::perhaps_newer;
use modiste_train::{Config, TrainError};
use serde::{Deserialize, Serialize};

use crate::name::{file_name, label};
use crate::{SearchError, TrialProgress};

const SEED: &str = "training.seed";
const SPLIT: &str = "data.split";
/// Limit of trials; a larger grid is most likely a typing error.
const MAX_TRIALS: usize = 100_000;

/// A field of the configuration and its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Dotted path of the field.
    pub field: String,
    /// The values, in the form that `Config::set` reads.
    pub values: Vec<String>,
}

/// Every combination of the axes' values, for some seeds and folds; all configurations are valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of runs of each combination; their seeds start at the base's seed.
    seeds: usize,
    /// The folds over training and validation images; `None` for the base's own split.
    #[serde(skip_serializing_if = "Option::is_none")]
    folds: Option<usize>,
    /// The fields that vary; the first one changes fastest.
    over: Vec<Axis>,
    /// The fields that do not vary.
    base: Config,
    /// The combinations, derived from the other members.
    #[serde(skip)]
    points: Vec<Point>,
}

/// One combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value of each axis.
    pub values: Vec<String>,
    /// The base with these values.
    pub config: Config,
}

/// One run of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The name of its folder: the values, seed and fold.
    pub name: String,
    /// Index of its combination in [`Grid::points`].
    pub point: usize,
    /// The seed of the run.
    pub seed: u64,
    /// The fold of the run, from 1.
    pub fold: Option<usize>,
    /// The configuration, which decides its result.
    pub config: Config,
}

impl Grid {
    /// `over` gives fields, by their paths or the ends of their paths, with values.
    ///
    /// # Errors
    /// If a field is unknown or named twice, if a value is missing, repeated or not allowed, if a combination
    /// is not a valid configuration, or if there are no seeds or folds.
    pub fn new(
        base: Config,
        over: &[(String, Vec<String>)],
        seeds: usize,
        folds: Option<usize>,
    ) -> Result<Self, SearchError> {
        let axes = over.iter().map(|(field, values)| axis(field, values));
        let over: Vec<Axis> = axes.collect::<Result<_, _>>()?;
        for (i, axis) in over.iter().enumerate() {
            let field = &axis.field;
            if over[..i].iter().any(|other| other.field == *field) {
                return Err(SearchError::grid(field, "is named twice"));
            }
            if field == SEED {
                return Err(SearchError::grid(field, "cannot be an axis; use --seeds instead"));
            }
            if field == SPLIT && folds.is_some() {
                return Err(SearchError::grid(field, "cannot be an axis together with --folds"));
            }
        }
        Self { seeds, folds, over, base, points: Vec::new() }.checked()
    }

    /// The file `grid.toml`.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a grid holds nothing that TOML cannot hold")
    }

    /// Reads `grid.toml`; `name` is the file's, for errors.
    ///
    /// # Errors
    /// If it is not a grid, or a combination is not valid.
    pub fn parse(text: &str, name: &str) -> Result<Self, SearchError> {
        let grid: Self = toml::from_str(text)
            .map_err(|e| perhaps_newer(&e.message().trim().replace('\n', ", ")))
            .map_err(|problem| SearchError::conflict(name, problem))?;
        grid.checked().map_err(|e| SearchError::conflict(name, e.to_string()))
    }

    /// The fields that vary; the first one changes fastest.
    pub fn over(&self) -> &[Axis] {
        &self.over
    }

    /// All that does not vary.
    pub fn base(&self) -> &Config {
        &self.base
    }

    /// All combinations; the values of the first axis change fastest.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// All runs: combination by combination, seed by seed, fold by fold.
    pub fn trials(&self) -> Vec<Trial> {
        let names = self.names();
        self.runs().zip(names).map(|(run, name)| self.trial(name, run)).collect()
    }

    /// Checks that this grid has all trials of `old`; it may have more, because a grid may grow.
    ///
    /// # Errors
    /// Names a trial that is missing or has another configuration; `place` is the folder of `old`.
    pub fn check_grown_from(&self, old: &Self, place: &str) -> Result<(), SearchError> {
        if self == old {
            return Ok(());
        }
        let trials = self.trials();
        let known: HashMap<&str, &Config> =
            trials.iter().map(|trial| (trial.name.as_str(), &trial.config)).collect();
        for trial in old.trials() {
            let problem = match known.get(trial.name.as_str()) {
                None => format!("its trial {} does not belong to this grid", trial.name),
                Some(config) => match TrialProgress::difference(&trial.config, config) {
                    None => continue,
                    Some([field, there, here]) => {
                        format!("{field} is {there} there and {here} here")
                    }
                },
            };
            let advice = "choose another folder with --out";
            return Err(SearchError::conflict(
                place,
                format!("belongs to another grid: {problem}; {advice}"),
            ));
        }
        Ok(())
    }

    /// This grid with its points, if everything is valid.
    fn checked(mut self) -> Result<Self, SearchError> {
        if self.seeds == 0 {
            return Err(SearchError::grid("seeds", "must be at least 1, not 0"));
        }
        let sizes = self.over.iter().map(|axis| axis.values.len());
        let sizes = sizes.chain([self.seeds, self.folds.unwrap_or(1)]);
        let trials = sizes.into_iter().try_fold(1_usize, |product, n| product.checked_mul(n));
        if trials.is_none_or(|trials| trials > MAX_TRIALS) {
            return Err(SearchError::grid("grid", format!("has more than {MAX_TRIALS} trials")));
        }
        let last = self.base.training.seed.checked_add(self.seeds as u64 - 1);
        if last.is_none_or(|last| i64::try_from(last).is_err()) {
            return Err(SearchError::grid(SEED, "the last seed is not below 2^63"));
        }
        self.base.check_ranges()?;
        self.points = combinations(&self.base, &self.over)?;
        // Each value is in its range; whether the values fit each other must be checked for each point.
        for point in &self.points {
            match self.folds {
                None => point.config.check_together()?,
                Some(folds) => with_fold(&point.config, 1, folds).check_together()?,
            }
        }
        let mut names = self.names();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(SearchError::grid("grid", format!("two trials are called {}", pair[0])))
            }
            None => Ok(self),
        }
    }

    /// Point, seed and fold of every run.
    fn runs(&self) -> impl Iterator<Item = (usize, u64, Option<usize>)> {
        let first = self.base.training.seed;
        let folds = move || match self.folds {
            None => vec![None],
            Some(folds) => (1..=folds).map(Some).collect(),
        };
        (0..self.points.len()).flat_map(move |point| {
            (first..)
                .take(self.seeds)
                .flat_map(move |seed| folds().into_iter().map(move |fold| (point, seed, fold)))
        })
    }

    /// The name of every run.
    fn names(&self) -> Vec<String> {
        let labels: Vec<&str> = self.over.iter().map(|axis| label(&axis.field)).collect();
        let name = |(point, seed, fold): (usize, u64, Option<usize>)| {
            let values = self.points[point].values.iter().map(String::as_str);
            let seed = seed.to_string();
            let fold = fold.zip(self.folds).map(|(fold, folds)| format!("{fold}of{folds}"));
            let settings = labels.iter().copied().zip(values).chain([("seed", seed.as_str())]);
            file_name(settings.chain(fold.as_deref().map(|fold| ("fold", fold))))
        };
        self.runs().map(name).collect()
    }

    fn trial(&self, name: String, (point, seed, fold): (usize, u64, Option<usize>)) -> Trial {
        let config = &self.points[point].config;
        let mut config = match fold.zip(self.folds) {
            None => config.clone(),
            Some((fold, folds)) => with_fold(config, fold, folds),
        };
        config.training.seed = seed;
        Trial { name, point, seed, fold, config }
    }
}

/// The base with every combination of the axes' values; the values of the first axis change fastest.
fn combinations(base: &Config, over: &[Axis]) -> Result<Vec<Point>, TrainError> {
    let strides = over.iter().scan(1, |stride, axis| {
        let own = *stride;
        *stride *= axis.values.len();
        Some(own)
    });
    // Set kinds first, because they reset the settings that belong to them.
    let mut axes: Vec<(usize, &Axis)> = strides.zip(over).collect();
    axes.sort_by_key(|(_, axis)| !Config::is_kind(&axis.field));
    // Axis by axis, so that combinations share the work for common values.
    let mut configs = vec![(0, base.clone())];
    for &(stride, axis) in &axes {
        let mut more = Vec::with_capacity(configs.len() * axis.values.len());
        for (index, config) in configs {
            for (at, value) in axis.values.iter().enumerate() {
                let mut config = config.clone();
                config.set(&axis.field, value)?;
                more.push((index + at * stride, config));
            }
        }
        configs = more;
    }
    configs.sort_by_key(|(index, _)| *index);
    let values = |mut index: usize| {
        let value = |axis: &Axis| {
            let value = axis.values[index % axis.values.len()].clone();
            index /= axis.values.len();
            value
        };
        over.iter().map(value).collect()
    };
    let point = |(index, config)| Point { values: values(index), config };
    Ok(configs.into_iter().map(point).collect())
}

/// `config` restricted to one of several folds of its split.
fn with_fold(config: &Config, fold: usize, folds: usize) -> Config {
    let mut config = config.clone();
    config.data.split = format!("{}:fold={fold}/{folds}", config.data.split);
    config
}
/// The axis of a field, with values in the form that the configuration writes.
fn axis(field: &str, values: &[String]) -> Result<Axis, SearchError> {
    let field = Config::field(field)?;
    let path = field.path;
    if values.is_empty() || values.iter().any(|value| value.trim().is_empty()) {
        return Err(SearchError::grid(path, "has an empty value; write values as in length=3,4"));
    }
    let mut written = Vec::new();
    for value in values {
        let value = field.normalise(value.trim())?;
        if written.contains(&value) {
            return Err(SearchError::grid(path, format!("has the value {value} twice")));
        }
        written.push(value);
    }
    Ok(Axis { field: path.to_owned(), values: written })
}
