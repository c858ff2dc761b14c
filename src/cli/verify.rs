//! Arguments of `modiste verify`.

use std::path::PathBuf;

use clap::Args;

use super::threads;

/// Arguments of `modiste verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The run folder, with config.toml and metrics.csv; its model and digests.csv are compared if they
    /// exist
    pub run: PathBuf,
    /// Repeat only the first epochs [default: all that are recorded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    /// The folder or file of the images, if they have moved [default: the run's]
    #[arg(long, value_name = "PATH")]
    pub data: Option<String>,
    /// Threads to compute with; any number gives the same bits [default: one per available core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
