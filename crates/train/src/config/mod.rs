//! The configuration: everything that affects the result of a run, so that `config.toml` is enough to
//! repeat it.
//!
//! The number of threads, the engine and the run's folder are not part of it, because results do
//! not depend on them. `fields` is the table of all fields, `values` sets and reads them by path.

mod check;
mod fields;
mod page;
mod presets;
mod values;
mod weights;

pub use fields::{FIELDS, Field};
pub use page::configuration_page;
pub use presets::{PRESETS, Preset};
pub use values::Setting;
pub use weights::ClassWeights;

use modiste_data::photo::{Fit, Preparation, TransparencyFill};
use modiste_data::{Augmentation, Dataset, Options, Source, Split};
use modiste_model::SelectBy;
use modiste_spec::engine::{Loss, Optimiser};
use modiste_spec::{Architecture, Network};
use serde::{Deserialize, Serialize};

use crate::{Schedule, TrainError};

/// Largest number of parameters: a checkpoint stores each at most five times (current value, best epoch,
/// two moments, average), and with this many stays below the largest file that is read.
const MAX_PARAMETERS: usize = 200_000_000;

/// The complete configuration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data.
    pub data: DataConfig,
    /// The network.
    pub network: Architecture,
    /// The training.
    pub training: TrainingConfig,
}

/// The data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// `embedded`, or the path of a folder or file.
    pub source: String,
    /// `full`, `official`, `paper`, sizes `T/V/S`, or a fold of one of them: see [`Split`].
    pub split: String,
    /// Seed that draws a split by counts or shares.
    pub split_seed: u64,
    /// Height and width of every image: `N`, `HxW` or `auto`.
    pub image_size: String,
    /// How a picture of another shape is fitted.
    pub fit: Fit,
    /// Background of transparent pictures.
    pub ground: TransparencyFill,
    /// Whether files that cannot be used are refused.
    pub strict: bool,
    /// The column that names pictures in a table; empty to detect it.
    pub picture_column: String,
    /// The column of the classes in a table; empty to detect it.
    pub label_column: String,
    /// A list of images to leave out; empty for none.
    pub exclude: String,
}

impl DataConfig {
    /// Options for reading the source; `preparation` is that of the model the images are for.
    fn options(&self, preparation: Option<Preparation>) -> Result<Options, TrainError> {
        let named = |column: &String| (!column.is_empty()).then(|| column.clone());
        Ok(Options {
            strict: self.strict,
            size: self.size()?,
            fit: self.fit,
            ground: self.ground,
            picture_column: named(&self.picture_column),
            label_column: named(&self.label_column),
            preparation,
            memory: None,
        })
    }

    /// Rows and columns of every image; `None` to choose them from the data.
    fn size(&self) -> Result<Option<(usize, usize)>, TrainError> {
        if self.image_size == "auto" {
            return Ok(None);
        }
        let side = |text: &str| text.parse().ok().filter(|side| (1..=4096).contains(side));
        let text = self.image_size.as_str();
        let sides = match text.split_once('x') {
            Some((height, width)) => side(height).zip(side(width)),
            None => side(text).map(|side| (side, side)),
        };
        sides.map(Some).ok_or_else(|| {
            let problem =
                format!("{text:?} is neither auto, nor N, nor HxW with sides of 1 to 4096");
            TrainError::config("data.image_size", problem)
        })
    }
}

/// Settings of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per step; the last batch of an epoch may be smaller.
    pub batch: usize,
    /// The model file or run folder that the run starts from; empty to start from random values.
    pub from: String,
    /// Number of leading blocks of that model whose parameters stay fixed.
    pub freeze: usize,
    /// The models whose answers are the targets, as paths or presets separated by commas; empty for none.
    pub teacher: String,
    /// Weight of those answers in the targets, from 0 to 1; the rest is that of the labels.
    pub teacher_weight: f64,
    /// Seed of initial values, shuffling, augmentation and dropout masks.
    pub seed: u64,
    /// Probability mass taken from the right class and given evenly to all.
    pub label_smoothing: f64,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// The validation metric that chooses the best epoch and that early stopping watches.
    pub select_by: SelectBy,
    /// Decay of the averaged weights per step; 0 keeps none. An average is what is evaluated after each
    /// epoch and becomes the model.
    pub average: f64,
    /// Minutes between checkpoints within an epoch; 0 for none.
    pub checkpoint_minutes: f64,
    /// Augmentation of training images.
    pub augmentation: Augmentation,
    /// The learning rate of each step.
    pub schedule: Schedule,
    /// How the gradient moves the weights.
    pub optimiser: Optimiser,
    /// When to stop before the last epoch.
    pub early_stopping: EarlyStoppingConfig,
}

/// When to stop before the last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStoppingConfig {
    /// Stop after this many epochs in a row without improvement; 0 never stops early.
    pub patience: usize,
    /// Smallest change of the `select_by` metric that counts as an improvement.
    pub min_delta: f64,
}

impl Config {
    /// The network for images of `data`, as [`Config::load_data`] gives them.
    ///
    /// # Errors
    /// If a setting of the network is out of range, the images are too small for it, or it has too many
    /// parameters for a checkpoint.
    pub fn network(&self, data: &Dataset) -> Result<Network, TrainError> {
        let network = self.network.network(data.shape(), data.classes.len())?;
        let parameters = network.trainable();
        if parameters > MAX_PARAMETERS {
            let problem =
                format!("{parameters} parameters, more than the limit of {MAX_PARAMETERS}");
            return Err(TrainError::config("network", problem));
        }
        Ok(network)
    }

    /// Loads the data that the configuration names.
    ///
    /// # Errors
    /// If it cannot be read or split.
    pub fn load_data(&self) -> Result<Dataset, TrainError> {
        self.load_data_for(None)
    }

    /// Like [`Config::load_data`], with images prepared for a model with this `preparation`.
    ///
    /// # Errors
    /// As [`Config::load_data`].
    pub fn load_data_for(&self, preparation: Option<Preparation>) -> Result<Dataset, TrainError> {
        let Ok(source) = self.data.source.parse::<Source>();
        let split: Split = self.data.split.parse()?;
        let mut data = modiste_data::load_with(
            &source,
            &split,
            self.data.split_seed,
            &self.data.options(preparation)?,
        )?;
        if !self.data.exclude.is_empty() {
            modiste_data::exclude(&mut data, self.data.exclude.as_ref())?;
        }
        Ok(data)
    }

    /// Whether [`Config::load_data`] gives the same data for `other`.
    pub fn same_data(&self, other: &Self) -> bool {
        self.data == other.data
    }

    /// Checks that `data` can be trained on with this configuration. The loop checks it, too, but
    /// by then a run folder exists.
    ///
    /// # Errors
    /// If training or validation images or their labels are missing, class weights do not fit, or the
    /// colours of grey images are to be changed.
    pub fn check_data(&self, data: &Dataset) -> Result<(), TrainError> {
        if self.training.augmentation.colour > 0.0 && data.preparation.shape.channels == 1 {
            let problem = "has no effect on grey pictures; leave it out";
            return Err(TrainError::config("training.augmentation.colour", problem));
        }
        self.loss_on(data).map(|_| ())
    }

    /// Like [`Config::check_data`], for commands that compare configurations and so need a
    /// validation set.
    ///
    /// # Errors
    /// As for [`Config::check_data`], and if the validation set is empty.
    pub fn check_comparable(&self, data: &Dataset) -> Result<(), TrainError> {
        if data.validation.is_empty() {
            let problem = format!("{} has no validation set to compare by", data.split);
            return Err(TrainError::config("data.split", problem));
        }
        self.check_data(data)
    }

    /// The loss for the training images of `data`, after checking images and labels.
    pub(crate) fn loss_on(&self, data: &Dataset) -> Result<Loss, TrainError> {
        if let Some(field) = self.needs_validation().filter(|_| data.validation.is_empty()) {
            let problem = format!("needs a validation set, which {} does not have", data.split);
            return Err(TrainError::config(field, problem));
        }
        for (part, name) in [(&data.train, "training"), (&data.validation, "validation")] {
            let problem = match &part.labels {
                _ if part.is_empty() && name == "validation" => continue,
                _ if part.is_empty() => "is empty; training needs a training set",
                None => "has no labels",
                Some(_) => continue,
            };
            let problem = format!("the {name} part of {} {problem}", data.name);
            return Err(TrainError::config("data.split", problem));
        }
        // Balanced class weights depend on the training labels.
        let counts = || data.train.class_counts(data.classes.len()).unwrap_or_default();
        let class_weights = self.training.class_weights.resolve(counts)?;
        Ok(Loss { label_smoothing: self.training.label_smoothing, class_weights })
    }

    /// A field that requires validation metrics, if there is one.
    fn needs_validation(&self) -> Option<&'static str> {
        let training = &self.training;
        if training.early_stopping.patience > 0 {
            return Some("training.early_stopping.patience");
        }
        matches!(training.schedule, Schedule::Plateau { .. }).then_some("training.schedule.kind")
    }
}

/// An error of the TOML reader as one line.
fn toml_error(text: &str, name: &str, error: &toml::de::Error) -> TrainError {
    let problem = error.message().trim().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            TrainError::file(format!("{name}:{line}"), problem)
        }
        None => TrainError::file(name, problem),
    }
}
