//! Arguments of `modiste ablate`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Shard;

use super::grid::count;
use super::train::field_and_value;
use super::{DataFlags, NetworkFlags, TrainingFlags, WorkerArgs};

/// Arguments of `modiste ablate`.
#[derive(Debug, Args)]
pub struct AblateArgs {
    /// Runs of each variant, with seeds that follow one another; fewer than three decide nothing
    #[arg(long, value_name = "K", default_value = "3", value_parser = count)]
    pub seeds: usize,
    /// Begin with these settings, of 12 epochs: swift or paper [default: paper]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Begin with the settings of this file, such as a run's config.toml
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub training: TrainingFlags,
    /// Set any field of the configuration, as in --set training.schedule.patience=3
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub set: Vec<(String, String)>,
    /// The results folder: made, or gone on with
    #[arg(long, value_name = "FOLDER", default_value = "runs/ablation")]
    pub out: PathBuf,
    /// Train every n-th run from the i-th on, so that several processes share a results folder
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}
