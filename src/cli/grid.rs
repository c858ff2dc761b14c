//! Arguments of `modiste grid`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Shard;

use super::BaseArgs;
use super::train::{SettingArgs, field_and_value};

/// Arguments of `modiste grid`.
#[derive(Debug, Args)]
pub struct GridArgs {
    /// A field of the configuration and the values it takes, as in --over length=3,4; may be given
    /// several times, the first changes fastest. Where values have commas, semicolons part them
    /// [default: the paper's: length=3,4 width=4,5 dropout=0.5,0.3]
    #[arg(long, value_name = "FIELD=VALUES", value_parser = field_and_values)]
    pub over: Vec<(String, Vec<String>)>,
    /// Runs of each combination, with seeds that follow one another; the table has mean and
    /// deviation
    #[arg(long, value_name = "K", default_value = "1", value_parser = count)]
    pub seeds: usize,
    /// Cross-validation: K folds over the training and validation images
    #[arg(long, value_name = "K")]
    pub folds: Option<usize>,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// The results folder: made, or gone on with
    #[arg(long, value_name = "FOLDER", default_value = "runs/grid")]
    pub out: PathBuf,
    /// Train every n-th trial from the i-th on, so that several processes share a results folder
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// List the trials, their settings, folders and states, and train nothing
    #[arg(long, conflicts_with_all = ["shard", "threads", "jobs", "quiet"])]
    pub dry_run: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// The configuration that trials have in common.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// Begin with these settings, of 12 epochs a trial: swift or paper [default: paper]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Begin with the settings of this file, such as a run's config.toml
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: SettingArgs,
}

impl TrialArgs {
    /// The preset or file that was typed, else the paper's preset.
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
    /// Threads for all trials together; no result depends on them [default: as many as the machine
    /// runs at once]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Trials to train at once, each with its part of the threads [default: as many as there are
    /// threads, up to 4]
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
