//! The configuration that was asked for: preset or file, then flags, then `--set`.

use std::path::Path;

use modiste_files::{MAX_TEXT, read_text};
use modiste_train::{Config, TrainError};

use crate::cli::{BaseArgs, Settings};
use crate::failure::Failure;

/// The configuration, and what it is called after: the preset or the file.
pub fn build(base: &BaseArgs, settings: &[&Settings]) -> Result<(Config, String), Failure> {
    let (mut config, name) = begin(base)?;
    apply(&mut config, settings)?;
    Ok((config, name))
}

/// Sets what was typed.
///
/// A setting that a later one undoes is wrong usage, as is a value that a field does not take.
pub fn apply(config: &mut Config, settings: &[&Settings]) -> Result<(), Failure> {
    let mut all: Vec<&(String, String)> = settings.iter().copied().flatten().collect();
    // Kinds first: they reset the settings that belong to them.
    all.sort_by_key(|(path, _)| !Config::path_of(path).is_ok_and(Config::is_kind));
    let usage = |error: TrainError| Failure::Usage(error.to_string());
    let embedded = config.data.source == "embedded";
    for (path, value) in &all {
        config.set(path, value).map_err(usage)?;
    }
    for (path, value) in &all {
        let mut again = config.clone();
        again.set(path, value).map_err(usage)?;
        if again != *config {
            return Err(Failure::Usage(format!(
                "{path}: {value:?} has no effect, because the field is set twice"
            )));
        }
    }
    let typed = |field: &str| {
        all.iter().any(|(path, _)| Config::path_of(path).is_ok_and(|found| found == field))
    };
    if embedded
        && config.data.source != "embedded"
        && !typed("data.split")
        && config.data.split == "full"
    {
        // Data of one's own is divided as suits it.
        config.data.split = "auto".to_owned();
    }
    config.check().map_err(usage)?;
    check_effect(config, &all)
}

/// Settings of the network that another one switches off. A configuration always has them, so only
/// here, where they were typed, are they a mistake.
fn check_effect(config: &Config, typed: &[&(String, String)]) -> Result<(), Failure> {
    let Some(network) = config.network.inception() else { return Ok(()) };
    for (field, idle, reason) in [
        ("network.dropout_places", network.dropout == 0.0, "while network.dropout is 0"),
        ("network.residual_scale", !network.residual, "while network.residual is false"),
    ] {
        if idle && typed.iter().any(|(path, _)| field.ends_with(path.as_str())) {
            return Err(Failure::Usage(format!("{field}: has no effect {reason}")));
        }
    }
    Ok(())
}

/// The preset or file to begin with, and its name.
pub fn begin(base: &BaseArgs) -> Result<(Config, String), Failure> {
    if let Some(path) = &base.config {
        let text = read_text(path, MAX_TEXT)?;
        let config = Config::parse(&text, &path.display().to_string())?;
        return Ok((config, config_name(path)));
    }
    let name = base.preset.clone().unwrap_or_else(|| "swift".to_owned());
    let config = Config::preset(&name).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok((config, name))
}

/// What a run is called that repeats the file at `path`.
fn config_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "config".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
