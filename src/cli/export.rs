//! Arguments of `modiste export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::flags::{self, DataFlags};

/// The formats that a model is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// A network from pixels to probabilities and class, for ONNX Runtime and other runtimes
    Onnx,
    /// Only the weights, with PyTorch's names and layout
    Safetensors,
    /// One C99 source and its header, for devices: no allocation, no library but `expf`
    C,
    /// One page that classifies pictures in the browser and needs no server
    Html,
}

/// The numbers that a C source computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NumberArg {
    /// Single precision
    #[default]
    F32,
    /// 8-bit whole numbers, calibrated on the validation part
    Int8,
}

/// Arguments of `modiste export`.
#[derive(Debug, Args)]
#[command(mut_args(flags::defaults_of_the_model))]
pub struct ExportArgs {
    /// A model file, a run folder to use its best model, or swift for the trained model that is part of
    /// the program
    pub model: PathBuf,
    /// The format to write
    #[arg(long, value_enum, default_value = "onnx")]
    pub format: FormatArg,
    /// The numbers of a C source [default: f32]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub number: Option<NumberArg>,
    /// Prefix of the names in a C source [default: model]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Refuse a C source whose constants need more bytes of flash
    #[arg(long, value_name = "BYTES")]
    pub flash: Option<usize>,
    /// Refuse a C source that needs more bytes of memory
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<usize>,
    #[command(flatten)]
    pub data: DataFlags,
    /// The file to write [default: next to the model, with the extension .onnx, .weights.safetensors,
    /// .html or .c; the header of a C source is beside it]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
