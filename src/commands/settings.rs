//! Builds the configuration: preset or file, then flags, then `--set`.

use modiste_files::{MAX_TEXT, read_text};
use modiste_train::Config;

use crate::cli::{BaseArgs, Settings};
use crate::failure::Failure;

/// The configuration, and its name, from the preset or the file.
pub fn build(base: &BaseArgs, settings: &[&Settings]) -> Result<(Config, String), Failure> {
    let (mut config, name) = begin(base)?;
    apply(&mut config, settings)?;
    Ok((config, name))
}

/// Applies the settings from the command line. A setting that a later one overrides, or a value that a
/// field does not take, is a usage error.
pub fn apply(config: &mut Config, settings: &[&Settings]) -> Result<(), Failure> {
    let typed: Settings = settings.iter().copied().flatten().cloned().collect();
    config.apply(&typed).map_err(|error| Failure::Usage(error.to_string()))
}

/// The preset or file to begin with, and its name.
pub fn begin(base: &BaseArgs) -> Result<(Config, String), Failure> {
    if let Some(path) = &base.config {
        let text = read_text(path, MAX_TEXT)?;
        let config = Config::parse(&text, &path.display().to_string())?;
        let name = path.file_stem().map_or("config".into(), |stem| stem.to_string_lossy());
        return Ok((config, name.into_owned()));
    }
    let name = base.preset.clone().unwrap_or_else(|| "swift".to_owned());
    let config = Config::preset(&name).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok((config, name))
}
