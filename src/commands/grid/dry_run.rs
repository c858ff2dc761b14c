//! The trials that a grid would train, and commands that train them on any machine.

use std::fmt;
use std::path::{Path, PathBuf};

use modiste_search::{BaseConfig, Plan, label, shell};
use modiste_views::{Table, grouped};
use serde::Serialize;

use crate::cli::BaseArgs;
use crate::commands::settings;
use crate::failure::Failure;
use crate::output;

/// The trials of a grid and their state, displayed as text or serialised as JSON.
#[derive(Serialize)]
pub struct DryRun {
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    fields: Vec<String>,
    /// The common base of all configurations, as an option of `modiste train`.
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
    /// The settings in which the trial differs from the base.
    settings: Vec<(String, String)>,
    /// The command that trains this trial in its folder.
    command: String,
}

impl DryRun {
    /// What `plan` would do with results in `out`; `base` is the base of the configurations.
    ///
    /// # Errors
    /// As [`Plan::states`].
    pub fn new(plan: &Plan, out: &Path, base: &BaseArgs) -> Result<Self, Failure> {
        plan.check_folder()?;
        let origin = BaseConfig::new(&settings::begin(base)?.0);
        let begin = match (&base.config, &base.preset) {
            (Some(path), _) => format!("--config {}", shell(&path.display().to_string())),
            (None, name) => format!("--preset {}", name.as_deref().unwrap_or("paper")),
        };
        let states = plan.states()?;
        let trials = plan.trials.iter().zip(&states).map(|(trial, state)| {
            let folder = plan.folder(trial);
            let settings = origin.differences(&trial.config);
            let mut command = format!("modiste train {begin}");
            for (field, value) in &settings {
                command += &format!(" --set {}", shell(&format!("{field}={value}")));
            }
            command += &format!(" --out {}", shell(&folder.display().to_string()));
            DryTrial {
                name: trial.name.clone(),
                folder,
                state: state.to_string(),
                parameters: plan.sizes[trial.point].parameters,
                settings,
                command,
            }
        });
        let trials = trials.collect();
        let fields = plan.grid.over().iter().map(|axis| label(&axis.field).to_owned()).collect();
        Ok(Self { out: out.to_owned(), fields, begin, trials })
    }
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
