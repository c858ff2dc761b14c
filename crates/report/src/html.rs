//! The report of a run as one HTML page that needs nothing else.

use askama::Template;
use modiste_metrics::Evaluation;

use crate::format::{decimal, percent};
use crate::picture::{confusion_png, encode_png};
use crate::run::{MistakeImage, RunReport};
use crate::summary::{
    CLASS_HEADINGS, ClassView, EPOCH_HEADINGS, EpochView, SummaryRow, class_views, epoch_views,
    remarks, subtitle, summary,
};
use crate::svg::{STYLE, calibration_diagram, curves};
use crate::{ReportError, base64};

/// Up to how many classes the confusion matrix is a table; above it is a picture.
const TABLE: usize = 30;

/// The report of a run as one HTML page: summary, curves, confusion matrices, classes,
/// calibration, mistakes, epochs and settings. Styles and pictures are inside; it has a light and a
/// dark look and can be printed.
///
/// # Errors
///
/// If the pixels of a mistake do not fit their shape.
pub fn render(report: &RunReport) -> Result<String, ReportError> {
    let parts = report.evaluations.iter().map(|(name, evaluation)| Part::new(name, evaluation));
    let mistakes = report.mistakes.iter().map(|mistake| MistakeView::new(report, mistake));
    let page = Page {
        style: STYLE,
        report,
        subtitle: subtitle(report),
        summary: summary(report),
        remarks: remarks(report),
        curves: curves(&report.epochs, report.best_epoch),
        parts: parts.collect::<Result<_, _>>()?,
        mistakes: mistakes.collect::<Result<_, _>>()?,
        epoch_headings: EPOCH_HEADINGS,
        epochs: epoch_views(report),
        class_headings: CLASS_HEADINGS,
    };
    page.render().map_err(ReportError::Template)
}

/// What the template is filled in with.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: &'static str,
    report: &'a RunReport,
    subtitle: String,
    summary: Vec<SummaryRow>,
    remarks: Vec<String>,
    /// SVG elements.
    curves: Vec<String>,
    parts: Vec<Part<'a>>,
    mistakes: Vec<MistakeView>,
    epoch_headings: [&'static str; 8],
    epochs: Vec<EpochView>,
    class_headings: [&'static str; 5],
}

/// One part of the data.
struct Part<'a> {
    name: &'a str,
    classes: Vec<ClassView>,
    /// Rows of the confusion matrix, if it is shown as a table.
    confusion: Vec<ConfusionRow>,
    /// The picture of it, as base64, if not.
    confusion_png: Option<String>,
    calibration_error: String,
    /// An SVG element.
    calibration: String,
}

/// One truth.
struct ConfusionRow {
    name: String,
    cells: Vec<ConfusionCell>,
}

/// One truth and one prediction.
struct ConfusionCell {
    count: u64,
    /// The style's classes.
    class: &'static str,
    /// Strength of the shade, 0 to 1.
    strength: String,
    hint: String,
}

/// One wrongly classified image.
struct MistakeView {
    index: usize,
    /// A PNG file as base64.
    png: String,
    truth: String,
    prediction: String,
    probability: String,
    truth_probability: String,
}

impl<'a> Part<'a> {
    fn new(name: &'a str, evaluation: &Evaluation) -> Result<Self, ReportError> {
        let as_table = evaluation.classes.len() <= TABLE;
        let picture = || Ok(base64::encode(&confusion_png(evaluation)?));
        Ok(Self {
            name,
            classes: class_views(evaluation),
            confusion: if as_table { confusion_rows(evaluation) } else { Vec::new() },
            confusion_png: if as_table { None } else { Some(picture()?) },
            calibration_error: decimal(evaluation.calibration.ece, 3),
            calibration: calibration_diagram(&evaluation.calibration),
        })
    }
}

fn confusion_rows(evaluation: &Evaluation) -> Vec<ConfusionRow> {
    let name = |class: usize| evaluation.classes[class].name.clone();
    let mut rows = Vec::with_capacity(evaluation.classes.len());
    for (truth, counts) in evaluation.confusion.iter().enumerate() {
        let support: u64 = counts.iter().sum();
        let cell = |(prediction, &count): (usize, &u64)| {
            let share = count as f64 / support.max(1) as f64;
            // As in the picture: mistakes are few, the root makes them visible.
            let strength = if truth == prediction { share } else { share.sqrt() };
            let class = match (truth == prediction, strength > 0.5) {
                _ if count == 0 => "none",
                (true, true) => "right strong",
                (true, false) => "right",
                (false, true) => "wrong strong",
                (false, false) => "wrong",
            };
            let of = format!("{count} of {support} ({})", percent(share));
            let hint = format!("{} seen as {}: {of}", name(truth), name(prediction));
            ConfusionCell { count, class, strength: decimal(strength, 2), hint }
        };
        let cells = counts.iter().enumerate().map(cell).collect();
        rows.push(ConfusionRow { name: name(truth), cells });
    }
    rows
}

impl MistakeView {
    fn new(report: &RunReport, image: &MistakeImage) -> Result<Self, ReportError> {
        let mistake = &image.mistake;
        Ok(Self {
            index: mistake.index,
            png: base64::encode(&encode_png(&image.pixels, image.shape)?),
            truth: report.class_name(mistake.truth),
            prediction: report.class_name(mistake.prediction),
            probability: percent(mistake.probability),
            truth_probability: percent(mistake.truth_probability),
        })
    }
}
