//! The files that a finished run leaves beside its model: the report as a page and as text, the
//! figures, and the worst mistakes.

use std::fs;

use anyhow::Context;
use modiste_data::{Dataset, FASHION_CLASSES, Images};
use modiste_metrics::{Evaluation, Mistake, worst_mistakes};
use modiste_report::{
    EpochRow, MistakeImage, Reference, RunReport, confusion_png, curves_svg, mistakes_csv, render,
    render_markdown,
};
use modiste_spec::Network;
use modiste_train::{Run, Summary, atomic_write, read_metrics};

use super::model::Answers;

/// Mistakes in the csv file; the report shows the first of them.
pub const MISTAKES: usize = 100;
/// Mistakes that the report shows as images.
const MISTAKES_SHOWN: usize = 40;

/// Writes all of them.
pub fn write(
    run: &Run,
    data: &Dataset,
    network: &Network,
    summary: &Summary,
    [train, validation]: [&Answers<'_>; 2],
) -> anyhow::Result<()> {
    let classes = &data.classes;
    let mistakes = worst_mistakes(&validation.logits, validation.labels, classes.len(), MISTAKES);
    let report = RunReport {
        name: name(run),
        data: format!("{}, split {}", data.name, data.split),
        parameters: network.trainable() as u64,
        settings: run.config().fields().into_iter().map(|f| (f.path.into(), f.value)).collect(),
        epochs: epochs(run)?,
        best_epoch: Some(summary.best.epoch),
        evaluations: vec![
            ("train".into(), train.evaluation.clone()),
            ("validation".into(), validation.evaluation.clone()),
        ],
        references: references(data),
        mistakes_part: "validation".into(),
        mistakes: images(&mistakes[..mistakes.len().min(MISTAKES_SHOWN)], &data.validation.images),
        classes: classes.clone(),
    };
    let folder = run.folder();
    write_figures(run, &report.epochs, report.best_epoch, &validation.evaluation)?;
    atomic_write(&folder.join("worst_mistakes.csv"), mistakes_csv(&mistakes, classes).as_bytes())?;
    atomic_write(&folder.join("report.md"), render_markdown(&report).as_bytes())?;
    Ok(atomic_write(&folder.join("report.html"), render(&report)?.as_bytes())?)
}

/// `figures/`: the curves (the paper's figure 1) and the confusion matrix (figure 2).
fn write_figures(
    run: &Run,
    epochs: &[EpochRow],
    best_epoch: Option<usize>,
    validation: &Evaluation,
) -> anyhow::Result<()> {
    let folder = run.folder().join("figures");
    fs::create_dir_all(&folder)
        .with_context(|| format!("{}: failed to create", folder.display()))?;
    atomic_write(&folder.join("curves.svg"), curves_svg(epochs, best_epoch).as_bytes())?;
    Ok(atomic_write(&folder.join("confusion.png"), &confusion_png(validation)?)?)
}

/// The run is called like its folder.
fn name(run: &Run) -> String {
    let folder = run.folder();
    let full = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
}

fn epochs(run: &Run) -> anyhow::Result<Vec<EpochRow>> {
    let row = |row: modiste_train::EpochRow| EpochRow {
        epoch: row.metrics.epoch,
        seconds: row.timing.map_or(0.0, |timing| timing.seconds),
        learning_rate: row.metrics.learning_rate,
        train_loss: row.metrics.train_loss,
        train_accuracy: row.metrics.train_accuracy,
        validation_loss: row.metrics.validation_loss,
        validation_accuracy: row.metrics.validation_accuracy,
        validation_auroc: row.metrics.validation_auroc,
    };
    Ok(read_metrics(&run.metrics_path())?.into_iter().map(row).collect())
}

/// What the paper published of its best model, where the images are the paper's.
fn references(data: &Dataset) -> Vec<Reference> {
    if data.classes != FASHION_CLASSES {
        return Vec::new();
    }
    let paper = |part: &str, accuracy, loss, auroc| Reference {
        name: "the paper, 40 epochs".into(),
        part: part.into(),
        accuracy: Some(accuracy),
        loss,
        auroc,
    };
    vec![paper("train", 0.992, Some(0.0563), None), paper("validation", 0.940, None, Some(0.997))]
}

/// The mistakes with their pixels.
fn images(mistakes: &[Mistake], images: &Images) -> Vec<MistakeImage> {
    let shape = images.shape;
    let image = |mistake: &Mistake| MistakeImage {
        mistake: mistake.clone(),
        pixels: images.get(mistake.index).to_vec(),
        shape: [shape.height, shape.width, shape.channels],
    };
    mistakes.iter().map(image).collect()
}
