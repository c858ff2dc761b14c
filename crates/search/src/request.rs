//! The request for a search: objective, budget, halving, and the number of configurations to draw.

use modiste_model::EpochMetrics;
use modiste_spec::Network;
use modiste_train::Config;
use serde::{Deserialize, Serialize};

use crate::{Sampler, SearchError, Space};

/// The number by which trials are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The highest validation accuracy of an epoch.
    Accuracy,
    /// The lowest validation loss of an epoch.
    Loss,
    /// The highest validation AUROC of an epoch.
    Auroc,
}

impl Objective {
    /// The best value of some epochs; `None` if there is none.
    pub(crate) fn of(self, epochs: &[EpochMetrics]) -> Option<f64> {
        let values = epochs.iter().filter_map(|epoch| match self {
            Self::Accuracy => epoch.validation_accuracy,
            Self::Loss => epoch.validation_loss,
            Self::Auroc => epoch.validation_auroc,
        });
        values.min_by(|a, b| self.loss(*a).total_cmp(&self.loss(*b)))
    }

    /// The value as a loss, of which lower is better.
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Loss => value,
            Self::Accuracy | Self::Auroc => -value,
        }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "validation accuracy",
            Self::Loss => "validation loss",
            Self::Auroc => "validation AUROC",
        }
    }
}

/// Limits on the cost of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Largest number of trainable parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<usize>,
    /// Largest number of multiply-adds per image in the forward pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<u64>,
    /// Longest time to predict a single image, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

impl Budget {
    /// How a network exceeds the budget; `None` if it does not.
    pub(crate) fn exceeded_by(
        &self,
        network: &Network,
        measure: Measure<'_>,
    ) -> Result<Option<String>, SearchError> {
        let (parameters, multiply_adds) = (network.trainable(), network.multiply_adds());
        if self.parameters.is_some_and(|most| parameters > most) {
            return Ok(Some(format!("{parameters} parameters")));
        }
        if self.multiply_adds.is_some_and(|most| multiply_adds > most) {
            return Ok(Some(format!("{multiply_adds} multiply-adds")));
        }
        if let Some(most) = self.milliseconds {
            let milliseconds = measure(network)?;
            if milliseconds > most {
                return Ok(Some(format!("{milliseconds:.2} ms an image")));
            }
        }
        Ok(None)
    }
}

/// Measures the milliseconds of one prediction.
pub type Measure<'a> = &'a dyn Fn(&Network) -> Result<f64, SearchError>;

/// Successive halving (Jamieson and Talwalkar 2016): the best `1 / factor` of a rung's trials continue from
/// their checkpoints to `factor` times as many epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// Factor between rungs, at least 2.
    pub factor: usize,
    /// Epochs of the first rung.
    pub epochs: usize,
}

/// The request for a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Number of configurations to draw.
    pub trials: usize,
    /// Number of configurations drawn and trained together; later rounds use their results.
    pub round: usize,
    /// Runs of each configuration, with the base's seed and those that follow it.
    pub seeds: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// The number by which configurations are compared.
    pub objective: Objective,
    /// How configurations are drawn.
    pub sampler: Sampler,
    /// Successive halving, if most trials stop early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halving: Option<Halving>,
    /// Limits on the cost of a network.
    pub budget: Budget,
    /// The fields that vary.
    pub space: Space,
    /// The fields that do not vary.
    pub base: Config,
}

impl Search {
    /// Checks the numbers; the space and the base have already been checked.
    ///
    /// # Errors
    /// Names the invalid setting.
    pub fn check(&self) -> Result<(), SearchError> {
        let epochs = self.base.training.epochs;
        let at_least = |what: &str, value: usize| match value {
            0 => Err(SearchError::grid(what, "must be at least 1, not 0")),
            _ => Ok(()),
        };
        at_least("--trials", self.trials)?;
        at_least("--round", self.round)?;
        at_least("--seeds", self.seeds)?;
        if let Some(most) = self.budget.milliseconds.filter(|most| most.is_nan() || *most <= 0.0) {
            return Err(SearchError::grid("--max-ms", format!("must be above 0, not {most}")));
        }
        if let Some(Halving { factor, epochs: first }) = self.halving {
            if factor < 2 {
                return Err(SearchError::grid("--halving", "must be at least 2"));
            }
            if first == 0 || first >= epochs {
                let problem = format!("must be from 1 to below {epochs}, the epochs of a trial");
                return Err(SearchError::grid("--min-epochs", problem));
            }
        }
        Ok(())
    }

    /// The number of epochs of each rung; the last rung has all.
    pub fn rungs(&self) -> Vec<usize> {
        let all = self.base.training.epochs;
        let mut rungs = Vec::new();
        if let Some(Halving { factor, epochs }) = self.halving {
            let mut epochs = epochs;
            while epochs < all {
                rungs.push(epochs);
                epochs = epochs.saturating_mul(factor);
            }
        }
        rungs.push(all);
        rungs
    }
}
