//! `modiste summary`: a network's layers, shapes, parameters and multiply-adds.
//! `modiste diagram` takes its network from here too.

use modiste_spec::Network;
use modiste_views::Summary;

use crate::cli::{AnyNetworkArgs, SummaryArgs};
use crate::commands::{model, settings};
use crate::failure::Failure;
use crate::output;

/// Prints the table.
pub fn run(args: SummaryArgs) -> Result<(), Failure> {
    let summary = Summary::new(&network(&args.network)?);
    Ok(output::print_either(&summary, args.json)?)
}

/// The network of a model, or that which the options describe.
pub fn network(args: &AnyNetworkArgs) -> Result<Network, Failure> {
    if let Some(path) = &args.model {
        return Ok(model::load(path)?.network);
    }
    let (config, _) = settings::build(&args.base, &[&args.network.0, &args.data.0])?;
    Ok(config.network(&config.load_data()?)?)
}
