//! Arguments of `modiste export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The formats that a model is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// A network from pixels to probabilities and class, for ONNX Runtime and other runtimes
    Onnx,
    /// Only the weights, with PyTorch's names and layout
    Safetensors,
}

/// Arguments of `modiste export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A model file, or a run folder to use its best model
    pub model: PathBuf,
    /// The format to write
    #[arg(long, value_enum, default_value = "onnx")]
    pub format: FormatArg,
    /// The file to write [default: next to the model, with the ending .onnx or .weights.safetensors]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
