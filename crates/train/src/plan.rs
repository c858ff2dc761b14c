//! Builds a complete configuration and loads its data from the user's settings; the user's own
//! pictures get settings that suit them.

use std::path::Path;

use modiste_data::Dataset;
use modiste_spec::Architecture;

use crate::fit::model_at;
use crate::{Config, TrainError, choose_settings, own_pictures};

/// A complete configuration, and the data that it names.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Its data.
    pub data: Dataset,
    /// What was chosen to suit the data, one line each; may be empty.
    pub suited: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A requested setting does not exist, is out of range or has no effect.
    #[error(transparent)]
    Setting(TrainError),
    /// The data or a model cannot be read, or no network suits them.
    #[error(transparent)]
    Failed(#[from] TrainError),
}

impl Plan {
    /// Plans `base` with `settings`, which are fields with their values. Unless `base` was `chosen`
    /// (a preset, a file) or a network is among the settings, the user's own pictures get settings
    /// that suit them.
    ///
    /// # Errors
    /// If a setting makes no sense, or the data cannot be loaded.
    pub fn new(
        base: Config,
        chosen: bool,
        settings: &[(String, String)],
    ) -> Result<Self, PlanError> {
        let apply = |config: &mut Config, settings: &[(String, String)]| {
            config.apply(settings).map_err(PlanError::Setting)
        };
        let start = settings.iter().rev().find(|(path, _)| is(path, "training.from"));
        let network = start.map(|(_, from)| network_of(Path::new(from))).transpose()?;
        let from = |config: &mut Config| {
            if let Some(network) = &network {
                config.network.clone_from(network);
            }
        };
        let mut config = base;
        from(&mut config);
        if chosen || !below("network.", settings).is_empty() {
            apply(&mut config, settings)?;
            let data = config.load_data()?;
            return Ok(Self { config, data, suited: Vec::new() });
        }
        apply(&mut config, &below("data.", settings))?;
        let data = config.load_data()?;
        let mut suited = Vec::new();
        if own_pictures(&data) {
            let found = choose_settings(&data, &config.data)?;
            suited = vec![found.line, found.mirroring];
            config = found.config;
            from(&mut config);
        }
        apply(&mut config, settings)?;
        Ok(Self { config, data, suited })
    }
}

/// Whether `path` refers to the field `field`.
fn is(path: &str, field: &str) -> bool {
    Config::path_of(path).is_ok_and(|found| found == field)
}

/// The settings of fields below `prefix`.
fn below(prefix: &str, settings: &[(String, String)]) -> Vec<(String, String)> {
    let belongs = |path: &str| Config::path_of(path).is_ok_and(|path| path.starts_with(prefix));
    settings.iter().filter(|(path, _)| belongs(path)).cloned().collect()
}

/// The network of the model that a run starts from.
fn network_of(from: &Path) -> Result<Architecture, TrainError> {
    let model = model_at(from)?;
    let name = format!("{}: config", from.display());
    Ok(Config::parse(&model.config, &name)?.network)
}

impl Config {
    /// Applies the user's settings, in any order, and checks the result. Data other than the
    /// embedded data is split automatically, unless a split is among the settings.
    ///
    /// # Errors
    /// If a field does not exist, does not take its value, or has no effect together with the others.
    pub fn apply(&mut self, settings: &[(String, String)]) -> Result<(), TrainError> {
        let mut all: Vec<&(String, String)> = settings.iter().collect();
        // Kinds first: they reset the settings that belong to them.
        all.sort_by_key(|(path, _)| !Self::path_of(path).is_ok_and(Self::is_kind));
        let embedded = self.data.source == "embedded";
        for (path, value) in &all {
            self.set(path, value)?;
        }
        for (path, value) in &all {
            let mut again = self.clone();
            again.set(path, value)?;
            if again != *self {
                let problem = format!("{value:?} has no effect, because the field is set twice");
                return Err(TrainError::config(path, problem));
            }
        }
        let divided = all.iter().any(|(path, _)| is(path, "data.split"));
        if embedded && self.data.source != "embedded" && !divided && self.data.split == "full" {
            self.data.split = "auto".to_owned();
        }
        self.check()?;
        self.check_effect(&all)
    }

    /// Rejects requested settings of the network that another one makes ineffective. They are a
    /// mistake only if requested, because every configuration has them.
    fn check_effect(&self, asked: &[&(String, String)]) -> Result<(), TrainError> {
        let Some(network) = self.network.inception() else { return Ok(()) };
        for (field, idle, reason) in [
            ("network.dropout_places", network.dropout == 0.0, "while network.dropout is 0"),
            ("network.residual_scale", !network.residual, "while network.residual is false"),
        ] {
            if idle && asked.iter().any(|(path, _)| field.ends_with(path.as_str())) {
                return Err(TrainError::config(field, format!("has no effect {reason}")));
            }
        }
        Ok(())
    }
}
