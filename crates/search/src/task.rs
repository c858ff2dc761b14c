//! Runs to train, and facts about them that depend on the data: whether networks fit the images, numbers of
//! parameters, costs.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use modiste_data::FASHION_CLASSES;
use modiste_model::RunFolder;
use modiste_spec::engine::EngineError;
use modiste_train::{Config, Run, TrainError};

use crate::{SearchError, Shard, TrialProgress};

/// A run to train.
#[derive(Clone)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Its run folder.
    pub folder: PathBuf,
    /// Its configuration.
    pub config: Config,
    /// Cost of the whole training, in the same unit for all tasks; used to estimate the remaining time.
    pub cost: u64,
    /// The epoch after which the task pauses; `None` to train to the end.
    pub until: Option<usize>,
}

impl Task {
    /// Its progress.
    ///
    /// # Errors
    /// As [`TrialProgress::read`].
    pub fn state(&self) -> Result<TrialProgress, SearchError> {
        TrialProgress::read(&self.folder, &self.config)
    }

    /// Whether it has reached its end or its planned epoch.
    ///
    /// # Errors
    /// As [`TrialProgress::read`].
    pub fn is_done(&self) -> Result<bool, SearchError> {
        Ok(match self.state()? {
            TrialProgress::Done(_) => true,
            TrialProgress::Begun { epochs } => self.until.is_some_and(|until| epochs >= until),
            TrialProgress::New => false,
        })
    }

    /// Creates or resumes its run; `None` if another process trains it.
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
            // Another process has created it in the meantime.
            Err(TrainError::Run { .. }) if begun() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tasks of the shard that are not done.
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

/// Checks whether an engine supports training batches of this size.
pub type CheckBatch = fn(usize) -> Result<(), EngineError>;

/// Sizes of a configuration with its data.
#[derive(Clone, Copy, Debug)]
pub struct RunSize {
    /// Trainable parameters.
    pub parameters: usize,
    /// Multiply-adds per image in the forward pass.
    pub multiply_adds: u64,
    /// Multiply-adds of the forward passes of the whole training.
    pub training_cost: u64,
    /// Number of validation images.
    pub validation_images: usize,
    /// Whether the classes are those of Fashion-MNIST.
    pub fashion: bool,
}

/// Measures each configuration; data that several have in common is loaded once.
///
/// # Errors
/// If data cannot be loaded, a network does not fit it, or the configuration cannot train on it.
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
        // Many configurations share the same network and batch.
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
