//! The configuration and the data of a command that trains: what was typed, and for somebody's own
//! pictures what suits them.

use modiste_data::Dataset;
use modiste_train::{Config, Plan, PlanError};

use crate::cli::{BaseArgs, Settings};
use crate::commands::settings;
use crate::failure::Failure;

/// A configuration, and the data that it names.
pub struct Prepared {
    pub config: Config,
    /// What it is called after: a preset, a file, or `own`.
    pub name: String,
    pub data: Dataset,
    /// What was chosen and is not typed, a line each.
    pub lines: Vec<String>,
}

/// Loads the data and builds the configuration: that of the preset or file; without either, that
/// which suits the pictures, unless they are Fashion-MNIST or a network was typed.
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
