//! Arguments of `modiste explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a heat map is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodArg {
    /// By the gradient of the class's logit at a layer: fast
    GradCam,
    /// By covering parts of the image: slower, but independent of the network's layers
    Occlusion,
}

/// Arguments of `modiste explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A model file, a run folder to use its best model, or swift for the trained model that is part of
    /// the program
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, photographs too) [default: the worst mistakes of the run]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How to compute the heat map
    #[arg(long, value_enum, default_value = "grad-cam")]
    pub method: MethodArg,
    /// The class to explain [default: the model's answer; for mistakes also the true class]
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// The layer to use, named as in `modiste summary MODEL` [default: the last layer that all paths
    /// pass through and that has at least half the image's rows and columns]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// Side of the patch that covers the image, in pixels [default: 7]
    #[arg(long, value_name = "N", value_parser = pixels)]
    pub patch: Option<usize>,
    /// Distance in pixels between positions of the patch [default: 1]
    #[arg(long, value_name = "N", value_parser = pixels)]
    pub stride: Option<usize>,
    /// Grey value of the patch, 0 to 255 [default: 0, the background of Fashion-MNIST]
    #[arg(long, value_name = "GREY")]
    pub fill: Option<u8>,
    /// Number of mistakes to explain if no images are given [default: 12]
    #[arg(long, value_name = "N", conflicts_with = "images", value_parser = mistakes)]
    pub mistakes: Option<usize>,
    /// The SVG or PNG file to write
    #[arg(long, value_name = "FILE", default_value = "explanation.svg")]
    pub out: PathBuf,
    /// Threads to compute with [default: one per available core]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Print one JSON object, with every heat map's values, instead of a table
    #[arg(long)]
    pub json: bool,
}

/// A number of pixels.
fn pixels(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=4096).contains(number));
    number.ok_or_else(|| "not a number of pixels from 1 to 4096".to_owned())
}

/// A number of mistakes: at most the number of images that a run stores.
fn mistakes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=40).contains(number));
    number.ok_or_else(|| "not a number of mistakes from 1 to 40".to_owned())
}
