//! `modiste train`: a run from the first step, or from where it stopped, to its report.

use std::path::{Path, PathBuf};

use anyhow::Context;
use modiste_cpu::CpuOptions;
use modiste_data::{Dataset, PartName};
use modiste_metrics::Evaluation;
use modiste_model::{Answers, Environment, Model};
use modiste_spec::{Architecture, Engine};
use modiste_train::{
    Config, Observer, Outcome, Pace, Run, Summary, data_warnings, parted, uncalibrated,
};
use modiste_views::Table;
use serde::Serialize;

use crate::cli::TrainArgs;
use crate::commands::suit::{self, Prepared};
use crate::commands::{loaded, memory, model, report};
use crate::failure::Failure;
use crate::watch::{Events, Progress, Warned};
use crate::{engine, machine, output, signals};

/// What is printed at the end.
#[derive(Serialize)]
pub struct TrainingResult {
    #[serde(flatten)]
    pub summary: RunNumbers,
    network: NetworkNumbers,
    train: PartNumbers,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<PartNumbers>,
    /// What the numbers are to be taken with care for, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    threads: usize,
    /// Most memory resident at once; `None` where the system does not say.
    peak_bytes: Option<u64>,
}

/// The run as a whole.
#[derive(Serialize)]
pub struct RunNumbers {
    #[serde(serialize_with = "output::shown")]
    run: PathBuf,
    #[serde(serialize_with = "output::shown")]
    model: PathBuf,
    data: String,
    split: String,
    epochs: usize,
    pub best_epoch: usize,
    stopped_early: bool,
    pub seconds: f64,
    images_per_second: f64,
}

#[derive(Serialize)]
struct NetworkNumbers {
    #[serde(flatten)]
    settings: Architecture,
    parameters: usize,
    multiply_adds: u64,
}

/// The model of the best epoch on one part, without augmentation and dropout.
#[derive(Serialize)]
struct PartNumbers {
    images: u64,
    accuracy: f64,
    loss: f64,
    auroc: Option<f64>,
}

/// Trains, evaluates, reports.
pub fn run(args: TrainArgs) -> Result<(), Failure> {
    let mut resumed = args.resume.as_deref().map(Run::resume).transpose()?;
    let (mut config, folder, data) = match &mut resumed {
        Some(run) => resume(run, &args)?,
        None => plan(&args)?,
    };
    // All that can be wrong with data and network shows before a folder is made.
    config.check_data(&data)?;
    if !args.quiet {
        loaded::tell(&data);
    }
    for line in data_warnings(&data).iter().filter(|_| !args.quiet) {
        output::note(&format!("modiste: note: {line}"));
    }
    let network = config.network(&data)?;
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let batch = config.training.batch;
    let options = CpuOptions { batch, threads, direct: args.direct, ..CpuOptions::default() };
    if let Some(line) = memory::check(&network, &options)? {
        output::note(&line);
    }
    let mut engine = engine::with(&network, options)?;
    if let Some(minutes) = args.minutes {
        let pace = Pace::measure(engine.as_mut(), &config, &data, minutes)?;
        config.set("training.epochs", &pace.epochs.to_string())?;
        config.check()?;
        engine = engine::with(&network, options)?;
        let (epochs, seconds) = (pace.epochs, pace.epoch_seconds);
        output::note(&format!(
            "{epochs} epochs of about {seconds:.1} s fit into {minutes} minutes"
        ));
    }
    let run = match resumed {
        Some(run) => run,
        None => Run::create(&folder, &config)?,
    };
    loaded::list(&data, run.folder())?;
    let mut watch = Warned::new(Progress::new(args.quiet), &data, args.quiet);
    let output = match train(engine.as_mut(), &data, &run, threads, &mut watch)? {
        Trained::Finished(output) => output,
        Trained::Interrupted { epoch, steps_done } => {
            let folder = run.folder().display();
            return Err(Failure::Interrupted(format!(
                "interrupted in epoch {epoch} after step {steps_done}; \
                 continue with: modiste train --resume {folder}"
            )));
        }
    };
    for line in output.warnings.iter().filter(|_| !args.quiet) {
        output::note(&format!("modiste: note: {line}"));
    }
    if args.json {
        return Ok(output::print_json(&output)?);
    }
    Ok(output::print(&text(&output))?)
}

/// The configuration of a run to go on with, its folder and its data.
fn resume(run: &mut Run, args: &TrainArgs) -> Result<(Config, PathBuf, Dataset), Failure> {
    let usage = |error: modiste_train::TrainError| Failure::Usage(error.to_string());
    let mut config = run.config().clone();
    let typed: Vec<&(String, String)> = args.settings.typed().into_iter().flatten().collect();
    for (field, value) in &typed {
        let path = Config::path_of(field).map_err(usage)?;
        if !["training.epochs", "data.source"].contains(&path) {
            let text = format!("{path}: a run keeps its own; --resume takes --epochs and --data");
            return Err(Failure::Usage(text));
        }
        config.set(path, value).map_err(usage)?;
    }
    let folder = run.folder().to_owned();
    let data = config.load_data().with_context(|| {
        format!(
            "{}: the run's data cannot be loaded; if they moved, name them with --data",
            folder.display()
        )
    })?;
    if !typed.is_empty() {
        run.extend(&config, &data)?;
    }
    Ok((config, folder, data))
}

/// The configuration of a new run, its folder and its data.
fn plan(args: &TrainArgs) -> Result<(Config, PathBuf, Dataset), Failure> {
    let prepared = suit::prepare(&args.base, &args.settings.typed())?;
    let Prepared { config, name, data, lines } = prepared;
    for line in lines.iter().filter(|_| !args.quiet) {
        output::note(line);
    }
    let folder = args.out.clone().unwrap_or_else(|| new_folder(Path::new("runs"), &name));
    Ok((config, folder, data))
}

/// `runs/2026-11-23-170509-swift`, in UTC; numbered where that is taken.
fn new_folder(runs: &Path, name: &str) -> PathBuf {
    let started = Environment::here(String::new(), 0).started;
    let time = started.replace('T', "-").replace([':', 'Z'], "");
    let numbered = (2..).map(|i| runs.join(format!("{time}-{name}-{i}")));
    let mut folders = std::iter::once(runs.join(format!("{time}-{name}"))).chain(numbered);
    folders.find(|folder| !folder.exists()).expect("the numbers do not end")
}

/// How a call of [`train`] ended.
pub enum Trained {
    /// The run is whole: trained, evaluated, reported.
    Finished(Box<TrainingResult>),
    /// It was asked to stop; the checkpoint is written.
    Interrupted {
        /// The present epoch, from 1.
        epoch: usize,
        /// Its steps that are done.
        steps_done: usize,
    },
}

/// Brings a run to its end from wherever it stands: the training loop, watched by `observer` and for
/// TensorBoard, then evaluation and report. Every run goes this way, a grid's trials included.
pub fn train(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Trained, Failure> {
    signals::listen()?;
    let mut events = Events::default();
    let mut watch = |event: &modiste_train::Event<'_>| {
        observer.event(event);
        events.event(event);
    };
    match modiste_train::fit(engine, data, run, &mut watch, signals::stop())? {
        Outcome::Finished(summary) => {
            events.finish()?;
            let output = finish(engine, data, run, summary, threads)?;
            Ok(Trained::Finished(Box::new(output)))
        }
        Outcome::Interrupted { epoch, steps_done, .. } => {
            Ok(Trained::Interrupted { epoch, steps_done })
        }
    }
}

/// Evaluates the best model on what it was trained and chosen by; the test part stays untouched.
fn finish(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    summary: Summary,
    threads: usize,
) -> anyhow::Result<TrainingResult> {
    let model = Model::load(&summary.model)?;
    engine.load_state(&model.state())?;
    let train = model::answer(engine, data, PartName::Train)?;
    let validation = match data.validation.is_empty() {
        true => None,
        false => Some(model::answer(engine, data, PartName::Validation)?),
    };
    let confidence = model.confidence.as_ref();
    let warnings = [
        parted(&summary.best, train.evaluation.accuracy),
        confidence.and_then(|both| uncalibrated(&both.plain)),
    ];
    let network = &model.network;
    let validated = validation.as_ref().map(|answers| (PartName::Validation, answers));
    let parts: Vec<_> = [(PartName::Train, &train)].into_iter().chain(validated).collect();
    report::finish(run.folder(), data, &model, &parts)?;
    let numbers = |answers: &Answers<'_>| {
        let Evaluation { images, accuracy, loss, auroc, .. } = answers.evaluation;
        PartNumbers { images, accuracy, loss, auroc }
    };
    Ok(TrainingResult {
        network: NetworkNumbers {
            settings: run.config().network.clone(),
            parameters: network.trainable(),
            multiply_adds: network.multiply_adds(),
        },
        train: numbers(&train),
        validation: validation.as_ref().map(numbers),
        summary: RunNumbers {
            run: summary.run,
            model: summary.model,
            data: data.name.clone(),
            split: data.split.clone(),
            epochs: summary.epochs,
            best_epoch: summary.best.epoch,
            stopped_early: summary.stopped_early,
            seconds: summary.seconds,
            images_per_second: summary.images_per_second,
        },
        warnings: warnings.into_iter().flatten().collect(),
        threads,
        peak_bytes: machine::peak_bytes(),
    })
}

/// The numbers as a small table, and what to do next.
fn text(output: &TrainingResult) -> String {
    let TrainingResult { summary, train, validation, .. } = output;
    let mut table = Table::new(1, ["best epoch's model", "accuracy", "loss", "AUROC", "images"]);
    let validation = validation.as_ref().map(|part| ("validation", part));
    for (name, part) in [("train", train)].into_iter().chain(validation) {
        let auroc = part.auroc.map_or("-".to_owned(), |auroc| format!("{auroc:.4}"));
        let [accuracy, loss] = [part.accuracy, part.loss].map(|number| format!("{number:.4}"));
        table.row([name.to_owned(), accuracy, loss, auroc, part.images.to_string()]);
    }
    let run = summary.run.display();
    format!(
        "\n{table}\nbest epoch {} of {}; {} at {:.0} images/s; run folder {run}\n\
         next, the held-out test set:\n  modiste evaluate {run} --part test\n",
        summary.best_epoch,
        summary.epochs,
        crate::watch::duration(summary.seconds),
        summary.images_per_second,
    )
}
