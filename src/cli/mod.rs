//! The command line: the commands and their arguments, checked only for syntax.
//!
//! [`crate::commands`] decides what the arguments mean and builds the objects.

mod ablate;
mod baseline;
mod check;
mod data;
mod element;
mod explain;
mod export;
mod flags;
mod grid;
mod predict;
mod reproduce;
mod search;
mod serve;
mod train;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use ablate::AblateArgs;
pub use baseline::{BaselineCommand, ClassicArgs, CommonArgs, Flags, NetworkArgs};
pub use check::CheckArgs;
pub use data::{DataCommand, InfoArgs, SamplesArgs};
pub use element::{ElementArgs, StatusArgs};
pub use explain::{ExplainArgs, MethodArg};
pub use export::{ExportArgs, FormatArg, NumberArg};
pub use flags::{DataFlags, NetworkFlags, Settings, TrainingFlags};
pub use grid::{GridArgs, TrialArgs, WorkerArgs};
pub use predict::{AskArgs, PredictArgs};
pub use reproduce::{BaselineArg, ReproduceArgs};
pub use search::SearchArgs;
pub use serve::ServeArgs;
pub use train::TrainArgs;
pub use verify::VerifyArgs;

/// Train, evaluate and explain small image classifiers on a CPU
#[derive(Debug, Parser)]
#[command(name = "modiste", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network, evaluate it, and write a run folder
    Train(Box<TrainArgs>),
    /// Train a network for every combination of settings, and compare the results
    Grid(Box<GridArgs>),
    /// Search for the best settings: draw them from ranges, train, and stop bad ones early
    Search(Box<SearchArgs>),
    /// Train with and without each part of the paper's method, and judge its claims
    Ablate(Box<AblateArgs>),
    /// Repeat the whole paper: grid, selection, final training, baselines, ablation, report
    Reproduce(Box<ReproduceArgs>),
    /// Show the state of the trials in a results folder: done, running where, waiting, failed and why
    Status(StatusArgs),
    /// Measure how well a trained model does on one part of the data
    Evaluate(EvaluateArgs),
    /// Classify pictures, or a part of the data, with a trained model
    Predict(Box<PredictArgs>),
    /// Show which parts of a picture led to the model's answer, as a heat map
    Explain(ExplainArgs),
    /// Export a trained model to ONNX, a web page, C or plain weights
    Export(Box<ExportArgs>),
    /// Write the report of a run again, or compare several runs
    Report(ReportArgs),
    /// Repeat a run, or its first epochs, and check that every recorded number is reproduced
    Verify(VerifyArgs),
    /// Serve a trained model over HTTP, with a web page
    Serve(ServeArgs),
    /// Print a network's layers, shapes, parameters and multiply-adds
    Summary(SummaryArgs),
    /// Draw a network's structure, or one of its blocks
    Diagram(DiagramArgs),
    /// Measure how fast this machine trains and predicts with a network
    Bench(BenchArgs),
    /// List the GPUs that --engine gpu can use
    Devices {
        /// Print a JSON list instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Train and measure another classifier: svm, logistic, knn, forest, mlp or cnn
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Describe, check or draw the data
    #[command(subcommand)]
    Data(DataCommand),
    /// Write shell completions to stdout
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to stdout
    Man,
    /// Print the licences of modiste and of everything it contains
    Licences,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartArg {
    /// The training set
    Train,
    /// The validation set, which chooses the best epoch
    Validation,
    /// The test set: no choice depends on it
    Test,
}

impl From<PartArg> for modiste_data::PartName {
    fn from(part: PartArg) -> Self {
        match part {
            PartArg::Train => Self::Train,
            PartArg::Validation => Self::Validation,
            PartArg::Test => Self::Test,
        }
    }
}

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// The processor
    #[default]
    Cpu,
    /// A GPU, if the program was built with --features gpu
    Gpu,
}

/// The choice of an engine.
#[derive(Clone, Debug, Default, Args)]
pub struct EngineArgs {
    /// What to compute on
    #[arg(long, value_enum, default_value = "cpu")]
    pub engine: EngineKind,
    /// The GPU to use: its number in the list of modiste devices, or a part of its name [default: the
    /// first of the best kind]
    #[arg(long, value_name = "NAME|N")]
    pub device: Option<String>,
}

/// Arguments of `modiste evaluate`.
#[derive(Debug, Args)]
#[command(mut_args(flags::defaults_of_the_model))]
pub struct EvaluateArgs {
    /// A model file, a run folder to use its best model, or swift for the trained model that is part of
    /// the program
    pub model: PathBuf,
    /// A labelled folder or table to evaluate completely, with classes matched by name [default: a
    /// part of the data]
    #[arg(value_name = "FOLDER", conflicts_with_all = ["part", "data-flags"])]
    pub folder: Option<PathBuf>,
    /// The part of the data to measure on
    #[arg(long, value_enum, default_value = "validation")]
    pub part: PartArg,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Threads to compute with [default: one per available core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Write the 100 mistakes with the highest loss to this CSV file
    #[arg(long, value_name = "FILE")]
    pub mistakes: Option<PathBuf>,
    /// Also measure the mean of the logits of each image and its mirror image
    #[arg(long)]
    pub mirror: bool,
    /// Write the logits to this JSON file, one list per image
    #[arg(long, value_name = "FILE")]
    pub logits: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `modiste report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folders of runs; several are compared
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The page to write, with Markdown and figures next to it [default: report.html in the run
    /// folder; comparison.html for several runs]
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Evaluate the test set as well and store the result in the run
    #[arg(long)]
    pub test: bool,
    /// Threads to compute with if the model has to be evaluated [default: one per available core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object instead of the page's path
    #[arg(long)]
    pub json: bool,
}

/// A network to describe or draw.
#[derive(Debug, Args)]
pub struct AnyNetworkArgs {
    /// A model file, a run folder, or swift for the trained model that is part of the program [default:
    /// the network that the options describe]
    #[arg(conflicts_with_all = ["preset", "config", "network-flags", "data-flags"])]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub data: DataFlags,
}

/// Arguments of `modiste diagram`.
#[derive(Debug, Args)]
pub struct DiagramArgs {
    #[command(flatten)]
    pub network: AnyNetworkArgs,
    /// Draw the inside of one block, by its name [default: the first block with branches]
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub block: Option<String>,
    /// The SVG or PNG file to write
    #[arg(long, value_name = "FILE.svg|png")]
    pub out: PathBuf,
}

/// Arguments of `modiste summary`.
#[derive(Debug, Args)]
pub struct SummaryArgs {
    #[command(flatten)]
    pub network: AnyNetworkArgs,
    /// Batch size for which the memory of training is estimated [default: that of the model or the
    /// options]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub batch: Option<u16>,
    /// Number of threads for the estimate [default: as many as the machine runs at once]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `modiste bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub data: DataFlags,
    /// Images per training step and prediction [default: the configuration's]
    #[arg(long, value_name = "N", value_parser = images)]
    pub batch: Option<usize>,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Threads to compute with [default: one per available core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// avx512, avx2, neon or portable [default: the fastest available]
    #[arg(long, value_name = "NAME")]
    pub instruction_set: Option<String>,
    /// Use direct convolution instead of Winograd's method: slower, with smaller rounding errors
    #[arg(long)]
    pub direct: bool,
    /// Seconds to spend on each of training, inference and single images
    #[arg(long, value_name = "S", default_value = "3", value_parser = seconds)]
    pub seconds: f64,
    /// Also record when each step of some batches ran, for Perfetto or chrome://tracing
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// The base of a configuration.
#[derive(Debug, Default, Args)]
pub struct BaseArgs {
    /// Start from this preset: swift, small, light, paper, cnn or mlp; docs/configuration.md lists what each
    /// sets [default: swift]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Start from this file, such as the config.toml of a run
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub config: Option<PathBuf>,
}

/// A number of threads, within what a machine can have.
fn threads(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1024).contains(number));
    number.ok_or_else(|| "not a number of threads from 1 to 1024".to_owned())
}

/// A batch size, within what the engine can divide among threads.
fn images(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=4096).contains(number));
    number.ok_or_else(|| "not a number of images from 1 to 4096".to_owned())
}

/// A time in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=3600.0).contains(number));
    number.ok_or_else(|| "not a number of seconds from 0 to 3600".to_owned())
}
