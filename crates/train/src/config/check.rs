//! Whether a configuration makes sense; each complaint names the field and what would do.

use modiste_data::{Augmentation, Split};
use modiste_spec::{Shape, SpecError};

use super::{ClassWeights, Config, DataConfig, TrainingConfig};
use crate::{Schedule, TrainError};

impl Config {
    /// Checks every field, and that none is without effect.
    ///
    /// Whether the network fits the images is for [`Config::network`] to say.
    ///
    /// # Errors
    /// Names the first field that will not do.
    pub fn check(&self) -> Result<(), TrainError> {
        self.data.check()?;
        // Any settings in range make a network for images of this size.
        self.network.network(Shape::new(64, 64, 1), 2).map_err(|error| match error {
            SpecError::Setting { setting, value, reason } => {
                let problem = format!("{value} is not in range: {reason}");
                TrainError::config(format!("network.{setting}"), problem)
            }
            other => other.into(),
        })?;
        if let Some(network) = self.network.inception() {
            let placed = network.dropout == 0.0 || !network.dropout_places.is_empty();
            ensure(placed, "network.dropout", || {
                format!("{} has no effect without network.dropout_places", network.dropout)
            })?;
        }
        let moved = self.training.augmentation != Augmentation::default();
        ensure(!(moved && self.network.flat()), "training.augmentation", || {
            let kind = self.network.kind();
            format!("is for pixels that have neighbours, not for the flat images of {kind}")
        })?;
        self.training.check()
    }
}

impl DataConfig {
    fn check(&self) -> Result<(), TrainError> {
        ensure(!self.source.is_empty(), "data.source", || {
            "\"\" is neither embedded nor the path of a folder".into()
        })?;
        let split: Split = self.split.parse().map_err(|e: modiste_data::DataError| {
            TrainError::config("data.split", e.to_string())
        })?;
        whole("data.split_seed", self.split_seed)?;
        let drawn = !matches!(split, Split::Paper | Split::Full);
        ensure(drawn || self.split_seed == 0, "data.split_seed", || {
            format!("{} has no effect on the split {split}", self.split_seed)
        })
    }
}

impl TrainingConfig {
    fn check(&self) -> Result<(), TrainError> {
        let at_least_1 = |value: usize, field| {
            ensure(value >= 1, field, || format!("{value} is not at least 1"))
        };
        at_least_1(self.epochs, "training.epochs")?;
        at_least_1(self.batch, "training.batch")?;
        whole("training.seed", self.seed)?;
        part("training.label_smoothing", self.label_smoothing)?;
        not_negative("training.checkpoint_minutes", self.checkpoint_minutes)?;
        if let ClassWeights::List(list) = &self.class_weights {
            // As the engine has them.
            let list: Vec<f32> = list.iter().map(|&w| w as f32).collect();
            let fits = list.iter().all(|w| w.is_finite() && *w >= 0.0);
            ensure(fits && list.iter().any(|&w| w > 0.0), "training.class_weights", || {
                format!("{list:?} are not finite 32-bit numbers from 0 up, one of them above 0")
            })?;
        }
        let augmentation = self.augmentation.check();
        augmentation.map_err(|e| TrainError::config("training.augmentation", e.to_string()))?;
        part("training.optimiser.beta1", self.optimiser.beta1)?;
        part("training.optimiser.beta2", self.optimiser.beta2)?;
        positive("training.optimiser.epsilon", self.optimiser.epsilon)?;
        not_negative("training.optimiser.weight_decay", self.optimiser.weight_decay)?;
        let stopping = &self.early_stopping;
        not_negative("training.early_stopping.min_delta", stopping.min_delta)?;
        ensure(
            stopping.patience > 0 || stopping.min_delta == 0.0,
            "training.early_stopping.min_delta",
            || format!("{} has no effect while patience is 0", stopping.min_delta),
        )?;
        self.check_schedule()
    }

    fn check_schedule(&self) -> Result<(), TrainError> {
        let field = |name: &str| format!("training.schedule.{name}");
        positive(&field("learning_rate"), self.schedule.base_learning_rate())?;
        match self.schedule {
            Schedule::Constant { .. } => Ok(()),
            Schedule::Plateau { learning_rate, factor, threshold, floor, .. } => {
                ensure(factor > 0.0 && factor < 1.0, &field("factor"), || {
                    format!("{factor} is not between 0 and 1")
                })?;
                part(&field("threshold"), threshold)?;
                below_learning_rate(&field("floor"), floor, learning_rate)
            }
            Schedule::Cosine { learning_rate, warmup_epochs, floor } => {
                let fits = (0.0..self.epochs as f64).contains(&warmup_epochs);
                ensure(fits, &field("warmup_epochs"), || {
                    format!("{warmup_epochs} is not from 0 to under {} epochs", self.epochs)
                })?;
                below_learning_rate(&field("floor"), floor, learning_rate)
            }
            Schedule::OneCycle { warmup_fraction, start_divisor, end_divisor, .. } => {
                part(&field("warmup_fraction"), warmup_fraction)?;
                positive(&field("start_divisor"), start_divisor)?;
                positive(&field("end_divisor"), end_divisor)
            }
        }
    }
}

fn ensure(fits: bool, field: &str, problem: impl Fn() -> String) -> Result<(), TrainError> {
    if fits { Ok(()) } else { Err(TrainError::config(field, problem())) }
}

/// TOML's whole numbers end at 2^63 - 1.
fn whole(field: &str, value: u64) -> Result<(), TrainError> {
    ensure(i64::try_from(value).is_ok(), field, || format!("{value} is not under 2^63"))
}

fn part(field: &str, value: f64) -> Result<(), TrainError> {
    ensure((0.0..1.0).contains(&value), field, || format!("{value} is not from 0 to under 1"))
}

fn positive(field: &str, value: f64) -> Result<(), TrainError> {
    let fits = value > 0.0 && value.is_finite();
    ensure(fits, field, || format!("{value} is not a finite number above 0"))
}

fn not_negative(field: &str, value: f64) -> Result<(), TrainError> {
    let fits = value >= 0.0 && value.is_finite();
    ensure(fits, field, || format!("{value} is not a finite number from 0 up"))
}

fn below_learning_rate(field: &str, value: f64, learning_rate: f64) -> Result<(), TrainError> {
    let fits = (0.0..=learning_rate).contains(&value);
    ensure(fits, field, || format!("{value} is not from 0 to the learning rate {learning_rate}"))
}
