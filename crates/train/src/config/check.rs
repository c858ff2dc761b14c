//! Checks of a configuration: each value is in its range, and values fit each other.

use modiste_data::Split;

use super::values::check_ranges;
use super::{ClassWeights, Config, DataConfig, TrainingConfig};
use crate::{Schedule, TrainError};

impl Config {
    /// Checks every field against its range, and that every field has an effect.
    ///
    /// [`Config::network`] checks whether the network fits the images.
    ///
    /// # Errors
    /// Name the first field whose value cannot be used, the value and the range.
    pub fn check(&self) -> Result<(), TrainError> {
        self.check_ranges()?;
        self.check_together()
    }

    /// The part of [`Config::check`] for single fields: each value is in its range. Values set by
    /// [`Config::set`] always are.
    ///
    /// # Errors
    /// Name the first field whose value is out of range, the value and the range.
    pub fn check_ranges(&self) -> Result<(), TrainError> {
        check_ranges(&self.try_values()?)
    }

    /// The rest of [`Config::check`]: values fit each other.
    ///
    /// # Errors
    /// Name the first field whose value has no effect or contradicts another.
    pub fn check_together(&self) -> Result<(), TrainError> {
        self.data.check()?;
        if let Some(network) = self.network.inception() {
            let placed = network.dropout == 0.0 || !network.dropout_places.is_empty();
            ensure(placed, "network.dropout", || {
                format!("{} has no effect without network.dropout_places", network.dropout)
            })?;
        }
        self.training.check()
    }
}

impl DataConfig {
    fn check(&self) -> Result<(), TrainError> {
        self.size()?;
        ensure(!self.source.is_empty(), "data.source", || {
            "\"\" is neither embedded nor a path".into()
        })?;
        let split: Split = self.split.parse().map_err(|e: modiste_data::DataError| {
            TrainError::config("data.split", e.to_string())
        })?;
        let drawn = !matches!(split, Split::Paper | Split::Full | Split::Official);
        ensure(drawn || self.split_seed == 0, "data.split_seed", || {
            format!("{} has no effect on the split {split}", self.split_seed)
        })
    }
}

impl TrainingConfig {
    fn check(&self) -> Result<(), TrainError> {
        if let ClassWeights::List(list) = &self.class_weights {
            // The engine uses 32-bit weights.
            let finite = list.iter().all(|&w| (w as f32).is_finite());
            ensure(
                finite && list.iter().any(|&w| w as f32 > 0.0),
                "training.class_weights",
                || format!("{list:?} must be finite 32-bit numbers, at least one of them above 0"),
            )?;
        }
        let augmentation = self.augmentation.check();
        augmentation.map_err(|e| TrainError::config("training.augmentation", e.to_string()))?;
        ensure(self.freeze == 0 || !self.from.is_empty(), "training.freeze", || {
            format!("{} has no effect without training.from", self.freeze)
        })?;
        ensure(
            self.teacher_weight == 1.0 || !self.teacher.is_empty(),
            "training.teacher_weight",
            || format!("{} has no effect without training.teacher", self.teacher_weight),
        )?;
        let stopping = &self.early_stopping;
        ensure(
            stopping.patience > 0 || stopping.min_delta == 0.0,
            "training.early_stopping.min_delta",
            || format!("{} has no effect while patience is 0", stopping.min_delta),
        )?;
        self.check_schedule()
    }

    fn check_schedule(&self) -> Result<(), TrainError> {
        match self.schedule {
            Schedule::Constant { .. } | Schedule::OneCycle { .. } => Ok(()),
            Schedule::Plateau { learning_rate, floor, .. } => check_floor(floor, learning_rate),
            Schedule::Cosine { learning_rate, warmup_epochs, floor } => {
                ensure(
                    warmup_epochs <= self.epochs as f64,
                    "training.schedule.warmup_epochs",
                    || format!("{warmup_epochs} is above the {} epochs", self.epochs),
                )?;
                check_floor(floor, learning_rate)
            }
        }
    }
}

fn check_floor(floor: f64, learning_rate: f64) -> Result<(), TrainError> {
    ensure(floor <= learning_rate, "training.schedule.floor", || {
        format!("{floor} is above the learning rate {learning_rate}")
    })
}

fn ensure(fits: bool, field: &str, problem: impl Fn() -> String) -> Result<(), TrainError> {
    if fits { Ok(()) } else { Err(TrainError::config(field, problem())) }
}
