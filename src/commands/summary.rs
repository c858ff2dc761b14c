//! `modiste summary`: a network's layers, shapes, parameters and multiply-adds, and the memory that
//! training takes. `modiste diagram` gets its network from here, too.

use std::fmt;

use modiste_cpu::{CpuOptions, engine_bytes};
use modiste_spec::Network;
use modiste_train::{TrainingConfig, config_of};
use modiste_views::Summary;
use serde::Serialize;

use crate::cli::{AnyNetworkArgs, SummaryArgs};
use crate::commands::{memory, model, settings};
use crate::failure::Failure;
use crate::{machine, output};

/// What is printed.
#[derive(Serialize)]
struct NetworkSummary {
    #[serde(flatten)]
    table: Summary,
    batch: usize,
    threads: usize,
    /// Estimated memory of an engine that trains with this batch, without the data.
    training_bytes: u64,
}

impl fmt::Display for NetworkSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batch, need) = (self.batch, memory::shown(self.training_bytes));
        write!(
            f,
            "{}\ntraining with batches of {batch} takes about {need}, without the data\n",
            self.table
        )
    }
}

/// Prints the table.
pub fn run(args: SummaryArgs) -> Result<(), Failure> {
    let (network, training) = network_and_training(&args.network)?;
    let batch = args.batch.map_or(training.batch, usize::from);
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let options = CpuOptions { batch, threads, ..CpuOptions::default() };
    let table = Summary::new(&network);
    let training_bytes = engine_bytes(&network, &options, &training.optimiser);
    let summary = NetworkSummary { table, batch, threads, training_bytes };
    Ok(output::print_either(&summary, args.json)?)
}

/// The network of a model, or the one that the options describe.
pub fn network(args: &AnyNetworkArgs) -> Result<Network, Failure> {
    network_and_training(args).map(|(network, _)| network)
}

/// The network, and the settings with which it was or will be trained.
fn network_and_training(args: &AnyNetworkArgs) -> Result<(Network, TrainingConfig), Failure> {
    if let Some(path) = &args.model {
        let loaded = model::load(path)?;
        let training = config_of(path, &loaded)?.training;
        return Ok((loaded.network, training));
    }
    let (config, _) = settings::build(&args.base, &[&args.network.0, &args.data.0])?;
    Ok((config.network(&config.load_data()?)?, config.training))
}
