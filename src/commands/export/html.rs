//! A model as one HTML page, checked by running the steps that the page contains.

use std::path::Path;

use anyhow::Context;
use modiste_export::{PageCard, PagePreparation, PageRule, PageSource, Program, page, read_page};
use modiste_model::Model;

use super::Check;
use super::answers::{check_program, probes};
use crate::commands::model;
use crate::failure::Failure;

/// Number of embedded images used for the check, if they fit the network.
const REAL_IMAGES: usize = 1000;

/// The page for `out` of the model at `path`, and the result of its check.
pub(super) fn checked(path: &Path, model: &Model, out: &Path) -> Result<(Vec<u8>, Check), Failure> {
    if !matches!(model.preparation.shape.channels, 1 | 3) {
        let (path, shape) = (path.display(), model.preparation.shape);
        let text = format!(
            "{path}: takes images of {shape}, which are not pictures, so a page cannot use it"
        );
        return Err(Failure::Usage(text));
    }
    let program = Program::new(&model.network, &model.parameters).map_err(anyhow::Error::from)?;
    let source = PageSource {
        classes: &model.classes,
        temperature: model.temperature(false),
        preparation: preparation(model),
        card: card(path, model),
    };
    let text = page(&program, &source);
    let failed = || format!("{}: not written", out.display());
    let check = check(model, &text).with_context(failed)?;
    Ok((text.into_bytes(), check))
}

fn preparation(model: &Model) -> PagePreparation {
    let preparation = &model.preparation;
    PagePreparation {
        height: preparation.shape.height,
        width: preparation.shape.width,
        channels: preparation.shape.channels,
        fit: preparation.fit.to_string(),
        ground: preparation.ground.to_string(),
        garments: preparation.garments,
    }
}

/// What the page says about the model, under the name of the run or the file.
fn card(path: &Path, model: &Model) -> PageCard {
    let provenance = &model.provenance;
    let chosen = &provenance.chosen;
    let whence = || "validation part".to_owned();
    let four = |number: f64| format!("{number:.4}");
    let figures = [
        ("accuracy", chosen.validation_accuracy),
        ("loss", chosen.validation_loss),
        ("mean AUROC", chosen.validation_auroc),
    ];
    let figure =
        |(name, value): (&str, Option<f64>)| Some([name.to_owned(), four(value?), whence()]);
    let figures: Vec<_> = figures.into_iter().filter_map(figure).collect();
    let rules = model.confidence.iter().flat_map(|both| &both.plain.rejection);
    let rule = |rule: &modiste_metrics::Rejection| PageRule {
        target: rule.target,
        threshold: rule.threshold,
        coverage: rule.coverage,
    };
    let file = model::file(path);
    let named = if path.is_dir() { path.canonicalize().ok() } else { Some(file) };
    let name = named.as_deref().and_then(Path::file_stem);
    PageCard {
        name: name.map_or("model".into(), |name| name.to_string_lossy().into_owned()),
        data: provenance.data.clone(),
        split: provenance.split.clone(),
        epoch: chosen.epoch,
        parameters: model.network.trainable(),
        modiste: provenance.modiste.clone(),
        checksum: model.checksum(),
        figures,
        rules: rules.map(rule).collect(),
    }
}

/// Compares the answers of the steps in the page with the engine's.
fn check(model: &Model, text: &str) -> anyhow::Result<Check> {
    let (program, temperature) = read_page(text)?;
    let images = probes(model.network.input_shape(), REAL_IMAGES)?;
    check_program(model, (&program, temperature), &images, "page")
}
