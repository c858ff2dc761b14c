//! Arguments of `modiste search`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use modiste_search::{Objective, Sampler};

use super::grid::count;
use super::train::{field_and_value, minutes};
use super::{ElementArgs, TrialArgs, WorkerArgs};

/// Arguments of `modiste search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// A field of the configuration and its values: a range as in --over lr=1e-4..1e-1:log or --over
    /// width=3..5, or choices as in --over schedule=cosine,one_cycle; repeatable. A field that belongs
    /// to a kind varies only where that kind is drawn
    #[arg(long, value_name = "FIELD=VALUES", value_parser = field_and_value, conflicts_with = "trial")]
    pub over: Vec<(String, String)>,
    /// Number of configurations to draw
    #[arg(long, value_name = "N", default_value = "30", value_parser = trials, conflicts_with = "trial")]
    pub trials: usize,
    /// Draw no further configurations after this many minutes on this machine
    #[arg(long, value_name = "M", value_parser = minutes, conflicts_with_all = ["trial", "plan"])]
    pub minutes: Option<f64>,
    /// Runs of each configuration, with consecutive seeds; configurations are compared by their mean
    #[arg(long, value_name = "K", default_value = "1", value_parser = count, conflicts_with = "trial")]
    pub seeds: usize,
    /// Metric that compares configurations: that of the best epoch on the validation set
    #[arg(long, value_enum, default_value = "accuracy", conflicts_with = "trial")]
    pub objective: ObjectiveArg,
    /// How configurations are drawn
    #[arg(long, value_enum, default_value = "tpe", conflicts_with = "trial")]
    pub sampler: SamplerArg,
    /// Seed of the draws
    #[arg(long, value_name = "SEED", default_value = "0", conflicts_with = "trial")]
    pub search_seed: u64,
    /// Number of configurations to draw and train at a time; draws in a round do not use each other's
    /// results
    #[arg(long, value_name = "N", default_value = "4", value_parser = count, conflicts_with = "trial")]
    pub round: usize,
    /// Successive halving: the best 1 / FACTOR of each rung continue to FACTOR times the epochs
    #[arg(long, value_name = "FACTOR", conflicts_with = "trial")]
    pub halving: Option<usize>,
    /// Epochs of the first rung of successive halving
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, conflicts_with = "trial")]
    pub min_epochs: usize,
    /// Only networks with at most this many trainable parameters
    #[arg(long, value_name = "N", conflicts_with = "trial")]
    pub max_parameters: Option<usize>,
    /// Only networks with at most this many multiply-adds per image
    #[arg(long, value_name = "N", conflicts_with = "trial")]
    pub max_multiply_adds: Option<u64>,
    /// Only networks that predict a single image in at most this many milliseconds, on one thread
    /// of this machine
    #[arg(long, value_name = "MS", conflicts_with = "trial")]
    pub max_ms: Option<f64>,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// The results folder: a new one, or one to continue
    #[arg(long, value_name = "FOLDER", default_value = "runs/search")]
    pub out: PathBuf,
    #[command(flatten)]
    pub element: ElementArgs,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// The samplers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SamplerArg {
    /// Evenly and independently
    Random,
    /// Tree-structured Parzen estimator: where good trials are dense
    Tpe,
}

impl From<SamplerArg> for Sampler {
    fn from(sampler: SamplerArg) -> Self {
        match sampler {
            SamplerArg::Random => Self::Random,
            SamplerArg::Tpe => Self::Tpe,
        }
    }
}

/// The metric that compares configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveArg {
    /// The highest validation accuracy
    Accuracy,
    /// The lowest validation loss
    Loss,
    /// The highest mean AUROC
    Auroc,
}

impl From<ObjectiveArg> for Objective {
    fn from(objective: ObjectiveArg) -> Self {
        match objective {
            ObjectiveArg::Accuracy => Self::Accuracy,
            ObjectiveArg::Loss => Self::Loss,
            ObjectiveArg::Auroc => Self::Auroc,
        }
    }
}

/// A number of configurations.
fn trials(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "not a number from 1 to 100,000".to_owned())
}
