//! Arguments of `modiste data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataFlags;

/// The commands of `modiste data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Count images and classes, measure pixels, look for duplicates
    Info(InfoArgs),
    /// Download the official Fashion-MNIST files
    Fetch(FetchArgs),
}

/// Arguments of `modiste data info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    #[command(flatten)]
    pub data: DataFlags,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `modiste data fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The folder to put the files in; made if it is not there
    #[arg(value_name = "FOLDER", default_value = "fashion-mnist")]
    pub folder: PathBuf,
}
