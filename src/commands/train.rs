//! `modiste train`: trains a run from its first step, or from where it stopped, and writes its report.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use modiste_cpu::CpuOptions;
use modiste_data::Dataset;
use modiste_metrics::Evaluation;
use modiste_model::{Answers, DataIdentity, Model, parse_model};
use modiste_spec::{Architecture, Engine};
use modiste_train::{Config, Observer, Outcome, Pace, Run, Summary, data_warnings, rate_warning};
use modiste_views::Table;
use modiste_writeup::{BestModelAnswers, Events};
use serde::Serialize;

use crate::cli::{EngineKind, TrainArgs};
use crate::commands::suit::{self, Prepared};
use crate::commands::{loaded, memory, model};
use crate::failure::Failure;
use crate::watch::{Progress, WarningObserver};
use crate::{engine, machine, output, ranks, signals};

/// The output at the end of a run.
#[derive(Serialize)]
pub struct TrainingResult {
    #[serde(flatten)]
    pub summary: RunNumbers,
    network: NetworkNumbers,
    train: PartNumbers,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<PartNumbers>,
    /// Reasons to take the numbers with care, one per line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    threads: usize,
    /// Peak resident memory; `None` if the system does not report it.
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
    ranks::join()?;
    if ranks::several() && args.minutes.is_some() {
        let text = "--minutes: works on one machine only; with several ranks, give --epochs";
        return ranks::agree(Err(Failure::Usage(text.to_owned())));
    }
    ranks::agree(check_engine(&args))?;
    let mut resumed = args.resume.as_deref().map(take_up).transpose()?;
    let (mut config, folder, data) = ranks::agree(match &mut resumed {
        Some(run) => resume(run, &args),
        None => plan(&args),
    })?;
    // Report problems with data and network before creating a folder.
    ranks::agree(config.check_data(&data).map_err(Failure::from))?;
    ranks::check_alike(facts(&args, &config, &data)?)?;
    if !args.quiet {
        loaded::tell(&data);
    }
    let warnings = data_warnings(&data).into_iter().chain(rate_warning(&config));
    for line in warnings.filter(|_| !args.quiet) {
        output::note(&format!("modiste: note: {line}"));
    }
    let network = config.network(&data)?;
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let batch = config.training.batch;
    let options = CpuOptions { batch, threads, direct: args.direct, ..CpuOptions::default() };
    if args.engine.engine == EngineKind::Cpu
        && let Some(line) = memory::check(&network, &options, &config.training.optimiser)?
    {
        output::note(&line);
    }
    let mut engine = engine::chosen(&network, &args.engine, options)?;
    if let Some(minutes) = args.minutes {
        let pace = Pace::measure(engine.as_mut(), &config, &data, minutes)?;
        config.set("training.epochs", &pace.epochs.to_string())?;
        config.check()?;
        engine = engine::chosen(&network, &args.engine, options)?;
        let (epochs, seconds) = (pace.epochs, pace.epoch_seconds);
        output::note(&format!(
            "{epochs} epochs of about {seconds:.1} s fit into {minutes} minutes"
        ));
    }
    let run = share(match resumed {
        Some(run) => run,
        None => create(&folder, &config)?,
    })?;
    if run.is_kept_here() {
        loaded::list(&data, run.folder())?;
    }
    let quiet = args.quiet || !run.is_kept_here();
    let mut watch = WarningObserver::new(Progress::new(quiet), &data, quiet);
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

/// Checks that the options fit the engine.
fn check_engine(args: &TrainArgs) -> Result<(), Failure> {
    engine::check(&args.engine)?;
    match args.direct && args.engine.engine == EngineKind::Gpu {
        true => Err(Failure::Usage("--direct: has no effect with --engine gpu".to_owned())),
        false => Ok(()),
    }
}

/// What all ranks must agree on, apart from the program.
fn facts(
    args: &TrainArgs,
    config: &Config,
    data: &Dataset,
) -> Result<Vec<(String, String)>, Failure> {
    if !ranks::several() {
        return Ok(Vec::new());
    }
    let identity = DataIdentity::of(data);
    let mut facts = vec![("--direct".to_owned(), args.direct.to_string())];
    facts.push(("the images' checksum".to_owned(), format!("{:08x}", identity.checksum)));
    facts.push(("the classes' names".to_owned(), identity.classes.join(", ")));
    facts.extend(ranks::facts_of(config));
    let training = &config.training;
    for (field, models) in [("from", &training.from), ("teacher", &training.teacher)] {
        let paths = models.split(',').filter(|path| !path.is_empty()).map(Path::new);
        let checksums = paths.map(|path| model::load(path).map(|model| model.checksum()));
        let checksums: Result<Vec<String>, _> = checksums.collect();
        let checksums = ranks::agree(checksums.map_err(Failure::from))?;
        facts.push((format!("the checksum of training.{field}"), checksums.join(", ")));
    }
    Ok(facts)
}

/// Opens the run in `folder` to resume it; rank 0 owns the folder.
fn take_up(folder: &Path) -> Result<Run, Failure> {
    let mut kept = None;
    let config = ranks::first_makes(|| {
        let run = Run::resume(folder)?;
        let config = run.config().to_toml();
        kept = Some(run);
        Ok(config.into_bytes())
    })?;
    match kept {
        Some(run) => Ok(run),
        None => followed(folder, &Config::parse(&String::from_utf8_lossy(&config), "rank 0")?),
    }
}

/// Creates a run in `folder`; rank 0 owns the folder.
fn create(folder: &Path, config: &Config) -> Result<Run, Failure> {
    let mut kept = None;
    ranks::first_makes(|| {
        kept = Some(Run::create(folder, config)?);
        Ok(Vec::new())
    })?;
    kept.map_or_else(|| followed(folder, config), Ok)
}

/// The run of rank 0 as another rank sees it, before the first checkpoint is shared.
fn followed(folder: &Path, config: &Config) -> Result<Run, Failure> {
    Ok(Run::of_another_rank(folder, config, None)?)
}

/// Sends the checkpoint that rank 0 starts from to the other ranks.
fn share(run: Run) -> Result<Run, Failure> {
    if !ranks::several() {
        return Ok(run);
    }
    let bytes = ranks::first_makes(|| Ok(run.checkpoint_bytes()?.unwrap_or_default()))?;
    if run.is_kept_here() {
        return Ok(run);
    }
    let checkpoint = Some(&bytes[..]).filter(|bytes| !bytes.is_empty());
    Ok(Run::of_another_rank(run.folder(), run.config(), checkpoint)?)
}

/// The configuration, folder and data of a run to resume.
fn resume(run: &mut Run, args: &TrainArgs) -> Result<(Config, PathBuf, Dataset), Failure> {
    let usage = |error: modiste_train::TrainError| Failure::Usage(error.to_string());
    let mut config = run.config().clone();
    let typed: Vec<&(String, String)> = args.settings.typed().into_iter().flatten().collect();
    for (field, value) in &typed {
        let path = Config::path_of(field).map_err(usage)?;
        if !["training.epochs", "data.source"].contains(&path) {
            let text = format!(
                "{path}: a run keeps its own settings; --resume takes only --epochs and --data"
            );
            return Err(Failure::Usage(text));
        }
        config.set(path, value).map_err(usage)?;
    }
    let folder = run.folder().to_owned();
    let data = config.load_data().with_context(|| {
        format!(
            "{}: the run's data cannot be loaded; if it has moved, give its path with --data",
            folder.display()
        )
    })?;
    if !typed.is_empty() {
        run.extend(&config, &data)?;
    }
    Ok((config, folder, data))
}

/// The configuration, folder and data of a new run.
fn plan(args: &TrainArgs) -> Result<(Config, PathBuf, Dataset), Failure> {
    let prepared = suit::prepare(&args.base, &args.settings.typed())?;
    let Prepared { config, name, data, lines } = prepared;
    for line in lines.iter().filter(|_| !args.quiet) {
        output::note(line);
    }
    let folder = args.out.clone().unwrap_or_else(|| Run::new_folder(Path::new("runs"), &name));
    Ok((config, folder, data))
}

/// How a call of [`train`] ended.
pub enum Trained {
    /// The run is complete: trained, evaluated, reported.
    Finished(Box<TrainingResult>),
    /// Training was stopped on request; the checkpoint is written.
    Interrupted {
        /// The current epoch, from 1.
        epoch: usize,
        /// The steps of that epoch that are done.
        steps_done: usize,
    },
}

/// Completes a run from its current state: [`train_epochs`], then evaluation and report.
pub fn train(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Trained, Failure> {
    match train_epochs(engine, data, run, None, observer)? {
        Outcome::Finished(summary) => {
            let output = finish(engine, data, run, summary, threads)?;
            Ok(Trained::Finished(Box::new(output)))
        }
        Outcome::Interrupted { epoch, steps_done, .. } => {
            Ok(Trained::Interrupted { epoch, steps_done })
        }
    }
}

/// The training loop of a run from its current state, reporting to `observer` and TensorBoard. All runs
/// go through here; for a trial it is everything, and `modiste report` writes its report on request.
/// After the epoch `until` the run is interrupted as if the user had asked for it.
pub fn train_epochs(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    until: Option<usize>,
    observer: &mut dyn Observer,
) -> Result<Outcome, Failure> {
    signals::listen()?;
    let mut events = Events::default();
    let (kept, left) = (run.is_kept_here(), AtomicBool::new(false));
    let mut watch = |event: &modiste_train::Event<'_>| {
        observer.event(event);
        if kept {
            events.event(event);
        }
        let here = matches!(event, modiste_train::Event::EpochEnded { metrics, .. }
            if until.is_some_and(|until| metrics.epoch >= until));
        if here || signals::stop().load(Ordering::Relaxed) {
            left.store(true, Ordering::Relaxed);
        }
    };
    let stop = if until.is_some() { &left } else { signals::stop() };
    let outcome = modiste_train::fit(engine, data, run, &mut watch, stop)?;
    if let Outcome::Finished(_) = outcome {
        events.finish()?;
    }
    Ok(outcome)
}

/// Evaluates the best model on the training and validation parts; the test part stays untouched.
fn finish(
    engine: &mut dyn Engine,
    data: &Dataset,
    run: &Run,
    summary: Summary,
    threads: usize,
) -> Result<TrainingResult, Failure> {
    let model = best(&summary)?;
    engine.load_state(&model.state())?;
    let judged = BestModelAnswers::new(engine, data)?;
    if run.is_kept_here() {
        judged.write(run.folder(), data, &model)?;
    }
    let network = &model.network;
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
        train: numbers(&judged.train),
        validation: judged.validation.as_ref().map(numbers),
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
        warnings: judged.warnings(&model),
        threads,
        peak_bytes: machine::peak_bytes(),
    })
}

/// The model of the best epoch, written by rank 0.
fn best(summary: &Summary) -> Result<Model, Failure> {
    if !ranks::several() {
        return Ok(Model::load(&summary.model)?);
    }
    let bytes = ranks::first_makes(|| Ok(Model::load(&summary.model)?.to_bytes()))?;
    Ok(parse_model(&bytes, &summary.model.display().to_string())?)
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
