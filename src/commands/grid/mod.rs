//! `modiste grid`: a run for every combination of some settings, and a table of them.

mod place;
mod plan;
mod results;

use std::path::Path;

use modiste_search::{Grid, Results, SearchError, Shard, Size, State};
use modiste_train::{Config, TrainError};

use crate::cli::{BaseArgs, GridArgs};
use crate::commands::settings;
use crate::commands::trials::{self, Failed, Task, Workers};
use crate::failure::Failure;
use crate::output;

pub use place::Place;
pub use plan::Plan;

/// Epochs of the paper's table 1.
const EPOCHS: &str = "12";

/// Trains what is missing and prints the table.
pub fn run(args: GridArgs) -> Result<(), Failure> {
    let base = BaseArgs {
        preset: (args.config.is_none())
            .then(|| args.preset.clone().unwrap_or_else(|| "paper".into())),
        config: args.config.clone(),
    };
    let grid = grid(&args, &base)?;
    // All that can be wrong with data and network shows before a folder is made.
    let plan = Plan::new(grid, &args.out)?;
    if args.dry_run {
        return Ok(output::print_either(&plan.dry_run(&base)?, args.json)?);
    }
    let place = Place::open(&args.out, args.shard.unwrap_or(Shard::WHOLE), &plan.grid)?;
    let failed = train(&plan, &place, args.shard.unwrap_or(Shard::WHOLE), &args)?;
    let results = place.write(&plan)?;
    if args.json {
        output::print_json(&results::json(&args.out, &results))?;
    } else {
        output::print(&results::text(&args.out, &results))?;
    }
    check_failed(&failed, &results)
}

/// The grid that was typed.
fn grid(args: &GridArgs, base: &BaseArgs) -> Result<Grid, Failure> {
    let (mut config, _) = settings::begin(base)?;
    if args.config.is_none() {
        config.set("training.epochs", EPOCHS)?;
    }
    let typed = [&args.data.0, &args.network.0, &args.training.0, &args.set];
    settings::apply(&mut config, &typed)?;
    let over = if args.over.is_empty() { Grid::paper_axes() } else { args.over.clone() };
    let grid = Grid::new(config, &over, args.seeds, args.folds).map_err(usage)?;
    for (path, value) in typed.into_iter().flatten() {
        let path = Config::path_of(path).map_err(|error| usage(error.into()))?;
        if grid.over.iter().any(|axis| axis.field == path) {
            return Err(Failure::Usage(format!(
                "{path}: {value:?} has no effect, the grid gives it other values"
            )));
        }
    }
    Ok(grid)
}

/// What makes no sense as it was typed is wrong usage.
fn usage(error: SearchError) -> Failure {
    match error {
        SearchError::Grid { .. } | SearchError::Train(TrainError::Config { .. }) => {
            Failure::Usage(error.to_string())
        }
        other => other.into(),
    }
}

/// Trains those trials of the shard that are not done; results are written after each.
fn train(
    plan: &Plan,
    place: &Place,
    shard: Shard,
    args: &GridArgs,
) -> Result<Vec<Failed>, Failure> {
    let states = plan.states()?;
    let open = |i: &usize| shard.has(*i) && states[*i].numbers().is_none();
    let tasks: Vec<Task> = (0..states.len()).filter(open).map(|i| plan.task(i)).collect();
    let workers = Workers::new(&args.workers, tasks.len());
    trials::run(&tasks, &workers, &mut |_| place.write(plan).map(|_| ()))
}

/// Trials that cannot be trained make the command fail, after the table was shown.
fn check_failed(failed: &[Failed], results: &Results) -> Result<(), Failure> {
    let Some(Failed { name, problem }) = failed.first() else { return Ok(()) };
    let all = results.trials.len();
    let count = failed.len();
    Err(anyhow::anyhow!("{count} of {all} trials failed: {name}: {problem}").into())
}

/// The run folder of a trial.
fn folder_of(out: &Path, name: &str) -> std::path::PathBuf {
    out.join("trials").join(name)
}
