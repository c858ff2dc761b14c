//! The configuration and the data of a command that trains: settings from the command line, and for the
//! user's own pictures settings that suit them.

use modiste_data::Dataset;
use modiste_train::{Config, Plan, PlanError};

use crate::cli::{BaseArgs, Settings};
use crate::commands::settings;
use crate::failure::Failure;

/// A configuration, and the data that it names.
pub struct Prepared {
    pub config: Config,
    /// The name of the configuration: a preset, a file, or `own`.
    pub name: String,
    pub data: Dataset,
    /// The choices that were made automatically, one per line.
    pub lines: Vec<String>,
}

/// Loads the data and builds the configuration: that of the preset or file, or else one that suits the
/// pictures, unless they are Fashion-MNIST or a network was given.
pub fn prepare(base: &BaseArgs, typed: &[&Settings]) -> Result<Prepared, Failure> {
    let (config, name) = settings::begin(base)?;
    let typed: Settings = typed.iter().copied().flatten().cloned().collect();
    let chosen = base.preset.is_some() || base.config.is_some();
    let plan = Plan::new(config, chosen, &typed).map_err(|error| match error {
        PlanError::Setting(error) => Failure::Usage(error.to_string()),
        PlanError::Failed(error) => Failure::Failed(error.into()),
    })?;
    let Plan { config, data, suited: lines } = plan;
    let name = if lines.is_empty() { name } else { "own".to_owned() };
    Ok(Prepared { config, name, data, lines })
}
