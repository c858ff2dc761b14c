//! Arguments of `modiste baseline`: one command per classifier, each with its own options.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use modiste_baselines::{
    ForestSettings, Gamma, KnnSettings, LogisticSettings, Settings, SvmSettings,
};

use super::{DataFlags, NetworkFlags, PartArg, TrainingFlags};

/// The classifiers of `modiste baseline`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Support vector machine with an RBF kernel, scikit-learn's SVC()
    Svm(ClassicArgs<SvmFlags>),
    /// Multinomial logistic regression on pixels in 0 .. 1
    Logistic(ClassicArgs<LogisticFlags>),
    /// Nearest neighbours by Euclidean distance
    Knn(ClassicArgs<KnnFlags>),
    /// Random forest
    Forest(ClassicArgs<ForestFlags>),
    /// Multi-layer perceptron, trained as `modiste train --preset mlp`
    Mlp(Box<NetworkArgs>),
    /// Plain convolutional network, trained as `modiste train --preset cnn`
    Cnn(Box<NetworkArgs>),
}

/// Arguments that every baseline has.
#[derive(Debug, Args)]
pub struct CommonArgs {
    #[command(flatten)]
    pub data: DataFlags,
    /// Measure on this part of the data as well as on the validation set
    #[arg(long, value_enum, default_value = "validation")]
    pub part: PartArg,
    /// Threads to compute with; the result is the same for any number [default: one per available
    /// core]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Write baseline.json to this folder; for networks it becomes the run folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of a classical baseline with its own options `F`.
#[derive(Debug, Args)]
pub struct ClassicArgs<F: Args> {
    #[command(flatten)]
    pub flags: F,
    #[command(flatten)]
    pub common: CommonArgs,
    /// Number of training images to use, drawn evenly from all classes [default: all]
    #[arg(long, value_name = "N")]
    pub images: Option<usize>,
}

/// Arguments of a baseline that is a network.
#[derive(Debug, Args)]
#[command(mut_args(super::flags::defaults_of_the_preset))]
pub struct NetworkArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub training: TrainingFlags,
}

/// Options that define a classifier's settings.
pub trait Flags {
    /// The settings.
    fn settings(&self) -> Settings;
}

/// Options of the support vector machine.
#[derive(Debug, Args)]
pub struct SvmFlags {
    /// Penalty for violating the margin
    #[arg(long = "C", value_name = "C", default_value_t = SvmSettings::default().c)]
    pub c: f64,
    /// Kernel coefficient for pixels in 0 .. 1: a number, or scale for 1 / (pixels x their
    /// variance)
    #[arg(long, value_name = "GAMMA", default_value_t = Gamma::Scale)]
    pub gamma: Gamma,
    /// Tolerance of the optimality conditions
    #[arg(long, value_name = "T", default_value_t = SvmSettings::default().tolerance)]
    pub tolerance: f64,
    /// Size of the cache of kernel rows in MiB, for all threads together
    #[arg(long, value_name = "MB", default_value_t = SvmSettings::default().cache_mb)]
    pub cache_mb: usize,
}

/// Options of logistic regression.
#[derive(Debug, Args)]
pub struct LogisticFlags {
    /// Inverse of the regularisation strength
    #[arg(long = "C", value_name = "C", default_value_t = LogisticSettings::default().c)]
    pub c: f64,
    /// Largest component of the gradient at the optimum
    #[arg(long, value_name = "T", default_value_t = LogisticSettings::default().tolerance)]
    pub tolerance: f64,
    /// Largest number of L-BFGS steps
    #[arg(long, value_name = "N", default_value_t = LogisticSettings::default().steps)]
    pub steps: usize,
}

/// Options of nearest neighbours.
#[derive(Debug, Args)]
pub struct KnnFlags {
    /// Number of neighbours that vote
    #[arg(long, value_name = "K", default_value_t = KnnSettings::default().k)]
    pub k: usize,
}

/// Options of the random forest.
#[derive(Debug, Args)]
pub struct ForestFlags {
    /// Number of trees
    #[arg(long, value_name = "N", default_value_t = ForestSettings::default().trees)]
    pub trees: usize,
    /// Largest depth of a tree [default: unlimited]
    #[arg(long, value_name = "N")]
    pub depth: Option<usize>,
    /// Seed that draws the samples and pixels of the trees
    #[arg(long, value_name = "SEED", default_value_t = ForestSettings::default().seed)]
    pub seed: u64,
}

impl Flags for SvmFlags {
    fn settings(&self) -> Settings {
        let &Self { c, gamma, tolerance, cache_mb } = self;
        Settings::Svm(SvmSettings { c, gamma, tolerance, cache_mb })
    }
}

impl Flags for LogisticFlags {
    fn settings(&self) -> Settings {
        let &Self { c, tolerance, steps } = self;
        Settings::Logistic(LogisticSettings { c, tolerance, steps })
    }
}

impl Flags for KnnFlags {
    fn settings(&self) -> Settings {
        Settings::Knn(KnnSettings { k: self.k })
    }
}

impl Flags for ForestFlags {
    fn settings(&self) -> Settings {
        let &Self { trees, depth, seed } = self;
        Settings::Forest(ForestSettings { trees, depth, seed })
    }
}
