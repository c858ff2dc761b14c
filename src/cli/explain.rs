//! Arguments of `modiste explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a heat map is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodArg {
    /// By the gradient of the class's logit at a layer: fast
    GradCam,
    /// By covering the image piece by piece: slower, and sees the network from outside
    Occlusion,
}

/// Arguments of `modiste explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A model file, or the folder of a run, whose best model is taken
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP; photographs too); without any, the worst mistakes of the run
    #[arg(value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How the heat map is found
    #[arg(long, value_enum, default_value = "grad-cam")]
    pub method: MethodArg,
    /// The class to look for [default: the one that the model answers, of a mistake also the true one]
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// The layer to look at, by its name in `modiste summary MODEL` [default: the last one with at
    /// least half the image's rows and columns that everything flows through]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// Side of the patch that covers the image, in pixels [default: 7]
    #[arg(long, value_name = "N", value_parser = pixels)]
    pub patch: Option<usize>,
    /// Pixels from one place of the patch to the next [default: 1]
    #[arg(long, value_name = "N", value_parser = pixels)]
    pub stride: Option<usize>,
    /// Grey of the patch, 0 to 255 [default: 0, the ground of Fashion-MNIST's images]
    #[arg(long, value_name = "GREY")]
    pub fill: Option<u8>,
    /// Explain so many mistakes, where no images are named [default: 12]
    #[arg(long, value_name = "N", conflicts_with = "images", value_parser = mistakes)]
    pub mistakes: Option<usize>,
    /// The picture to write, .svg or .png
    #[arg(long, value_name = "FILE", default_value = "explanation.svg")]
    pub out: PathBuf,
    /// Threads to compute with [default: as many as the machine runs at once]
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

/// A number of mistakes: no more than a run keeps images of.
fn mistakes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=40).contains(number));
    number.ok_or_else(|| "not a number of mistakes from 1 to 40".to_owned())
}
