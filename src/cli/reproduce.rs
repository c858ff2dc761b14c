//! Arguments of `modiste reproduce`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::grid::{count, field_and_values};
use super::train::field_and_value;
use super::{TrialArgs, WorkerArgs};

/// Arguments of `modiste reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Run all stages in a minute or two, with few images, small networks and few epochs; other
    /// options still apply
    #[arg(long)]
    pub quick: bool,
    /// A field of the grid and its values, as `modiste grid` takes them [default: the paper's]
    #[arg(long, value_name = "FIELD=VALUES", value_parser = field_and_values)]
    pub over: Vec<(String, Vec<String>)>,
    /// Runs of each combination of the grid [default: 1]
    #[arg(long, value_name = "K", value_parser = count)]
    pub seeds: Option<usize>,
    /// Epochs of the grid's trials and of the ablation's [default: 12]
    #[arg(long, value_name = "N", value_parser = count)]
    pub grid_epochs: Option<usize>,
    /// Epochs of the final training [default: 40]
    #[arg(long, value_name = "N", value_parser = count)]
    pub final_epochs: Option<usize>,
    /// Runs of each variant of the ablation; verdicts need at least three [default: 3]
    #[arg(long, value_name = "K", value_parser = count)]
    pub ablation_seeds: Option<usize>,
    /// Change a field of the selected configuration for the ablation only, as in --ablation-set
    /// stem_stride=2 for a quarter of the arithmetic
    #[arg(long, value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub ablation_set: Vec<(String, String)>,
    /// Baselines to compare the final model with, as in --baselines svm,knn [default: all]
    #[arg(long, value_name = "NAMES", value_enum, value_delimiter = ',')]
    pub baselines: Vec<BaselineArg>,
    /// Run no baselines
    #[arg(long, conflicts_with = "baselines")]
    pub no_baselines: bool,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// The results folder: a new one, or one to continue
    #[arg(long, value_name = "FOLDER", default_value = "runs/reproduction")]
    pub out: PathBuf,
    #[command(flatten)]
    pub workers: WorkerArgs,
    /// Say what is left to train and about how long it takes, without training
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// The baselines of `modiste baseline`, with their default settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BaselineArg {
    /// Support vector machine
    Svm,
    /// Logistic regression
    Logistic,
    /// Nearest neighbours
    Knn,
    /// Random forest
    Forest,
    /// Multi-layer perceptron
    Mlp,
    /// Plain convolutional network
    Cnn,
}

impl BaselineArg {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Svm => "svm",
            Self::Logistic => "logistic",
            Self::Knn => "knn",
            Self::Forest => "forest",
            Self::Mlp => "mlp",
            Self::Cnn => "cnn",
        }
    }
}
