//! `modiste baseline`: other classifiers on the same data, for comparison with the paper's network.
//!
//! Classical ones come from `modiste_baselines`, networks from the usual training loop; both give
//! a [`BaselineResult`].

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;
use modiste_baselines::{BaselineError, BaselineResult, Options, PartResult, Seconds, Settings};
use modiste_data::{Dataset, PartName};
use modiste_files::atomic_write;
use modiste_metrics::argmax;
use modiste_model::Environment;
use modiste_spec::Engine;
use modiste_train::{Config, Run};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{BaseArgs, BaselineCommand, ClassicArgs, CommonArgs, Flags, NetworkArgs, PartArg};
use crate::commands::train::Trained;
use crate::commands::{baseline_text, model, settings, train};
use crate::failure::Failure;
use crate::watch::{Pieces, Progress};
use crate::{engine, machine, output};

/// The output, printed and written to `baseline.json`.
#[derive(Serialize)]
struct Measured {
    #[serde(flatten)]
    result: BaselineResult,
    threads: usize,
    /// Peak resident memory; `None` if the system does not report it.
    peak_bytes: Option<u64>,
    /// When, where and with what it was measured.
    environment: Environment,
}

/// Fits or trains, measures, prints.
pub fn run(command: BaselineCommand) -> Result<(), Failure> {
    match command {
        BaselineCommand::Svm(args) => classic(&args),
        BaselineCommand::Logistic(args) => classic(&args),
        BaselineCommand::Knn(args) => classic(&args),
        BaselineCommand::Forest(args) => classic(&args),
        BaselineCommand::Mlp(args) => network("mlp", &args),
        BaselineCommand::Cnn(args) => network("cnn", &args),
    }
}

fn classic<F: Flags + clap::Args>(args: &ClassicArgs<F>) -> Result<(), Failure> {
    let (config, _) = settings::build(&BaseArgs::default(), &[&args.common.data.0])?;
    let mut data = config.load_data()?;
    if let Some(images) = args.images {
        modiste_baselines::draw(&mut data, images, 0).map_err(usage)?;
    }
    let threads = args.common.threads.unwrap_or_else(machine::available_threads);
    let parts = parts(args.common.part);
    // A fit may take minutes, so check first that its result can be written.
    if let Some(folder) = &args.common.out {
        make(folder)?;
    }
    // A signal ends the process at once: there is nothing to save.
    let (settings, stop) = (args.flags.settings(), AtomicBool::new(false));
    let result = measure(&settings, &data, &parts, threads, args.common.quiet, &stop)?;
    finish(result, &args.common, threads, String::new())
}

/// Fits a classical baseline and measures it on `parts`; gives up when `stop` becomes true.
pub fn measure(
    settings: &Settings,
    data: &Dataset,
    parts: &[PartName],
    threads: usize,
    quiet: bool,
    stop: &AtomicBool,
) -> Result<BaselineResult, Failure> {
    let options = Options { parts, threads, stop };
    let mut pieces = Pieces::new(quiet);
    let mut watch = |progress| pieces.show(progress);
    let mut result = modiste_baselines::run(settings, data, &options, &mut watch).map_err(usage)?;
    result.published = modiste_paper::published_baselines(settings.kind());
    Ok(result)
}

/// A setting out of range is a usage error, a request to stop an interruption, all else a failure.
fn usage(error: BaselineError) -> Failure {
    match error {
        BaselineError::Setting { .. } => Failure::Usage(error.to_string()),
        BaselineError::Interrupted => Failure::Interrupted(error.to_string()),
        error => error.into(),
    }
}

fn network(kind: &str, args: &NetworkArgs) -> Result<(), Failure> {
    let common = &args.common;
    if let Some((field, _)) = args.network.0.iter().find(|(path, _)| path == "network.architecture")
    {
        return Err(Failure::Usage(format!(
            "{field}: has no effect, because the command sets it to {kind}"
        )));
    }
    let base = BaseArgs { preset: Some(kind.to_owned()), config: None };
    let typed = [&common.data.0, &args.network.0, &args.training.0];
    let (config, _) = settings::build(&base, &typed)?;
    let threads = common.threads.unwrap_or_else(machine::available_threads);
    let parts = parts(common.part);
    let trained = |folder: &Path| measure_network(&config, folder, &parts, threads, common.quiet);
    let (result, engine) = match &common.out {
        Some(folder) => trained(folder)?,
        None => {
            let folder = tempfile::tempdir()?;
            trained(folder.path()).map_err(|failure| match failure {
                Failure::Interrupted(_) => Failure::Interrupted(
                    "interrupted; use --out to keep the run, so that it can be resumed".to_owned(),
                ),
                other => other,
            })?
        }
    };
    finish(result, common, threads, engine)
}

/// Trains a network as a run in `folder` and measures its best epoch on `parts`. Returns the result and
/// the engine's description of itself.
pub fn measure_network(
    config: &Config,
    folder: &Path,
    parts: &[PartName],
    threads: usize,
    quiet: bool,
) -> Result<(BaselineResult, String), Failure> {
    let data = config.load_data()?;
    config.check_comparable(&data)?;
    for &part in parts {
        modiste_model::labels(&data, part)?;
    }
    let network = config.network(&data)?;
    let mut engine = engine::new(&network, config.training.batch, threads)?;
    let run = Run::create(folder, config)?;
    let mut progress = Progress::new(quiet);
    let trained = match train::train(engine.as_mut(), &data, &run, threads, &mut progress)? {
        Trained::Finished(output) => output.summary,
        Trained::Interrupted { .. } => {
            let text =
                format!("interrupted; continue with: modiste train --resume {}", folder.display());
            return Err(Failure::Interrupted(text));
        }
    };
    let outcome = (trained.best_epoch, trained.seconds);
    let result = of_network(engine.as_mut(), config, &data, parts, outcome)?;
    Ok((result, engine.describe()))
}

/// Measures a trained network, loaded into `engine`, on `parts`; `outcome` is its best epoch, and the
/// seconds that training took.
pub fn of_network(
    engine: &mut dyn Engine,
    config: &Config,
    data: &Dataset,
    parts: &[PartName],
    outcome: (usize, f64),
) -> Result<BaselineResult, Failure> {
    let clock = Instant::now();
    let classes = data.classes.len();
    let mut results = Vec::new();
    for &part in parts {
        let answers = model::answer(engine, data, part)?;
        let predictions: Vec<u16> =
            answers.logits.chunks_exact(classes).map(|row| argmax(row) as u16).collect();
        results.push(PartResult::new(part, &predictions, answers.labels));
    }
    let network = engine.network();
    let facts = [
        ("parameters", Value::from(network.trainable())),
        ("multiply_adds", Value::from(network.multiply_adds())),
        ("best_epoch", Value::from(outcome.0)),
    ];
    let settings = config.settings().into_iter().filter(|field| !field.path.starts_with("data."));
    let kind = config.network.kind();
    Ok(BaselineResult {
        baseline: kind.to_owned(),
        settings: settings.map(|field| (field.path.to_owned(), field.value.into())).collect(),
        data: data.name.clone(),
        split: data.split.clone(),
        train_images: data.train.len(),
        parts: results,
        seconds: Seconds { train: outcome.1, predict: clock.elapsed().as_secs_f64() },
        facts: facts.map(|(name, fact)| (name.to_owned(), fact)).into(),
        published: modiste_paper::published_baselines(kind),
    })
}

/// The parts to measure on: validation, and the requested one.
fn parts(part: PartArg) -> Vec<PartName> {
    match part {
        PartArg::Train => vec![PartName::Train, PartName::Validation],
        PartArg::Validation => vec![PartName::Validation],
        PartArg::Test => vec![PartName::Validation, PartName::Test],
    }
}

/// Creates the folder of a result.
fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: failed to create", folder.display()))
}

/// Prints, then writes the file, so that the result is shown even if writing fails.
fn finish(
    result: BaselineResult,
    common: &CommonArgs,
    threads: usize,
    engine: String,
) -> Result<(), Failure> {
    let environment = Environment::here(engine, 0);
    let output = Measured { result, threads, peak_bytes: machine::peak_bytes(), environment };
    match common.json {
        true => output::print_json(&output)?,
        false => output::print(&baseline_text::text(&output.result))?,
    }
    if let Some(folder) = &common.out {
        make(folder)?;
        let text = serde_json::to_string_pretty(&output)? + "\n";
        atomic_write(&folder.join("baseline.json"), text.as_bytes())?;
    }
    Ok(())
}
