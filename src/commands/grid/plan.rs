//! A grid with its data looked at: what its trials are, where they lie, how far they are.

use std::fmt;
use std::path::{Path, PathBuf};

use modiste_search::{Published, Trial, label, results_csv, trials_csv};
use modiste_views::{Table, grouped};
use serde::Serialize;

use super::{BaseArgs, Config, Failure, Grid, Place, Results, Shard, Size, State, Task};
use super::{folder_of, results, settings, sizes};
use crate::commands::place::read_if_there;
use crate::output;

/// Which grid a results folder is of.
const GRID_FILE: &str = "grid.toml";

/// A grid whose every trial can be trained.
pub struct Plan {
    pub grid: Grid,
    pub trials: Vec<Trial>,
    /// One a combination.
    pub sizes: Vec<Size>,
    /// Whether the images are such as the paper's.
    fashion: bool,
    /// What training costs, one a trial ([`sizes::RunSize::training_cost`]).
    costs: Vec<u64>,
    out: PathBuf,
}

impl Plan {
    /// Looks at the data of every trial, with results in `out`.
    ///
    /// # Errors
    /// If data cannot be had, or a network does not fit them.
    pub fn new(grid: Grid, out: &Path) -> Result<Self, Failure> {
        let trials = grid.trials();
        let configs: Vec<&Config> = trials.iter().map(|trial| &trial.config).collect();
        let measured = sizes::measure(&configs)?;
        let mut sizes = vec![Size { parameters: 0, validation_images: 0 }; grid.points().len()];
        for (trial, measured) in trials.iter().zip(&measured) {
            let size = &mut sizes[trial.point];
            size.parameters = measured.parameters;
            if trial.seed == grid.base.training.seed {
                size.validation_images += measured.validation_images;
            }
        }
        let costs = measured.iter().map(|size| size.training_cost).collect();
        let fashion = measured.iter().all(|size| size.fashion);
        Ok(Self { grid, trials, sizes, fashion, costs, out: out.to_owned() })
    }

    /// How far each trial is.
    ///
    /// # Errors
    /// If a trial's folder holds another run, or a broken one.
    pub fn states(&self) -> Result<Vec<State>, Failure> {
        let read = |trial: &Trial| State::read(&self.folder(trial), &trial.config);
        Ok(self.trials.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Trial `i` as something to be trained.
    pub fn task(&self, i: usize) -> Task {
        let trial = &self.trials[i];
        Task {
            name: trial.name.clone(),
            folder: self.folder(trial),
            config: trial.config.clone(),
            cost: self.costs[i],
        }
    }

    /// The results folder, for one shard; its `grid.toml` is this grid's from now on.
    ///
    /// # Errors
    /// As [`Place::open`], or if the folder is another grid's.
    pub fn open(&self, shard: Shard) -> Result<Place, Failure> {
        let place = Place::open(&self.out, shard)?;
        let _lock = place.lock()?;
        if self.check_place()?.as_ref() != Some(&self.grid) {
            place.write(GRID_FILE, &self.grid.to_toml())?;
        }
        Ok(place)
    }

    /// The grid that the results folder is of, if it is of one; this one must be that, or grown from
    /// it.
    fn check_place(&self) -> Result<Option<Grid>, Failure> {
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
    pub fn write(&self, place: &Place) -> Result<Results, Failure> {
        let _lock = place.lock()?;
        match self.stored()? {
            Some(grown) if grown != self.grid => {
                Self::new(grown, &self.out)?.tabulate(place)?;
                self.results()
            }
            _ => self.tabulate(place),
        }
    }

    /// The grid that the results folder is of, if it is of one.
    fn stored(&self) -> Result<Option<Grid>, Failure> {
        let path = self.out.join(GRID_FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        Ok(Some(Grid::parse(&text, &path.display().to_string())?))
    }

    /// What is done by now.
    fn results(&self) -> Result<Results, Failure> {
        Ok(Results::new(&self.grid, &self.states()?, &self.sizes, self.published()))
    }

    /// What the paper published of a configuration, where the images are such as the paper's.
    pub fn published(&self) -> impl Fn(&Config) -> Option<Published> + use<> {
        let fashion = self.fashion;
        move |config| modiste_paper::published(config).filter(|_| fashion)
    }

    /// Writes this grid's tables, and gives them.
    fn tabulate(&self, place: &Place) -> Result<Results, Failure> {
        let results = self.results()?;
        let json = serde_json::to_string_pretty(&results::json(&self.out, &results))?;
        place.write("results.csv", &results_csv(&results))?;
        place.write("trials.csv", &trials_csv(&results))?;
        place.write("results.json", &format!("{json}\n"))?;
        Ok(results)
    }

    /// The run folder of a trial.
    pub fn folder(&self, trial: &Trial) -> PathBuf {
        folder_of(&self.out, &trial.name)
    }

    /// What would be done; `base` is where the configurations began.
    ///
    /// # Errors
    /// As [`Plan::states`].
    pub fn dry_run(&self, base: &BaseArgs) -> Result<DryRun, Failure> {
        self.check_place()?;
        let (origin, _) = settings::begin(base)?;
        let begin = match (&base.config, &base.preset) {
            (Some(path), _) => format!("--config {}", quoted(&path.display().to_string())),
            (None, name) => format!("--preset {}", name.as_deref().unwrap_or("paper")),
        };
        let states = self.states()?;
        let trials = self.trials.iter().zip(&states).map(|(trial, state)| {
            let folder = self.folder(trial);
            let settings = differences(&origin, &trial.config);
            let mut command = format!("modiste train {begin}");
            for (field, value) in &settings {
                command += &format!(" --set {}", quoted(&format!("{field}={value}")));
            }
            command += &format!(" --out {}", quoted(&folder.display().to_string()));
            DryTrial {
                name: trial.name.clone(),
                folder,
                state: state.to_string(),
                parameters: self.sizes[trial.point].parameters,
                settings,
                command,
            }
        });
        let trials = trials.collect();
        let fields = self.grid.over.iter().map(|axis| label(&axis.field).to_owned()).collect();
        Ok(DryRun { out: self.out.clone(), fields, begin, trials })
    }
}

/// What would be done, for people or as JSON.
#[derive(Serialize)]
pub struct DryRun {
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    fields: Vec<String>,
    /// Where all configurations begin, as `modiste train` takes it.
    begin: String,
    trials: Vec<DryTrial>,
}

#[derive(Serialize)]
struct DryTrial {
    name: String,
    #[serde(serialize_with = "output::shown")]
    folder: PathBuf,
    state: String,
    parameters: usize,
    /// What differs from where the configuration begins.
    settings: Vec<(String, String)>,
    /// What trains this trial into its place.
    command: String,
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trials = self.trials.len();
        writeln!(f, "{trials} trials in {}/trials\n", self.out.display())?;
        let mut table = Table::new(2, ["trial", "state", "parameters"]);
        for trial in &self.trials {
            let parameters = grouped(trial.parameters as u64);
            table.row([trial.name.clone(), trial.state.clone(), parameters]);
        }
        writeln!(f, "{table}\nthese commands train the trials, on any machine:\n")?;
        self.trials.iter().try_for_each(|trial| writeln!(f, "{}", trial.command))
    }
}

/// The fields that make `config` of `origin`, in the order in which they can be set.
fn differences(origin: &Config, config: &Config) -> Vec<(String, String)> {
    let mut origin = origin.clone();
    let mut settings = Vec::new();
    // Kinds first: once both have the same kinds, they have the same fields.
    for kinds in [true, false] {
        for new in config.settings() {
            let differs = origin.value(new.path).as_ref() != Some(&new.value);
            if differs && Config::is_kind(new.path) == kinds {
                origin.set(new.path, &new.value).expect("another configuration has that value");
                settings.push((new.path.to_owned(), new.value));
            }
        }
    }
    settings
}

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=.,_+-/:%@".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
