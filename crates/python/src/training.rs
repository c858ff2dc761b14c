//! Training, as in `modiste train`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use modiste_cpu::{CpuEngine, CpuOptions, engine_bytes};
use modiste_data::{Dataset, free_memory};
use modiste_files::{MAX_TEXT, read_text};
use modiste_model::{Model, RunFolder, read_metrics};
use modiste_spec::{Engine, Network};
use modiste_train::{
    Config, Event, FIELDS, Observer, Outcome, Pace, Plan, Run, TrainError, data_warnings, fit,
    rate_warning, uncalibrated,
};
use modiste_writeup::{BestModelAnswers, Events};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::errors::{of_plan, of_run, raised, value};
use crate::model::threads_of;
use crate::watch::Watch;

/// Every field of a configuration, as JSON: path, name (that of its flag), default, values, meaning, kinds.
#[pyfunction]
pub fn fields() -> String {
    let field = |field: &modiste_train::Field| {
        json!({
            "path": field.path, "name": field.flag_name().replace('-', "_"),
            "default": field.defaults(), "values": field.range.to_string(), "meaning": field.doc,
            "kinds": field.kinds,
        })
    };
    FIELDS.iter().map(field).collect::<Vec<_>>().into_iter().collect::<Value>().to_string()
}

/// A folder below `runs` for a new run called `name`.
#[pyfunction]
pub fn new_folder(runs: PathBuf, name: &str) -> PathBuf {
    Run::new_folder(&runs, name)
}

/// The rows of a run's `metrics.csv`, as JSON.
#[pyfunction]
pub fn metrics(folder: PathBuf) -> PyResult<String> {
    let rows = read_metrics(&RunFolder::new(folder).metrics()).map_err(raised)?;
    let row = |row: &modiste_model::EpochRow| {
        let mut value = json!(row.metrics);
        value["seconds"] = json!(row.timing.map(|timing| timing.seconds));
        value["images_per_second"] = json!(row.timing.map(|timing| timing.images_per_second));
        value
    };
    Ok(rows.iter().map(row).collect::<Value>().to_string())
}

/// Trains a new run: a preset or a configuration file with settings (fields with their values), in the
/// folder `out` or a new one below `runs`; returns the folder.
///
/// `tell` is called with events as JSON. Ctrl-C, or an exception in `tell`, leaves a checkpoint. With `report`,
/// TensorBoard's events and the report are written as `modiste train` writes them.
#[pyfunction]
#[pyo3(signature = (settings, *, preset, config, out, minutes, threads, report, tell))]
#[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub fn train(
    py: Python<'_>,
    settings: Vec<(String, String)>,
    preset: Option<String>,
    config: Option<PathBuf>,
    out: Option<PathBuf>,
    minutes: Option<f64>,
    threads: Option<usize>,
    report: bool,
    tell: Py<PyAny>,
) -> PyResult<PathBuf> {
    let threads = threads_of(threads)?;
    py.detach(|| {
        let (base, name) = begin(preset.as_deref(), config.as_deref())?;
        let chosen = preset.is_some() || config.is_some();
        let Plan { mut config, data, suited } =
            Plan::new(base, chosen, &settings).map_err(of_plan)?;
        config.check_data(&data).map_err(of_run)?;
        let (network, options) = engine_for(&config, &data, threads)?;
        let mut lines = about(&config, &data);
        lines.splice(0..0, suited.iter().cloned());
        let mut engine = CpuEngine::new(&network, options).map_err(raised)?;
        if let Some(minutes) = minutes {
            let pace = Pace::measure(&mut engine, &config, &data, minutes).map_err(of_run)?;
            let epochs = pace.epochs.to_string();
            config.apply(&[("training.epochs".to_owned(), epochs)]).map_err(of_run)?;
            engine = CpuEngine::new(&network, options).map_err(raised)?;
            lines.push(format!(
                "{} epochs of about {:.1} s fit into {minutes} minutes",
                pace.epochs, pace.epoch_seconds
            ));
        }
        let name = if suited.is_empty() { name } else { "own".to_owned() };
        let out = out.unwrap_or_else(|| Run::new_folder(Path::new("runs"), &name));
        // An exception while the data was loading ends the run before its folder is created.
        Python::attach(|py| py.check_signals())?;
        let run = Run::create(&out, &config).map_err(of_run)?;
        go_on(&mut engine, &data, &run, &lines, report, &tell)
    })
}

/// Resumes the run in `folder`; the settings may change the number of epochs and the location of the data.
#[pyfunction]
#[pyo3(signature = (folder, settings, *, threads, report, tell))]
pub fn resume(
    py: Python<'_>,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    threads: Option<usize>,
    report: bool,
    tell: Py<PyAny>,
) -> PyResult<PathBuf> {
    let threads = threads_of(threads)?;
    py.detach(|| {
        let mut run = Run::resume(&folder).map_err(of_run)?;
        let mut config = run.config().clone();
        for (field, text) in &settings {
            config.set(field, text).map_err(of_run)?;
        }
        let data = config.load_data().map_err(of_run)?;
        if !settings.is_empty() {
            run.extend(&config, &data).map_err(of_run)?;
        }
        let (network, options) = engine_for(&config, &data, threads)?;
        let mut engine = CpuEngine::new(&network, options).map_err(raised)?;
        go_on(&mut engine, &data, &run, &about(&config, &data), report, &tell)
    })
}

/// The configuration to start from, and its name for the run's folder.
fn begin(preset: Option<&str>, file: Option<&Path>) -> PyResult<(Config, String)> {
    let Some(path) = file else {
        let name = preset.unwrap_or("swift");
        return Ok((Config::preset(name).map_err(of_run)?, name.to_owned()));
    };
    if preset.is_some() {
        return Err(value("preset: cannot be given together with config"));
    }
    let text = read_text(path, MAX_TEXT).map_err(raised)?;
    let config = Config::parse(&text, &path.display().to_string()).map_err(of_run)?;
    let name = path.file_stem().map_or("config".into(), |stem| stem.to_string_lossy().into_owned());
    Ok((config, name))
}

/// The network for `data` and the options of its engine, if there is the memory for it.
fn engine_for(config: &Config, data: &Dataset, threads: usize) -> PyResult<(Network, CpuOptions)> {
    let network = config.network(data).map_err(of_run)?;
    let options = CpuOptions { batch: config.training.batch, threads, ..CpuOptions::default() };
    let need = engine_bytes(&network, &options, &config.training.optimiser);
    if let Some(free) = free_memory().filter(|&free| need > free) {
        return Err(value(format!(
            "training with batch {} needs about {} MiB, and {} MiB are available; take a smaller \
             batch, smaller pictures (image_size) or a smaller network",
            options.batch,
            need >> 20,
            free >> 20
        )));
    }
    Ok((network, options))
}

/// Notes and warnings about the data and the settings, one line each.
fn about(config: &Config, data: &Dataset) -> Vec<String> {
    let named = |line: String| format!("{}: {line}", data.name);
    let mut lines: Vec<String> =
        data.notes.iter().cloned().chain(data.skipped.summary()).map(named).collect();
    let warnings = data_warnings(data).into_iter().chain(rate_warning(config));
    lines.extend(warnings.map(|line| format!("note: {line}")));
    lines
}

/// Trains and reports the run until it is complete or an exception ends it.
fn go_on(
    engine: &mut CpuEngine,
    data: &Dataset,
    run: &Run,
    lines: &[String],
    report: bool,
    tell: &Py<PyAny>,
) -> PyResult<PathBuf> {
    let stop = AtomicBool::new(false);
    let mut watch = Watch::new(tell, data, &stop);
    lines.iter().for_each(|line| watch.note(line));
    let mut events = report.then(Events::default);
    let mut observe = |event: &Event<'_>| {
        watch.event(event);
        if let Some(events) = &mut events {
            events.event(event);
        }
    };
    let outcome = fit(engine, data, run, &mut observe, &stop).map_err(of_run)?;
    let folder = run.folder().to_owned();
    if let Outcome::Finished(summary) = &outcome {
        if let Some(events) = events {
            events.finish().map_err(raised)?;
        }
        let model = Model::load(&summary.model).map_err(|error| of_run(TrainError::from(error)))?;
        let warnings = match report {
            true => write_up(engine, data, &folder, &model)?,
            false => model.confidence.iter().filter_map(|c| uncalibrated(&c.plain)).collect(),
        };
        for line in warnings {
            watch.note(&format!("note: {line}"));
        }
    }
    match (watch.raised(), outcome) {
        (None, Outcome::Finished(_)) => Ok(folder),
        (None, Outcome::Interrupted { epoch, steps_done, .. }) => {
            Err(PyKeyboardInterrupt::new_err(format!(
                "stopped in epoch {epoch} after step {steps_done}"
            )))
        }
        (Some(error), _) => Err(error),
    }
}

/// Evaluates and reports the run in `folder`; returns warnings about its numbers.
fn write_up(
    engine: &mut CpuEngine,
    data: &Dataset,
    folder: &Path,
    model: &Model,
) -> PyResult<Vec<String>> {
    engine.load_state(&model.state()).map_err(raised)?;
    let judged = BestModelAnswers::new(engine, data).map_err(raised)?;
    judged.write(folder, data, model).map_err(raised)?;
    Ok(judged.warnings(model))
}
