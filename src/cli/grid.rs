//! Arguments of `modiste grid`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Shard;

use super::train::{SettingArgs, field_and_value};
use super::{BaseArgs, ElementArgs};

/// Arguments of `modiste grid`.
#[derive(Debug, Args)]
pub struct GridArgs {
    /// A field of the configuration and its values, as in --over length=3,4; repeatable; the
    /// first field changes fastest. Semicolons separate values that contain commas
    /// [default: the paper's grid, length=3,4 width=4,5 dropout=0.5,0.3]
    #[arg(long, value_name = "FIELD=VALUES", value_parser = field_and_values, conflicts_with = "trial")]
    pub over: Vec<(String, Vec<String>)>,
    /// Runs of each combination, with consecutive seeds; the table shows mean and standard
    /// deviation
    #[arg(long, value_name = "K", default_value = "1", value_parser = count, conflicts_with = "trial")]
    pub seeds: usize,
    /// Cross-validation: K folds over the training and validation images
    #[arg(long, value_name = "K", conflicts_with = "trial")]
    pub folds: Option<usize>,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// The results folder: a new one, or one to continue
    #[arg(long, value_name = "FOLDER", default_value = "runs/grid")]
    pub out: PathBuf,
    /// Train every n-th trial, starting with the i-th, so that processes can share a results folder
    #[arg(long, value_name = "I/N", conflicts_with_all = ["trial", "plan"])]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub element: ElementArgs,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// List the trials with their settings, folders and states without training
    #[arg(long, conflicts_with_all = ["shard", "threads", "jobs", "quiet", "trial", "plan"])]
    pub dry_run: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// The configuration that all trials share.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// Start from this preset, with 12 epochs per trial [default: paper]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Start from this file, such as the config.toml of a run
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: SettingArgs,
}

impl TrialArgs {
    /// The given preset or file, else the preset `paper`.
    pub fn base(&self) -> BaseArgs {
        match &self.config {
            Some(path) => BaseArgs { preset: None, config: Some(path.clone()) },
            None => {
                let preset = self.preset.as_deref().unwrap_or("paper");
                BaseArgs { preset: Some(preset.to_owned()), config: None }
            }
        }
    }
}

/// How trials share the machine.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Threads for all trials together; results do not depend on it [default: one per available
    /// core]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Trials to train at the same time; they share the threads [default: one per thread, at most
    /// 4]
    #[arg(long, value_name = "J", value_parser = super::threads)]
    pub jobs: Option<usize>,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
}

/// Splits `field=value,value` at its first equals sign, and the values.
pub(super) fn field_and_values(text: &str) -> Result<(String, Vec<String>), String> {
    let (field, values) = field_and_value(text)?;
    let between = if values.contains(';') { ';' } else { ',' };
    Ok((field, values.split(between).map(str::to_owned).collect()))
}

/// A number of repetitions.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
    number.ok_or_else(|| "not a number from 1 to 1000".to_owned())
}
