//! `modiste verify`: checks whether a run can be reproduced bit for bit.
//!
//! The run is repeated in a temporary folder from its `config.toml`, for as many epochs as requested.
//! The numbers of `metrics.csv`, digests of the state and the model are compared. Differences are listed
//! together with changes that may explain them: other data, another instruction set, another version.

mod record;
mod text;

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow};
use modiste_cpu::CpuOptions;
use modiste_data::Dataset;
use modiste_model::{DataIdentity, Environment};
use modiste_train::{Config, Event, Observer, Run, fit};
use serde::Serialize;

use crate::cli::VerifyArgs;
use crate::failure::Failure;
use crate::watch::Progress;
use crate::{engine, machine, output, signals};
use record::{Conditions, Record};

/// What is printed.
#[derive(Serialize)]
struct Verification {
    /// The folder of the run.
    run: String,
    /// Epochs that were repeated.
    epochs: usize,
    /// Epochs that are recorded.
    recorded_epochs: usize,
    /// Whether everything that was compared is the same.
    same: bool,
    /// Numbers of `metrics.csv` that were compared.
    numbers: usize,
    /// States that were compared by their digests.
    states: usize,
    /// Whether the parameters of the best epoch were compared.
    parameters: bool,
    /// Whether the model file was compared as a whole.
    model_bytes: bool,
    /// The differences, in words.
    differences: Vec<String>,
    /// Changed conditions that may change bits.
    conditions: Conditions,
}

/// Repeats, compares and prints.
pub fn run(args: VerifyArgs) -> Result<(), Failure> {
    let record = Record::read(&args.run)?;
    let epochs = epochs(&args, &record)?;
    let (config, data) = data(&args, &record)?;
    let identity = DataIdentity::of(&data);
    let mut conditions = record.conditions(identity.checksum);
    if let Some(line) = &conditions.data {
        return Err(anyhow!("{}: {line}; nothing was trained", args.run.display()).into());
    }
    let folder = tempfile::tempdir().context("failed to create a temporary folder")?;
    let again = Run::create(folder.path(), &config)?;
    repeat(&args, &record, &again, &data, epochs, &mut conditions)?;
    let found = Record::read(again.folder())?;
    let compared = record.compare(&found, epochs);
    let printed = Verification {
        run: args.run.display().to_string(),
        epochs,
        recorded_epochs: record.rows.len(),
        same: compared.differences.is_empty(),
        numbers: compared.numbers,
        states: compared.states,
        parameters: compared.parameters,
        model_bytes: compared.model_bytes,
        differences: compared.differences,
        conditions,
    };
    output::print_either(&printed, args.json)?;
    match printed.differences.first() {
        None => Ok(()),
        Some(first) => Err(anyhow!("{}: was not reproduced: {first}", printed.run).into()),
    }
}

/// How many epochs to repeat.
fn epochs(args: &VerifyArgs, record: &Record) -> Result<usize, Failure> {
    let recorded = record.rows.len();
    let run = args.run.display();
    if recorded == 0 {
        return Err(anyhow!("{run}: no epoch is recorded, so there is nothing to compare").into());
    }
    match args.epochs.map(|epochs| epochs as usize) {
        None => Ok(recorded),
        Some(epochs) if epochs <= recorded => Ok(epochs),
        Some(epochs) => {
            Err(Failure::Usage(format!("--epochs {epochs}: the run has {recorded} epochs")))
        }
    }
}

/// The run's configuration, with the present path of its data, and the data.
fn data(args: &VerifyArgs, record: &Record) -> Result<(Config, Dataset), Failure> {
    let mut config = record.config.clone();
    if let Some(source) = &args.data {
        config.data.source.clone_from(source);
    }
    let data = config.load_data().with_context(|| {
        let run = args.run.display();
        format!(
            "{run}: the run's data cannot be loaded; if it has moved, give its path with --data"
        )
    })?;
    config.check_data(&data)?;
    Ok((config, data))
}

/// Trains the first epochs again, with the recorded instruction set if this processor has it.
fn repeat(
    args: &VerifyArgs,
    record: &Record,
    again: &Run,
    data: &Dataset,
    epochs: usize,
    conditions: &mut Conditions,
) -> Result<(), Failure> {
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let batch = again.config().training.batch;
    let mut options = CpuOptions { batch, threads, ..CpuOptions::default() };
    record.choose(&mut options);
    let mut engine = engine::with(&again.config().network(data)?, options)?;
    conditions.look(record.start.as_ref(), &Environment::here(engine.describe(), 0));
    signals::listen()?;
    let (mut progress, stop) = (Progress::new(args.quiet), AtomicBool::new(false));
    let last = record.config.training.epochs;
    let mut watch = |event: &Event<'_>| {
        progress.event(event);
        let enough = |epoch: usize| epoch == epochs && epochs < last;
        let ended = matches!(event, Event::EpochEnded { metrics, .. } if enough(metrics.epoch));
        if ended || signals::stop().load(Ordering::Relaxed) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    fit(engine.as_mut(), data, again, &mut watch, &stop)?;
    match signals::stop().load(Ordering::Relaxed) {
        true => Err(Failure::Interrupted("interrupted; nothing was compared".into())),
        false => Ok(()),
    }
}
