//! Arguments of `modiste export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The formats that a model is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Pixels in, probabilities and class out, for ONNX Runtime and its like
    Onnx,
    /// The weights alone, with PyTorch's names and layout
    Safetensors,
}

/// Arguments of `modiste export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A model file, or the folder of a run, whose best model is taken
    pub model: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value = "onnx")]
    pub format: FormatArg,
    /// The file to write [default: beside the model, as .onnx or .weights.safetensors]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
