//! `modiste grid`: trains a run for every combination of some settings, and prints a table.

mod dry_run;
pub mod results;

use modiste_search::{Grid, Plan, ResultsFolder, SearchError, Shard};
use modiste_train::{Config, TrainError};

use self::dry_run::DryRun;
use crate::cli::{GridArgs, Settings, TrialArgs};
use crate::commands::{element, settings, trials};
use crate::failure::Failure;
use crate::{engine, output};

/// Epochs of the paper's table 1.
const EPOCHS: &str = "12";

/// Trains the missing trials and prints the table.
pub fn run(args: GridArgs) -> Result<(), Failure> {
    if let Some(number) = args.element.trial {
        return one_trial(&args, number);
    }
    let grid = grid(&args)?;
    // Report problems with data and network before creating a folder.
    let published = modiste_paper::published;
    let plan = Plan::new(grid, &args.out, engine::check_batch, published)?;
    if args.dry_run {
        return Ok(output::print_either(
            &DryRun::new(&plan, &args.out, &args.trial.base())?,
            args.json,
        )?);
    }
    if let Some(scheduler) = args.element.plan {
        drop(plan.open(Shard::WHOLE)?);
        return element::print_plan(scheduler, "grid", &args.out);
    }
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let folder = plan.open(shard)?;
    let failed = trials::run_left(&plan.tasks(), shard, &args.workers, &mut |_| {
        Ok(plan.write(&folder).map(|_| ())?)
    })?;
    let results = plan.write(&folder)?;
    if args.json {
        output::print_json(&results.json(&args.out))?;
    } else {
        output::print(&results::text(&args.out, &results))?;
    }
    trials::check(&failed, results.trials.len())
}

/// Trains one trial; the process that completes the last trial writes the tables.
fn one_trial(args: &GridArgs, number: usize) -> Result<(), Failure> {
    if !element::train("grid", &args.out, number, &args.workers)? {
        return Ok(());
    }
    let plan = Plan::of_folder(&args.out, engine::check_batch, modiste_paper::published)?;
    let results = plan.write(&ResultsFolder::at(&args.out))?;
    if args.json {
        output::print_json(&results.json(&args.out))?;
    }
    Ok(())
}

/// The grid that the arguments describe.
fn grid(args: &GridArgs) -> Result<Grid, Failure> {
    let config = base_of_trials(&args.trial)?;
    let over = if args.over.is_empty() { modiste_paper::grid_axes() } else { args.over.clone() };
    let grid = Grid::new(config, &over, args.seeds, args.folds).map_err(usage)?;
    check_effect(&grid, &args.trial.settings.typed())?;
    Ok(grid)
}

/// The base configuration of trials: a preset with the epochs of the paper's table 1, or a file with its
/// own.
pub fn base_of_trials(trial: &TrialArgs) -> Result<Config, Failure> {
    let base = trial.base();
    let (mut config, _) = settings::begin(&base)?;
    if base.config.is_none() {
        config.set("training.epochs", EPOCHS)?;
    }
    settings::apply(&mut config, &trial.settings.typed())?;
    Ok(config)
}

/// Rejects a field given on the command line that the grid overrides, whether by an axis or by the
/// defaults of an architecture or schedule of the grid.
pub fn check_effect(grid: &Grid, typed: &[&Settings]) -> Result<(), Failure> {
    let kinds = grid.over().iter().any(|axis| Config::is_kind(&axis.field));
    let points = if kinds { grid.points() } else { &[] };
    for (path, value) in typed.iter().copied().flatten() {
        let path = Config::path_of(path).map_err(|error| usage(error.into()))?;
        if grid.over().iter().any(|axis| axis.field == path) {
            return Err(Failure::Usage(format!(
                "{path}: {value:?} has no effect, because the grid sets it"
            )));
        }
        let kept = |config: &Config| {
            let mut again = config.clone();
            again.set(path, value).is_ok() && again == *config
        };
        if let Some(point) = points.iter().find(|point| !kept(&point.config)) {
            let values = point.values.join(",");
            return Err(Failure::Usage(format!(
                "{path}: {value:?} has no effect on the combination {values}, which starts from \
                 the defaults of its kind; use --over {path}={value} instead"
            )));
        }
    }
    Ok(())
}

/// Turns errors in the arguments into usage errors.
pub fn usage(error: SearchError) -> Failure {
    match error {
        SearchError::Grid { .. } | SearchError::Train(TrainError::Config { .. }) => {
            Failure::Usage(error.to_string())
        }
        other => other.into(),
    }
}
