//! A model as C, checked by computing its steps in Rust.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use modiste_data::{Dataset, Part, PartName};
use modiste_export::{
    CFiles, CSource, Int8Program, Program, c_float, c_int8, is_c_name, on_threads,
};
use modiste_metrics::argmax;
use modiste_model::Model;
use modiste_views::grouped;
use serde::Serialize;

use super::answers::{answers, check_program, engine_answers, probes};
use super::{Check, ExportedFiles, Rounding};
use crate::cli::{ExportArgs, NumberArg};
use crate::commands::model;
use crate::failure::Failure;
use crate::machine;

/// Largest accepted loss of accuracy from whole numbers.
const ACCURACY_TOLERANCE: f64 = 0.005;
/// Number of test images used to check floats.
const FLOAT_IMAGES: usize = 1000;
/// Number of validation images used to find the ranges of the maps.
const CALIBRATION_IMAGES: usize = 1000;

/// The resources that a device needs.
#[derive(Serialize)]
pub(super) struct DeviceNeeds {
    /// Bytes of constants, which may stay in flash; code comes on top.
    flash: usize,
    /// Bytes of memory; the stack's few hundred come on top.
    memory: usize,
    /// Multiply-adds for one image.
    multiply_adds: u64,
    #[serde(skip)]
    header: PathBuf,
}

impl fmt::Display for DeviceNeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [flash, memory] = [self.flash, self.memory].map(|bytes| grouped(bytes as u64));
        write!(
            f,
            "{}: its header\nneeds {flash} bytes of flash for constants, {memory} bytes of memory, {} \
             multiply-adds per image",
            self.header.display(),
            grouped(self.multiply_adds)
        )
    }
}

/// The C source for `out` and its header, and the result of their check.
pub(super) fn checked(
    args: &ExportArgs,
    model: &Model,
    out: PathBuf,
) -> Result<ExportedFiles, Failure> {
    let name = args.name.as_deref().unwrap_or("model");
    if !is_c_name(name) {
        let text = "a letter, then letters, digits and underscores, 64 at most";
        return Err(Failure::Usage(format!("--name {name}: is not a valid C name: {text}")));
    }
    let header = out.with_extension("h");
    let Some(header_name) = header.file_name().and_then(|name| name.to_str()) else {
        return Err(Failure::Usage(format!("--out {}: is not a file name", out.display())));
    };
    model::check_distinct(&[("--out", Some(&out)), ("the header", Some(&header))])?;
    let (_, data) = model::data(&args.model, model, &args.data)?;
    let failed = || format!("{}: not written", out.display());
    let program = Program::new(&model.network, &model.parameters).map_err(anyhow::Error::from)?;
    let about = about(model, args.number.unwrap_or_default());
    let source = CSource {
        name,
        header: header_name,
        about: &about,
        classes: &model.classes,
        temperature: model.temperature(false) as f32,
    };
    let (files, check) = match args.number.unwrap_or_default() {
        NumberArg::F32 => {
            let check = check_floats(model, &program, &data).with_context(failed)?;
            (c_float(&program, &source), check)
        }
        NumberArg::Int8 => {
            let codes = quantised(&program, &data).with_context(failed)?;
            let check = check_codes(model, &codes, &data).with_context(failed)?;
            (c_int8(&codes, &source), check)
        }
    };
    let CFiles { source, header: declarations, constants, memory } = files;
    let limits = [("--flash", constants, args.flash), ("--memory", memory, args.memory)];
    check_device(&limits).with_context(failed)?;
    let multiply_adds = program.multiply_adds();
    let needs = DeviceNeeds { flash: constants, memory, multiply_adds, header: header.clone() };
    let files = vec![(out, source.into_bytes()), (header, declarations.into_bytes())];
    Ok(ExportedFiles { files, check: Some(check), needs: Some(needs) })
}

/// Checks that the device has enough memory, given (option, bytes needed, bytes allowed).
fn check_device(limits: &[(&str, usize, Option<usize>)]) -> anyhow::Result<()> {
    for &(option, needed, there) in limits {
        if let Some(there) = there.filter(|&there| there < needed) {
            let [needed, there] = [needed, there].map(|bytes| grouped(bytes as u64));
            bail!(
                "needs {needed} bytes, {option} allows {there}; --type int8 needs a quarter of single precision, \
                 and a network of fewer channels less"
            );
        }
    }
    Ok(())
}

/// The comment at the start of both files.
fn about(model: &Model, number: NumberArg) -> Vec<String> {
    let numbers = match number {
        NumberArg::F32 => "single precision",
        NumberArg::Int8 => "8-bit whole numbers",
    };
    let provenance = &model.provenance;
    let chosen = &provenance.chosen;
    vec![
        format!(
            "A trained image classifier in {numbers}; written by modiste {}.",
            env!("CARGO_PKG_VERSION")
        ),
        format!(
            "Model {}, trained on {}, split {}.",
            model.checksum(),
            provenance.data,
            provenance.split
        ),
        match chosen.validation_accuracy {
            Some(accuracy) => format!("Epoch {}, validation accuracy {accuracy:.4}.", chosen.epoch),
            None => format!("Epoch {}, the last.", chosen.epoch),
        },
        "The functions are under the MIT or the Apache-2.0 license, as modiste is.".to_owned(),
    ]
}

/// The first `count` images of a part, or all if there are fewer.
fn first(part: &Part, count: usize) -> &[u8] {
    let pixels = &part.images.pixels;
    &pixels[..pixels.len().min(count * part.images.shape.len())]
}

/// Compares the steps' probabilities with the engine's, on images of the test part (or another part
/// if there is none) and drawn ones.
fn check_floats(model: &Model, program: &Program, data: &Dataset) -> anyhow::Result<Check> {
    let shape = program.input();
    let parts = [&data.test, &data.validation, &data.train];
    let part = parts.into_iter().find(|part| !part.is_empty()).unwrap_or(&data.test);
    let mut images = first(part, FLOAT_IMAGES).to_vec();
    images.extend(probes(shape, 0)?);
    check_program(model, (program, model.temperature(false)), &images, "source")
}

/// The steps in whole numbers, with ranges from images of the validation part.
fn quantised(program: &Program, data: &Dataset) -> anyhow::Result<Int8Program> {
    let part = if data.validation.is_empty() { &data.train } else { &data.validation };
    let ranges = program.ranges(first(part, CALIBRATION_IMAGES));
    Int8Program::new(program, &ranges).map_err(|problem| anyhow!("{problem}"))
}

/// The part on which whole numbers are evaluated: the test part if its labels are known.
fn evaluation_part(data: &Dataset) -> anyhow::Result<PartName> {
    let labelled = |&name: &PartName| {
        let part = data.part(name);
        part.labels.is_some() && !part.is_empty()
    };
    let parts = [PartName::Test, PartName::Validation, PartName::Train];
    parts
        .into_iter()
        .find(labelled)
        .context("the data has no labels to evaluate whole numbers with")
}

/// Compares the accuracy and classes of the whole numbers with the engine's.
fn check_codes(model: &Model, codes: &Int8Program, data: &Dataset) -> anyhow::Result<Check> {
    let name = evaluation_part(data)?;
    let part = data.part(name);
    let labels = part.labels.as_deref().unwrap_or_default();
    let pixels = &part.images.pixels;
    let ours = engine_answers(model, pixels)?;
    let threads = machine::available_threads();
    let size = codes.input().len();
    let logits = on_threads(pixels, size, threads, |images| codes.logits(images));
    let found: Vec<usize> = logits.chunks_exact(codes.classes()).map(argmax).collect();
    let share = |right: usize| right as f64 / labels.len() as f64;
    let accuracy = |classes: &[usize]| {
        share(
            classes.iter().zip(labels).filter(|(class, label)| **class == **label as usize).count(),
        )
    };
    let (accuracy, int8_accuracy) = (accuracy(&ours.classes), accuracy(&found));
    let same = found.iter().zip(&ours.classes).filter(|(a, b)| a == b).count();
    if (accuracy - int8_accuracy).abs() > ACCURACY_TOLERANCE {
        bail!(
            "whole numbers have an accuracy of {int8_accuracy:.4} on the {name} part, floats \
             {accuracy:.4}; the limit is a difference of {ACCURACY_TOLERANCE}"
        );
    }
    let rounding =
        Rounding { part: name.to_string(), accuracy, int8_accuracy, agreement: share(same) };
    let found = answers(&logits, codes.classes(), model.temperature(false)).probabilities;
    let gaps = found.iter().zip(&ours.probabilities).map(|(a, b)| (a - b).abs());
    let largest_difference = gaps.fold(0.0, f32::max);
    let runtime = "the same whole numbers in Rust";
    Ok(Check { runtime, images: labels.len(), largest_difference, rounding: Some(rounding) })
}
