//! Runs to be trained, and what only data can say of them: whether networks fit the images,
//! parameters, costs.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use modiste_data::FASHION_CLASSES;
use modiste_model::RunFolder;
use modiste_spec::engine::EngineError;
use modiste_train::{Config, Run, TrainError};

use crate::{SearchError, Shard, State};

/// A run to be brought to its end.
#[derive(Clone)]
pub struct Task {
    /// What it is called.
    pub name: String,
    /// Its run folder.
    pub folder: PathBuf,
    /// What decides its outcome.
    pub config: Config,
    /// What its whole training costs, in a unit that all tasks share; by it the time that is left is
    /// told.
    pub cost: u64,
    /// The epoch after which it is left for now; `None`: it is trained to its end.
    pub until: Option<usize>,
}

impl Task {
    /// How far it is.
    ///
    /// # Errors
    /// As [`State::read`].
    pub fn state(&self) -> Result<State, SearchError> {
        State::read(&self.folder, &self.config)
    }

    /// Whether it is trained as far as it is to be for now.
    ///
    /// # Errors
    /// As [`State::read`].
    pub fn is_done(&self) -> Result<bool, SearchError> {
        Ok(match self.state()? {
            State::Done(_) => true,
            State::Begun { epochs } => self.until.is_some_and(|until| epochs >= until),
            State::New => false,
        })
    }

    /// Its run, made or taken up; `None` while another process is at it.
    ///
    /// # Errors
    /// As [`Run::create`] and [`Run::resume`].
    pub fn open(&self) -> Result<Option<Run>, TrainError> {
        let begun = || RunFolder::new(&self.folder).config().exists();
        let run = match begun() {
            true => Run::resume(&self.folder),
            false => Run::create(&self.folder, &self.config),
        };
        match run {
            Ok(run) => Ok(Some(run)),
            Err(TrainError::InUse { .. }) => Ok(None),
            // Another process made it in the meantime.
            Err(TrainError::Run { .. }) if begun() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Those of `tasks` in the shard that are not done.
    ///
    /// # Errors
    /// As [`Task::state`].
    pub fn left(tasks: &[Self], shard: Shard) -> Result<Vec<Self>, SearchError> {
        let mut left = Vec::new();
        for (i, task) in tasks.iter().enumerate() {
            if shard.has(i) && !task.is_done()? {
                left.push(task.clone());
            }
        }
        Ok(left)
    }
}

/// Says whether an engine takes training batches of so many images.
pub type CheckBatch = fn(usize) -> Result<(), EngineError>;

/// A configuration with its data looked at.
#[derive(Clone, Copy, Debug)]
pub struct RunSize {
    /// Trainable parameters.
    pub parameters: usize,
    /// Multiply-adds of an image, forward.
    pub multiply_adds: u64,
    /// Multiply-adds of all training images of all epochs, forward.
    pub training_cost: u64,
    /// Validation images.
    pub validation_images: usize,
    /// Whether the classes are the paper's.
    pub fashion: bool,
}

/// That of each configuration; data that several have are loaded once.
///
/// # Errors
/// If data cannot be had, a network does not fit them, or they cannot be trained on as a
/// configuration says.
pub fn measure(configs: &[&Config], check_batch: CheckBatch) -> Result<Vec<RunSize>, SearchError> {
    let mut sizes = vec![None; configs.len()];
    let mut firsts: Vec<&Config> = Vec::new();
    for config in configs {
        if !firsts.iter().any(|first| first.same_data(config)) {
            firsts.push(config);
        }
    }
    for first in firsts {
        let data = first.load_data()?;
        let same = configs.iter().enumerate().filter(|(_, config)| config.same_data(first));
        // Many configurations have the same network and batch.
        let mut known: HashMap<String, (usize, u64)> = HashMap::new();
        let mut batches = HashSet::new();
        for (i, config) in same {
            config.check_comparable(&data)?;
            if batches.insert(config.training.batch) {
                check_batch(config.training.batch).map_err(TrainError::from)?;
            }
            let key = serde_json::to_string(&config.network).expect("plain data is JSON");
            let (parameters, multiply_adds) = match known.get(&key) {
                Some(&known) => known,
                None => {
                    let network = config.network(&data)?;
                    let numbers = (network.trainable(), network.multiply_adds());
                    known.insert(key, numbers);
                    numbers
                }
            };
            sizes[i] = Some(RunSize {
                parameters,
                multiply_adds,
                training_cost: multiply_adds * (data.train.len() * config.training.epochs) as u64,
                validation_images: data.validation.len(),
                fashion: data.classes == FASHION_CLASSES,
            });
        }
    }
    Ok(sizes.into_iter().map(|size| size.expect("every configuration has data")).collect())
}
