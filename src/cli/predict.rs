//! Arguments of `modiste predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use modiste_data::photo::Background;

use super::{DataFlags, EngineArgs, PartArg};

/// Arguments of `modiste predict`.
#[derive(Debug, Args)]
#[command(mut_args(super::flags::defaults_of_the_model))]
pub struct PredictArgs {
    /// A model file, a run folder to use its best model, or swift for the trained model that is part of
    /// the program
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, photographs too), folders of pictures, npy and IDX files, or -
    /// for standard input [default: a part of the data]
    #[arg(value_name = "INPUT", conflicts_with_all = ["part", "data-flags"])]
    pub inputs: Vec<PathBuf>,
    /// The part of the data to predict if no inputs are given [default: test]
    #[arg(long, value_enum)]
    pub part: Option<PartArg>,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub ask: AskArgs,
    /// Background of the pictures: determined from the border, bright (inverts the picture), dark, or
    /// keep (neither inverts nor trims it)
    #[arg(long, value_enum, requires = "inputs")]
    pub background: Option<BackgroundArg>,
    /// Number of the most probable classes to show [default: 3]
    #[arg(long, value_name = "N", value_parser = classes)]
    pub top: Option<usize>,
    /// Write the columns id and class (its name; -1 for none of these) to this CSV file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write classes to the CSV file as their positions, from 0, instead of their names
    #[arg(long, requires = "csv")]
    pub numbers: bool,
    /// Include the probability of every class in --csv and --json
    #[arg(long)]
    pub probabilities: bool,
    /// Write a competition submission to this file: the sample with its column class filled in
    #[arg(long, value_name = "FILE")]
    pub submission: Option<PathBuf>,
    /// The sample submission [default: sample_submission.csv in the folder of --data]
    #[arg(long, value_name = "FILE", requires = "submission")]
    pub sample: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Threads to compute with [default: one per available core]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Options of the model's answers.
#[derive(Debug, Default, Args)]
pub struct AskArgs {
    /// Average the logits of every image and its mirror image
    #[arg(long)]
    pub mirror: bool,
    /// Answer "none of these" if the model is not sure: below the threshold at which validation
    /// images were classified with this accuracy [0.98 if no value is given]
    #[arg(
        long,
        value_name = "ACCURACY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0.98",
        value_parser = probability
    )]
    pub reject: Option<f64>,
    /// Answer "none of these" if the highest probability is below this
    #[arg(long, value_name = "P", conflicts_with = "reject", value_parser = probability)]
    pub threshold: Option<f64>,
}

/// Background of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackgroundArg {
    /// Determined from the border
    Auto,
    /// Bright: the picture is inverted
    Bright,
    /// Dark: the picture is not inverted
    Dark,
    /// Neither inverted nor trimmed
    Keep,
}

impl From<BackgroundArg> for Background {
    fn from(typed: BackgroundArg) -> Self {
        match typed {
            BackgroundArg::Auto => Self::Auto,
            BackgroundArg::Bright => Self::Bright,
            BackgroundArg::Dark => Self::Dark,
            BackgroundArg::Keep => Self::Keep,
        }
    }
}

/// A number of classes.
fn classes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=65_536).contains(number));
    number.ok_or_else(|| "not a number of classes from 1 to 65536".to_owned())
}

/// A probability.
fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "not a number from 0 to 1".to_owned())
}
