//! Arguments of `modiste data check`.

use std::path::PathBuf;

use clap::Args;

use super::BaseArgs;
use super::train::SettingArgs;

/// Arguments of `modiste data check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Number of networks to train for label errors, each on all training and validation pictures
    /// except its own fold
    #[arg(long, value_name = "K", default_value = "4",
          value_parser = clap::value_parser!(u16).range(2..=20))]
    pub folds: u16,
    /// Read probabilities from this CSV file instead of training networks: one row per picture, one
    /// column per class, as --save-probabilities writes it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folds", "work", "no_labels"])]
    pub probabilities: Option<PathBuf>,
    /// Write the probabilities of the networks to this CSV file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["probabilities", "no_labels"])]
    pub save_probabilities: Option<PathBuf>,
    /// Train nothing and look only for copies and odd pictures
    #[arg(long, conflicts_with_all = ["folds", "work"])]
    pub no_labels: bool,
    /// Smallest correlation of the edges of near copies, up to 1
    #[arg(long, value_name = "R", default_value = "0.98", value_parser = correlation)]
    pub similarity: f64,
    /// Keep the folds' runs in this folder; the same command continues where it was stopped
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
    /// The page to write, with the pictures
    #[arg(long, value_name = "FILE.html", default_value = "data-check.html")]
    pub out: PathBuf,
    /// Write every finding to this CSV file, the worst first; train --exclude takes it
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Threads to compute with; no result depends on them [default: as many as the machine runs at
    /// once]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Parses a correlation that only copies have.
fn correlation(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.5..=1.0).contains(number));
    number.ok_or_else(|| "not a number from 0.5 to 1".to_owned())
}
