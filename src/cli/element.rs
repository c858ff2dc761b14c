//! Arguments of commands whose trials are elements of a job array, and of `modiste status`.

use std::path::PathBuf;

use clap::Args;
use modiste_search::Scheduler;

/// Trials as elements of a job array.
#[derive(Debug, Args)]
pub struct ElementArgs {
    /// Train only this trial of the folder --out, which already has a plan; numbers start at 0
    #[arg(long, value_name = "I", conflicts_with_all = [
        "preset", "config", "network-flags", "data-flags", "training-flags", "set", "jobs", "plan",
    ])]
    pub trial: Option<usize>,
    /// Train nothing, write the plan to the folder --out and print a submission for a scheduler:
    /// slurm, kubernetes or parallel
    #[arg(long, value_name = "SCHEDULER", conflicts_with_all = ["threads", "jobs", "quiet", "json"])]
    pub plan: Option<Scheduler>,
}

/// Arguments of `modiste status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// A results folder of grid, ablate or search
    pub folder: PathBuf,
    /// Print one JSON object, with every trial
    #[arg(long)]
    pub json: bool,
}
