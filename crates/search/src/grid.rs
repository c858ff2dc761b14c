//! A grid as data: a base configuration, the values that some fields take, seeds and folds.

use std::collections::HashMap;

use modiste_train::{Config, TrainError};
use serde::{Deserialize, Serialize};

use crate::name::{file_name, label};
use crate::{SearchError, State};

const SEED: &str = "training.seed";
const SPLIT: &str = "data.split";
/// More trials than anybody waits for; a grid with more is a mistake in writing.
const MAX_TRIALS: usize = 100_000;

/// A field of the configuration and the values it takes in turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Dotted path of the field.
    pub field: String,
    /// Its values, as `Config::set` takes them.
    pub values: Vec<String>,
}

/// Every combination of the axes' values, for some seeds and folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Runs of each combination, with the base's seed and those that follow it.
    pub seeds: usize,
    /// The folds over training and validation images; `None` for the base's own split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The fields that vary; the first one changes fastest.
    pub over: Vec<Axis>,
    /// All that does not.
    pub base: Config,
}

/// One combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value of each axis.
    pub values: Vec<String>,
    /// The base with those values.
    pub config: Config,
}

/// One run of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The name of its folder: the values, seed and fold.
    pub name: String,
    /// Which of [`Grid::points`] it belongs to.
    pub point: usize,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1.
    pub fold: Option<usize>,
    /// The configuration, which decides its result.
    pub config: Config,
}

impl Grid {
    /// `over` names fields, by their paths or the ends of them, with values.
    ///
    /// # Errors
    /// If a field is unknown or named twice, has no value, one twice or one that it does not take, a
    /// combination is no sound configuration, or there are no seeds or folds.
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
        let grid = Self { seeds, folds, over, base };
        grid.check()?;
        Ok(grid)
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
            .map_err(|e| SearchError::place(name, e.message().trim().replace('\n', ", ")))?;
        grid.check().map_err(|e| SearchError::place(name, e.to_string()))?;
        Ok(grid)
    }

    /// All combinations; the values of the first axis change fastest.
    pub fn points(&self) -> Vec<Point> {
        let count = self.over.iter().map(|axis| axis.values.len()).product();
        (0..count).map(|i| self.point(i).expect("checked when it was made")).collect()
    }

    /// All runs: combination by combination, seed by seed, fold by fold.
    pub fn trials(&self) -> Vec<Trial> {
        let mut trials = Vec::new();
        for (i, point) in self.points().iter().enumerate() {
            for seed in (self.base.training.seed..).take(self.seeds) {
                match self.folds {
                    None => trials.push(self.trial(i, point, seed, None)),
                    Some(folds) => {
                        trials
                            .extend((1..=folds).map(|fold| self.trial(i, point, seed, Some(fold))));
                    }
                }
            }
        }
        trials
    }

    /// Whether this grid has all trials of `old`, and perhaps more: a grid may grow.
    ///
    /// # Errors
    /// Names a trial that it has not, or has with another configuration; `place` is where `old` is.
    pub fn check_grown_from(&self, old: &Self, place: &str) -> Result<(), SearchError> {
        let trials = self.trials();
        let known: HashMap<&str, &Config> =
            trials.iter().map(|trial| (trial.name.as_str(), &trial.config)).collect();
        for trial in old.trials() {
            let problem = match known.get(trial.name.as_str()) {
                None => format!("its trial {} does not belong to this grid", trial.name),
                Some(config) => match State::difference(&trial.config, config) {
                    None => continue,
                    Some([field, there, here]) => {
                        format!("{field} is {there} there and {here} here")
                    }
                },
            };
            let advice = "choose another folder with --out";
            return Err(SearchError::place(
                place,
                format!("belongs to another grid: {problem}; {advice}"),
            ));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SearchError> {
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
        let count = self.over.iter().map(|axis| axis.values.len()).product();
        for i in 0..count {
            let mut config = self.point(i)?.config;
            if let Some(folds) = self.folds {
                config.data.split = fold_of(&config, 1, folds);
            }
            config.check()?;
        }
        let mut names: Vec<String> = self.trials().into_iter().map(|trial| trial.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(SearchError::grid("grid", format!("two trials are called {}", pair[0])))
            }
            None => Ok(()),
        }
    }

    fn point(&self, mut index: usize) -> Result<Point, TrainError> {
        let mut values = Vec::new();
        for axis in &self.over {
            values.push(axis.values[index % axis.values.len()].clone());
            index /= axis.values.len();
        }
        let mut config = self.base.clone();
        let mut settings: Vec<_> = self.over.iter().map(|axis| &axis.field).zip(&values).collect();
        // Kinds first: they reset the settings that belong to them.
        settings.sort_by_key(|(field, _)| !Config::is_kind(field));
        for (field, value) in settings {
            config.set(field, value)?;
        }
        Ok(Point { values, config })
    }

    fn trial(&self, index: usize, point: &Point, seed: u64, fold: Option<usize>) -> Trial {
        let mut config = point.config.clone();
        config.training.seed = seed;
        let mut settings: Vec<(&str, String)> = self
            .over
            .iter()
            .zip(&point.values)
            .map(|(axis, value)| (label(&axis.field), value.clone()))
            .collect();
        settings.push(("seed", seed.to_string()));
        if let (Some(fold), Some(folds)) = (fold, self.folds) {
            config.data.split = fold_of(&config, fold, folds);
            settings.push(("fold", format!("{fold}of{folds}")));
        }
        let name = file_name(settings.iter().map(|(label, value)| (*label, value.as_str())));
        Trial { name, point: index, seed, fold, config }
    }
}

fn fold_of(config: &Config, fold: usize, folds: usize) -> String {
    format!("{}:fold={fold}/{folds}", config.data.split)
}

/// The axis of a field, its values written as the configuration writes them.
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
