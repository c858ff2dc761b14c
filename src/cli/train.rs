//! Arguments of `modiste train`.

use std::path::PathBuf;

use clap::Args;

use super::{BaseArgs, DataFlags, EngineArgs, NetworkFlags, Settings, TrainingFlags};

/// Arguments of `modiste train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub settings: SettingArgs,
    /// The run folder to create [default: runs/DATE-TIME-PRESET]
    #[arg(long, value_name = "RUN")]
    pub out: Option<PathBuf>,
    /// Continue an interrupted run with its own configuration; add --data if its data has moved, or
    /// --epochs to extend a finished run
    #[arg(long, value_name = "RUN", conflicts_with_all = ["preset", "config", "network-flags", "set", "out"])]
    pub resume: Option<PathBuf>,
    /// Plan the epochs so that the run takes this many minutes on this machine; the run's config.toml
    /// holds the plan, so that it can be repeated
    #[arg(long, value_name = "M", conflicts_with_all = ["resume", "training.epochs"],
          value_parser = minutes)]
    pub minutes: Option<f64>,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Threads to compute with; the result is the same for any number [default: one per available
    /// core]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Use direct convolution instead of Winograd's method: slower, with smaller rounding errors
    #[arg(long)]
    pub direct: bool,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// Flags for every field of a configuration.
#[derive(Debug, Args)]
pub struct SettingArgs {
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub training: TrainingFlags,
    /// Set any field of the configuration, as in --set training.schedule.patience=3
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub set: Vec<(String, String)>,
}

impl SettingArgs {
    /// The settings from the command line.
    pub fn typed(&self) -> [&Settings; 4] {
        [&self.data.0, &self.network.0, &self.training.0, &self.set]
    }
}

/// Splits `field=value` at its first equals sign; the field may be named by its flag.
pub(super) fn field_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => {
            Ok((super::flags::field(field), value.to_owned()))
        }
        _ => Err("a field and its value must be joined by \"=\"".to_owned()),
    }
}

/// A duration of training.
pub(super) fn minutes(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.05..=100_000.0).contains(number));
    number.ok_or_else(|| "not a number of minutes from 0.05 to 100,000".to_owned())
}
