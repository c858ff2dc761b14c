//! A grid with its data looked at: what its trials are, where they lie, how far they are.

use std::fmt;
use std::path::{Path, PathBuf};

use modiste_data::FASHION_CLASSES;
use modiste_search::{Trial, label};
use modiste_train::DataConfig;
use modiste_views::{Table, grouped};
use serde::Serialize;

use super::{BaseArgs, Config, Failure, Grid, Size, State, Task, folder_of, settings};

/// A grid whose every trial can be trained.
pub struct Plan {
    pub grid: Grid,
    pub trials: Vec<Trial>,
    /// One a combination.
    pub sizes: Vec<Size>,
    /// Whether the images are such as the paper's.
    pub fashion: bool,
    /// Multiply-adds of an image, one a trial.
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
        let mut sizes = vec![Size { parameters: 0, validation_images: 0 }; grid.points().len()];
        let mut costs = vec![0; trials.len()];
        let mut fashion = true;
        let mut datas: Vec<&DataConfig> = Vec::new();
        for trial in &trials {
            if !datas.contains(&&trial.config.data) {
                datas.push(&trial.config.data);
            }
        }
        for of in datas {
            let mut data = None;
            for (i, trial) in trials.iter().enumerate().filter(|(_, t)| t.config.data == *of) {
                if data.is_none() {
                    data = Some(trial.config.load_data()?);
                }
                let data = data.as_ref().expect("it was just loaded");
                let network = trial.config.network(data)?;
                let size = &mut sizes[trial.point];
                size.parameters = network.trainable();
                if trial.seed == grid.base.training.seed {
                    size.validation_images += data.validation.len();
                }
                costs[i] = network.multiply_adds();
                fashion &= data.classes == FASHION_CLASSES;
            }
        }
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

    fn folder(&self, trial: &Trial) -> PathBuf {
        folder_of(&self.out, &trial.name)
    }

    /// What would be done; `base` is where the configurations began.
    ///
    /// # Errors
    /// As [`Plan::states`].
    pub fn dry_run(&self, base: &BaseArgs) -> Result<DryRun, Failure> {
        super::place::check(&self.out, &self.grid)?;
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
    out: PathBuf,
    fields: Vec<String>,
    /// Where all configurations begin, as `modiste train` takes it.
    begin: String,
    trials: Vec<DryTrial>,
}

#[derive(Serialize)]
struct DryTrial {
    name: String,
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
        writeln!(f, "{table}\neach is what this trains, on any machine, into its place:\n")?;
        self.trials.iter().try_for_each(|trial| writeln!(f, "{}", trial.command))
    }
}

/// The fields that make `config` of `origin`, in the order in which they can be set.
fn differences(origin: &Config, config: &Config) -> Vec<(String, String)> {
    let mut origin = origin.clone();
    let mut settings = Vec::new();
    let kind = config.training.schedule.kind();
    if kind != origin.training.schedule.kind() {
        let path = "training.schedule.kind";
        origin.set(path, kind).expect("another configuration has that kind");
        settings.push((path.to_owned(), kind.to_owned()));
    }
    for (old, new) in origin.fields().into_iter().zip(config.fields()) {
        if old != new {
            settings.push((new.path.to_owned(), new.value));
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
