//! `modiste export`: a trained model for other programs.
//!
//! Everything that computes answers is first run by a second implementation; a file is written only if
//! that gives the engine's answers.

mod answers;
mod c;
mod html;
mod onnx;

use std::fmt;
use std::path::PathBuf;

use modiste_export::weights;
use modiste_files::atomic_write;
use modiste_model::Model;
use modiste_views::grouped;
use serde::Serialize;

use crate::cli::{ExportArgs, FormatArg};
use crate::commands::model;
use crate::failure::Failure;
use crate::output;

/// What is printed.
#[derive(Serialize)]
struct ExportedModel {
    /// The model file.
    model: String,
    format: &'static str,
    /// The file that was written.
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    bytes: usize,
    /// How the answers were checked; `None` for plain weights, which compute nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
    /// The resources that a C source needs on a device.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    needs: Option<c::DeviceNeeds>,
}

/// How an exported model was checked.
#[derive(Serialize)]
struct Check {
    /// The implementation that gave the second answers.
    runtime: &'static str,
    /// Number of images that both answered.
    images: usize,
    /// The largest difference of a probability.
    largest_difference: f32,
    /// For whole numbers, which give other probabilities: accuracies and agreement.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rounding: Option<Rounding>,
}

/// The effect of whole numbers on the answers.
#[derive(Serialize)]
struct Rounding {
    /// The part of the data used.
    part: String,
    /// Accuracy of the engine.
    accuracy: f64,
    /// Accuracy with whole numbers.
    int8_accuracy: f64,
    /// Share of the images that got the same class from both.
    agreement: f64,
}

/// The files to be written, each with its content.
struct ExportedFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
    check: Option<Check>,
    needs: Option<c::DeviceNeeds>,
}

/// Exports and prints.
pub fn run(args: ExportArgs) -> Result<(), Failure> {
    let file = model::file(&args.model);
    let (format, extension) = match args.format {
        FormatArg::Onnx => ("onnx", "onnx"),
        FormatArg::Safetensors => ("safetensors", "weights.safetensors"),
        FormatArg::C => ("c", "c"),
        FormatArg::Html => ("html", "html"),
    };
    check_options(&args)?;
    let out = args.out.clone().unwrap_or_else(|| file.with_extension(extension));
    model::check_outputs(&args.model, &[("--out", Some(&out))])?;
    let model = model::load(&args.model)?;
    let written = write(&args, &model, out.clone())?;
    for (path, bytes) in &written.files {
        atomic_write(path, bytes)?;
    }
    let ExportedFiles { files, check, needs } = written;
    let bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let model = file.display().to_string();
    let printed = ExportedModel { model, format, out, bytes, check, needs };
    Ok(output::print_either(&printed, args.json)?)
}

/// Rejects options that have no effect on the chosen format.
fn check_options(args: &ExportArgs) -> Result<(), Failure> {
    let c = args.format == FormatArg::C;
    let given = [
        ("--type", args.number.is_some(), c),
        ("--name", args.name.is_some(), c),
        ("--flash", args.flash.is_some(), c),
        ("--memory", args.memory.is_some(), c),
        ("options of the data", !args.data.0.is_empty(), c),
    ];
    match given.into_iter().find(|&(_, given, used)| given && !used) {
        Some((option, ..)) => {
            Err(Failure::Usage(format!("{option}: has no effect on this format")))
        }
        None => Ok(()),
    }
}

/// Creates and checks the files of the export.
fn write(args: &ExportArgs, model: &Model, out: PathBuf) -> Result<ExportedFiles, Failure> {
    match args.format {
        FormatArg::Onnx => {
            let (bytes, check) = onnx::checked(model, &out)?;
            Ok(ExportedFiles { files: vec![(out, bytes)], check: Some(check), needs: None })
        }
        FormatArg::Safetensors => {
            let bytes = weights(&model.parameters).map_err(anyhow::Error::from)?;
            Ok(ExportedFiles { files: vec![(out, bytes)], check: None, needs: None })
        }
        FormatArg::C => c::checked(args, model, out),
        FormatArg::Html => {
            let (bytes, check) = html::checked(&args.model, model, &out)?;
            Ok(ExportedFiles { files: vec![(out, bytes)], check: Some(check), needs: None })
        }
    }
}

impl fmt::Display for ExportedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} bytes", self.out.display(), grouped(self.bytes as u64))?;
        if let Some(needs) = &self.needs {
            writeln!(f, "{needs}")?;
        }
        match &self.check {
            Some(check) => writeln!(f, "{check}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, images, largest_difference, rounding } = self;
        let images = grouped(*images as u64);
        let Some(Rounding { part, accuracy, int8_accuracy, agreement }) = rounding else {
            return write!(
                f,
                "{runtime} gives the same answers to {images} images, largest difference of a \
                 probability {largest_difference:.1e}"
            );
        };
        write!(
            f,
            "{runtime} on {images} images of the {part} part: accuracy {int8_accuracy:.4}, with floats \
             {accuracy:.4}; {:.2} % get the same class",
            100.0 * agreement
        )
    }
}
