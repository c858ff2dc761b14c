//! `modiste reproduce`: the whole paper, stage by stage; each stage continues where it stopped.
//!
//! Data check, grid, selection, final training from scratch, evaluation, baselines, ablation, report. Each
//! stage has a folder or file of its own in the results folder; what is there already is not done
//! again. `grid/` and `ablation/` are results folders of those commands, so that other processes may
//! train for them.

mod answers;
mod baselines;
mod dry_run;
mod plan;
mod report;

use std::path::Path;

use modiste_baselines::BaselineResult;
use modiste_data::DataInfo;
use modiste_model::{EpochRow, RunFolder, read_metrics};
use modiste_paper::{AblationResults, Verdict};

use modiste_search::{Place, Plan, Results, Shard, Task, measure};
use modiste_train::Config;
use serde::Serialize;

use crate::cli::ReproduceArgs;
use crate::commands::trials::{self, Failed};
use crate::commands::verdicts;
use crate::failure::Failure;
use crate::{engine, output};
use answers::Answers;
use baselines::Bench;
use dry_run::DryRun;
use plan::{FINAL, Settings};

/// All that a reproduction found.
#[derive(Serialize)]
pub struct Found {
    /// The configuration that everything begins with.
    #[serde(skip)]
    base: Config,
    /// Whether the numbers are of the quick way, which shows how it goes and no more.
    quick: bool,
    data: DataInfo,
    grid: Results,
    /// The final run's settings that the grid chose.
    selected: Vec<(String, String)>,
    #[serde(rename = "final")]
    last: Answers,
    /// The final run, epoch by epoch.
    #[serde(skip)]
    epochs: Vec<EpochRow>,
    baselines: Vec<BaselineResult>,
    ablation: AblationResults,
    ablation_epochs: usize,
    /// What its runs have otherwise than the selected configuration.
    ablation_set: Vec<(String, String)>,
    /// With and without residual connections, the mean of the seeds.
    #[serde(skip)]
    curves: Vec<(String, Vec<EpochRow>)>,
    /// All verdicts: on the data, the final model, the baselines, the parts of the method.
    verdicts: Vec<Verdict>,
}

/// Runs all stages and prints what they found.
pub fn run(args: ReproduceArgs) -> Result<(), Failure> {
    let settings = Settings::new(&args)?;
    let out = &args.out;
    // All that can be wrong with the grid, data and networks shows before a folder is made.
    let plan = Plan::new(
        settings.grid.clone(),
        &out.join("grid"),
        engine::check_batch,
        modiste_paper::published,
    )?;
    // Nor do the ablation's settings wait for it, though what it is of is chosen later.
    measure(&[&settings.ablation_base(&settings.likely())?], engine::check_batch)?;
    if args.dry_run {
        let found = DryRun::new(&args, &settings, &plan)?;
        return Ok(output::print_either(&found, args.json)?);
    }
    let place = Place::open(out, Shard::WHOLE)?;
    settings.keep(&place)?;

    say(&args, "data");
    let images = settings.grid.base().load_data()?;
    let data = modiste_data::info(&images);

    say(&args, "grid");
    let grid_place = plan.open(Shard::WHOLE)?;
    let failed = trials::run_left(&plan.tasks(), Shard::WHOLE, &args.workers, &mut |_| {
        Ok(plan.write(&grid_place).map(|_| ())?)
    })?;
    let results = plan.write(&grid_place)?;
    check("grid", failed, results.trials.len())?;

    say(&args, "final training");
    let (selected, config) = settings.select(&results)?;
    settings.check_selected(&config, out)?;
    let folder = out.join(FINAL);
    let task = final_task(out, &config)?;
    let failed = trials::run_left(&[task], Shard::WHOLE, &args.workers, &mut |_| Ok(()))?;
    check("final training", failed, 1)?;

    say(&args, "evaluation");
    let last = answers::evaluate(out, &folder, &config, &args.workers)?;

    let epochs = read_metrics(&RunFolder::new(&folder).metrics())?;

    say(&args, "baselines");
    let bench = Bench {
        folder: &out.join("baselines"),
        config: &config,
        data: &images,
        epochs: settings.final_epochs,
        workers: &args.workers,
    };
    let baselines = bench.run(&settings.baselines)?;

    say(&args, "ablation");
    let study = settings.study(&config, &plan, out)?;
    let study_place = study.open(Shard::WHOLE)?;
    let failed = trials::run_left(study.tasks(), Shard::WHOLE, &args.workers, &mut |_| {
        Ok(study.write(&study_place).map(|_| ())?)
    })?;
    let ablation = study.write(&study_place)?;
    check("ablation", failed, study.runs())?;

    say(&args, "report");
    let mut found = Found {
        base: settings.grid.base().clone(),
        quick: args.quick,
        data,
        grid: results,
        selected,
        last,
        epochs,
        baselines,
        curves: study.mean_curves(&["base", "no-residual"])?,
        verdicts: Vec::new(),
        ablation_epochs: study.base().training.epochs,
        ablation_set: settings.ablation_set.clone(),
        ablation,
    };
    found.verdicts = report::judge(&found);
    found.verdicts.extend(found.ablation.verdicts.iter().cloned());
    report::write(out, &found)?;
    let json = serde_json::to_string_pretty(&found)?;
    place.write("report.json", &format!("{json}\n"))?;
    if args.json {
        return Ok(output::print_json(&found)?);
    }
    Ok(output::print(&report::text(out, &found))?)
}

/// Names the stage that begins.
fn say(args: &ReproduceArgs, stage: &str) {
    if !args.workers.quiet {
        output::note(&format!("== {stage}"));
    }
}

/// A stage with trials that cannot be trained is where a reproduction ends.
fn check(stage: &str, failed: Vec<Failed>, all: usize) -> Result<(), Failure> {
    trials::check(&failed, all).map_err(|failure| match failure {
        Failure::Failed(error) => Failure::Failed(anyhow::anyhow!("{stage}: {error}")),
        other => other,
    })
}

/// The final training as something to be done.
fn final_task(out: &Path, config: &Config) -> Result<Task, Failure> {
    let (name, folder) = (FINAL.to_owned(), out.join(FINAL));
    let cost = measure(&[config], engine::check_batch)?[0].training_cost;
    Ok(Task { name, folder, config: config.clone(), cost, until: None })
}
