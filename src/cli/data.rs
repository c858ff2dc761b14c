//! Arguments of `modiste data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CheckArgs, DataFlags, PartArg};

/// The commands of `modiste data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Count images and classes, measure pixels, find duplicates
    Info(InfoArgs),
    /// Look for label errors, copies, leaks between parts and odd pictures, and show them on a page
    Check(Box<CheckArgs>),
    /// Draw some images of each class
    Samples(SamplesArgs),
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

/// Arguments of `modiste data samples`.
#[derive(Debug, Args)]
pub struct SamplesArgs {
    #[command(flatten)]
    pub data: DataFlags,
    /// The part of the data to draw from
    #[arg(long, value_enum, default_value = "train")]
    pub part: PartArg,
    /// Number of images of each class; the first ones are drawn
    #[arg(long, value_name = "N", default_value = "10",
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub count: u16,
    /// The SVG or PNG file to write
    #[arg(long, value_name = "FILE.svg|png")]
    pub out: PathBuf,
}
