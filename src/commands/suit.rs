//! The configuration and the data of a command that trains: what was typed, and for somebody's own
//! pictures what suits them.

use std::path::Path;

use modiste_data::Dataset;
use modiste_spec::Architecture;
use modiste_train::{Config, own_pictures, suit};

use crate::cli::{BaseArgs, Settings};
use crate::commands::{model, settings};
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
    let of = |prefix: &str| -> Settings {
        let all = typed.iter().copied().flatten();
        let belongs = |path: &str| Config::path_of(path).is_ok_and(|path| path.starts_with(prefix));
        all.filter(|(path, _)| belongs(path)).cloned().collect()
    };
    let (mut config, mut name) = settings::begin(base)?;
    let start = typed
        .iter()
        .copied()
        .flatten()
        .rev()
        .find(|(path, _)| Config::path_of(path).is_ok_and(|path| path == "training.from"));
    let network = start.map(|(_, from)| network_of(Path::new(from))).transpose()?;
    let from = |config: &mut Config| {
        if let Some(network) = &network {
            config.network.clone_from(network);
        }
    };
    from(&mut config);
    let fixed = base.preset.is_some() || base.config.is_some() || !of("network.").is_empty();
    let mut lines = Vec::new();
    if !fixed {
        settings::apply(&mut config, &[&of("data.")])?;
        let data = config.load_data()?;
        if own_pictures(&data) {
            let suited = suit(&data, &config.data)?;
            lines = vec![suited.line, suited.mirroring];
            (config, name) = (suited.config, "own".to_owned());
            from(&mut config);
        }
        settings::apply(&mut config, typed)?;
        return Ok(Prepared { config, name, data, lines });
    }
    settings::apply(&mut config, typed)?;
    let data = config.load_data()?;
    Ok(Prepared { config, name, data, lines })
}

/// The network of the model that a run starts from.
fn network_of(from: &Path) -> Result<Architecture, Failure> {
    let model = model::load(from)?;
    let name = format!("{}: config", from.display());
    Ok(Config::parse(&model.config, &name)?.network)
}
