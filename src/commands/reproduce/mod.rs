//! `modiste reproduce`: the whole paper, stage by stage; each stage continues where it stopped.
//!
//! Data check, grid, selection, final training from scratch, evaluation, baselines, ablation,
//! report. Each stage has its own folder or file in the results folder, and finished work is not
//! repeated. `grid/` and `ablation/` are results folders of those commands, so other processes may
//! train their trials.

mod answers;
mod baselines;
mod dry_run;
mod plan;
mod report;

use std::path::Path;

use modiste_baselines::BaselineResult;
use modiste_data::DataInfo;
use modiste_model::{EpochRow, RunFolder, read_metrics};
use modiste_paper::{AblationResults, Verdict, judge};

use modiste_search::{Plan, Results, ResultsFolder, Shard, Task, measure};
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

/// The results of a reproduction.
#[derive(Serialize)]
pub struct ReproductionResults {
    /// The base configuration.
    #[serde(skip)]
    base: Config,
    /// Whether this is a quick demonstration, whose numbers mean nothing.
    quick: bool,
    data: DataInfo,
    grid: Results,
    /// The settings of the final run that the grid chose.
    selected: Vec<(String, String)>,
    #[serde(rename = "final")]
    last: Answers,
    /// The final run, epoch by epoch.
    #[serde(skip)]
    epochs: Vec<EpochRow>,
    baselines: Vec<BaselineResult>,
    ablation: AblationResults,
    ablation_epochs: usize,
    /// Settings in which the ablation differs from the selected configuration.
    ablation_set: Vec<(String, String)>,
    /// Curves with and without residual connections, averaged over seeds.
    #[serde(skip)]
    curves: Vec<(String, Vec<EpochRow>)>,
    /// All verdicts: on the data, the final model, the baselines, the parts of the method.
    verdicts: Vec<Verdict>,
}

/// Runs all stages and prints what they found.
pub fn run(args: ReproduceArgs) -> Result<(), Failure> {
    let settings = Settings::new(&args)?;
    let out = &args.out;
    // Report problems with the grid, data and networks before creating a folder.
    let plan = Plan::new(
        settings.grid.clone(),
        &out.join("grid"),
        engine::check_batch,
        modiste_paper::published,
    )?;
    // Check the settings of the ablation, too, although its configuration is selected later.
    measure(&[&settings.ablation_base(&settings.provisional_selection())?], engine::check_batch)?;
    if args.dry_run {
        let found = DryRun::new(&args, &settings, &plan)?;
        return Ok(output::print_either(&found, args.json)?);
    }
    let results_folder = ResultsFolder::open(out, Shard::WHOLE)?;
    settings.keep(&results_folder)?;

    say(&args, "data");
    let images = settings.grid.base().load_data()?;
    let data = modiste_data::info(&images);

    say(&args, "grid");
    let grid_folder = plan.open(Shard::WHOLE)?;
    let failed = trials::run_left(&plan.tasks(), Shard::WHOLE, &args.workers, &mut |_| {
        Ok(plan.write(&grid_folder).map(|_| ())?)
    })?;
    let results = plan.write(&grid_folder)?;
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
    let study_folder = study.open(Shard::WHOLE)?;
    let failed = trials::run_left(study.tasks(), Shard::WHOLE, &args.workers, &mut |_| {
        Ok(study.write(&study_folder).map(|_| ())?)
    })?;
    let ablation = study.write(&study_folder)?;
    check("ablation", failed, study.runs())?;

    say(&args, "report");
    let mut found = ReproductionResults {
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
    let Answers { train, validation, .. } = &found.last;
    found.verdicts = judge(&found.data, train, validation, &found.baselines);
    found.verdicts.extend(found.ablation.verdicts.iter().cloned());
    report::write(out, &found)?;
    let json = serde_json::to_string_pretty(&found)?;
    results_folder.write("report.json", &format!("{json}\n"))?;
    if args.json {
        return Ok(output::print_json(&found)?);
    }
    Ok(output::print(&report::text(out, &found))?)
}

/// Prints the name of the stage that begins.
fn say(args: &ReproduceArgs, stage: &str) {
    if !args.workers.quiet {
        output::note(&format!("== {stage}"));
    }
}

/// Ends the reproduction if trials of a stage could not be trained.
fn check(stage: &str, failed: Vec<Failed>, all: usize) -> Result<(), Failure> {
    trials::check(&failed, all).map_err(|failure| match failure {
        Failure::Failed(error) => Failure::Failed(anyhow::anyhow!("{stage}: {error}")),
        other => other,
    })
}

/// The final training as a task.
fn final_task(out: &Path, config: &Config) -> Result<Task, Failure> {
    let (name, folder) = (FINAL.to_owned(), out.join(FINAL));
    let cost = measure(&[config], engine::check_batch)?[0].training_cost;
    Ok(Task { name, folder, config: config.clone(), cost, until: None })
}
