//! `modiste grid`: a run for every combination of some settings, and a table of them.

mod dry_run;
pub mod results;

use modiste_search::{Grid, Place, Plan, SearchError, Shard};
use modiste_train::{Config, TrainError};

use self::dry_run::DryRun;
use crate::cli::{GridArgs, Settings, TrialArgs};
use crate::commands::{element, settings, trials};
use crate::failure::Failure;
use crate::{engine, output};

/// Epochs of the paper's table 1.
const EPOCHS: &str = "12";

/// Trains what is missing and prints the table.
pub fn run(args: GridArgs) -> Result<(), Failure> {
    if let Some(number) = args.element.trial {
        return one_trial(&args, number);
    }
    let grid = grid(&args)?;
    // All that can be wrong with data and network shows before a folder is made.
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
    let place = plan.open(shard)?;
    let failed = trials::run_left(&plan.tasks(), shard, &args.workers, &mut |_| {
        Ok(plan.write(&place).map(|_| ())?)
    })?;
    let results = plan.write(&place)?;
    if args.json {
        output::print_json(&results.json(&args.out))?;
    } else {
        output::print(&results::text(&args.out, &results))?;
    }
    trials::check(&failed, results.trials.len())
}

/// Trains one trial; the one that is done last writes the tables.
fn one_trial(args: &GridArgs, number: usize) -> Result<(), Failure> {
    if !element::train("grid", &args.out, number, &args.workers)? {
        return Ok(());
    }
    let plan = Plan::of_folder(&args.out, engine::check_batch, modiste_paper::published)?;
    let results = plan.write(&Place::at(&args.out))?;
    if args.json {
        output::print_json(&results.json(&args.out))?;
    }
    Ok(())
}

/// The grid that was typed.
fn grid(args: &GridArgs) -> Result<Grid, Failure> {
    let config = base_of_trials(&args.trial)?;
    let over = if args.over.is_empty() { modiste_paper::grid_axes() } else { args.over.clone() };
    let grid = Grid::new(config, &over, args.seeds, args.folds).map_err(usage)?;
    check_effect(&grid, &args.trial.settings.typed())?;
    Ok(grid)
}

/// What trials begin with: a preset has the epochs of the paper's table 1, a file its own.
pub fn base_of_trials(trial: &TrialArgs) -> Result<Config, Failure> {
    let base = trial.base();
    let (mut config, _) = settings::begin(&base)?;
    if base.config.is_none() {
        config.set("training.epochs", EPOCHS)?;
    }
    settings::apply(&mut config, &trial.settings.typed())?;
    Ok(config)
}

/// A field that was typed and that the grid gives other values is a mistake, be it by an axis or as
/// one of the settings that an architecture or a schedule of the grid begins with.
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

/// What makes no sense as it was typed is wrong usage.
pub fn usage(error: SearchError) -> Failure {
    match error {
        SearchError::Grid { .. } | SearchError::Train(TrainError::Config { .. }) => {
            Failure::Usage(error.to_string())
        }
        other => other.into(),
    }
}
