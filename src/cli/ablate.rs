//! Arguments of `modiste ablate`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Shard;

use super::grid::count;
use super::{TrialArgs, WorkerArgs};

/// Arguments of `modiste ablate`.
#[derive(Debug, Args)]
pub struct AblateArgs {
    /// Runs of each variant, with seeds that follow one another; fewer than three decide nothing
    #[arg(long, value_name = "K", default_value = "3", value_parser = count)]
    pub seeds: usize,
    #[command(flatten)]
    pub trial: TrialArgs,
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
