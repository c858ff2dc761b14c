//! Arguments of `modiste ablate`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Shard;

use super::grid::count;
use super::{ElementArgs, TrialArgs, WorkerArgs};

/// Arguments of `modiste ablate`.
#[derive(Debug, Args)]
pub struct AblateArgs {
    /// Runs of each variant, with consecutive seeds; verdicts need at least three
    #[arg(long, value_name = "K", default_value = "3", value_parser = count,
          conflicts_with = "trial")]
    pub seeds: usize,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// The results folder: a new one, or one to continue
    #[arg(long, value_name = "FOLDER", default_value = "runs/ablation")]
    pub out: PathBuf,
    /// Train every n-th run, starting with the i-th, so that processes can share a results folder
    #[arg(long, value_name = "I/N", conflicts_with_all = ["trial", "plan"])]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub element: ElementArgs,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}
