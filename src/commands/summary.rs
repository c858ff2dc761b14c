//! `modiste summary`: a network's layers, shapes, parameters and multiply-adds.

use modiste_spec::Network;
use modiste_views::Summary;

use crate::cli::SummaryArgs;
use crate::commands::{model, settings};
use crate::failure::Failure;
use crate::output;

/// Prints the table.
pub fn run(args: SummaryArgs) -> Result<(), Failure> {
    let summary = Summary::new(&network(&args)?);
    Ok(output::print_either(&summary, args.json)?)
}

fn network(args: &SummaryArgs) -> Result<Network, Failure> {
    if let Some(path) = &args.model {
        return Ok(model::load(path)?.network);
    }
    let (config, _) = settings::build(&args.base, &[&args.network.0, &args.data.0])?;
    Ok(config.network(&config.load_data()?)?)
}
