//! The table that stands first in every report: parts of the data, ours and others'.

use modiste_metrics::Evaluation;

use crate::format::{NONE, decimal, digits, interval, optional, percent, thousands};
use crate::run::{Reference, RunReport};

/// One line of the summary; texts ready to be shown, intervals empty where there are none.
pub(crate) struct SummaryRow {
    pub label: String,
    pub images: String,
    pub accuracy: String,
    pub accuracy_interval: String,
    pub loss: String,
    pub loss_interval: String,
    pub auroc: String,
    pub auroc_interval: String,
    pub calibration_error: String,
    /// A result of others.
    pub published: bool,
}

/// A line for each part that was evaluated, then one for each reference.
pub(crate) fn summary(report: &RunReport) -> Vec<SummaryRow> {
    let ours = report.evaluations.iter().map(|(part, evaluation)| own_row(part, evaluation));
    ours.chain(report.references.iter().map(reference_row)).collect()
}

fn own_row(part: &str, evaluation: &Evaluation) -> SummaryRow {
    let digits = digits(evaluation.images);
    SummaryRow {
        label: part.into(),
        images: thousands(evaluation.images),
        accuracy: decimal(evaluation.accuracy, digits),
        accuracy_interval: interval(evaluation.accuracy_interval, digits),
        loss: decimal(evaluation.loss, digits),
        loss_interval: interval(evaluation.loss_interval, digits),
        auroc: optional(evaluation.auroc, digits),
        auroc_interval: evaluation.auroc_interval.map_or(String::new(), |i| interval(i, digits)),
        calibration_error: decimal(evaluation.calibration.ece, 3),
        published: false,
    }
}

fn reference_row(reference: &Reference) -> SummaryRow {
    SummaryRow {
        label: format!("{}, {}", reference.part, reference.name),
        images: NONE.into(),
        accuracy: optional(reference.accuracy, 3),
        accuracy_interval: String::new(),
        loss: optional(reference.loss, 4),
        loss_interval: String::new(),
        auroc: optional(reference.auroc, 3),
        auroc_interval: String::new(),
        calibration_error: NONE.into(),
        published: true,
    }
}

/// What is said below the summary: the best epoch, the gap, where the intervals come from.
pub(crate) fn remarks(report: &RunReport) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(best) = report.best() {
        remarks.push(format!(
            "Epoch {} of {} was kept: validation accuracy {}, loss {}.",
            best.epoch,
            report.epochs.len(),
            decimal(best.validation_accuracy, 4),
            decimal(best.validation_loss, 4)
        ));
    }
    if let Some(gap) = report.misclassification_gap() {
        let (sign, gap) = if gap < 0.0 { ("-", -gap) } else { ("", gap) };
        let gap = percent(gap).replace(" %", "");
        remarks.push(format!(
            "Misclassification gap, validation less training: {sign}{gap} percentage points."
        ));
    }
    if !report.evaluations.is_empty() {
        remarks.push(
            "Ranges are 95 % intervals: Wilson's for the accuracy, a percentile bootstrap for loss \
             and AUROC. They reflect the finite number of images, not the choice of the seed."
                .into(),
        );
    }
    remarks
}

/// What stands below the heading: data, parameters, duration.
pub(crate) fn subtitle(report: &RunReport) -> String {
    let seconds: f64 = report.epochs.iter().map(|row| row.seconds).sum();
    let mut parts = Vec::new();
    if !report.data.is_empty() {
        parts.push(report.data.clone());
    }
    if report.parameters > 0 {
        parts.push(format!("{} trainable parameters", thousands(report.parameters)));
    }
    if !report.epochs.is_empty() {
        let plural = if report.epochs.len() == 1 { "epoch" } else { "epochs" };
        let duration = crate::format::duration(seconds);
        parts.push(format!("{} {plural} in {duration}", report.epochs.len()));
    }
    parts.join(" · ")
}

/// One epoch; texts ready to be shown.
pub(crate) struct EpochView {
    pub best: bool,
    /// Epoch, seconds, learning rate; loss and accuracy of training, then of validation; AUROC.
    pub cells: [String; 8],
}

/// Headings of [`EpochView::cells`].
pub(crate) const EPOCH_HEADINGS: [&str; 8] = [
    "epoch",
    "seconds",
    "learning rate",
    "training loss",
    "training accuracy",
    "validation loss",
    "validation accuracy",
    "validation AUROC",
];

/// All epochs.
pub(crate) fn epoch_views(report: &RunReport) -> Vec<EpochView> {
    let view = |row: &crate::run::EpochRow| EpochView {
        best: report.best_epoch == Some(row.epoch),
        cells: [
            row.epoch.to_string(),
            decimal(row.seconds, 1),
            crate::format::significant(row.learning_rate),
            decimal(row.train_loss, 4),
            decimal(row.train_accuracy, 4),
            decimal(row.validation_loss, 4),
            decimal(row.validation_accuracy, 4),
            optional(row.validation_auroc, 4),
        ],
    };
    report.epochs.iter().map(view).collect()
}

/// One class; texts ready to be shown.
pub(crate) struct ClassView {
    pub name: String,
    /// Precision, recall, F1, AUROC, images.
    pub cells: [String; 5],
}

/// Headings of [`ClassView::cells`].
pub(crate) const CLASS_HEADINGS: [&str; 5] = ["precision", "recall", "F1", "AUROC", "images"];

/// All classes and, last, their mean.
pub(crate) fn class_views(evaluation: &Evaluation) -> Vec<ClassView> {
    let cells = |numbers: [f64; 3], auroc: Option<f64>, images: u64| {
        let [precision, recall, f1] = numbers.map(|number| decimal(number, 3));
        [precision, recall, f1, optional(auroc, 4), thousands(images)]
    };
    let class = |class: &modiste_metrics::ClassReport| ClassView {
        name: class.name.clone(),
        cells: cells([class.precision, class.recall, class.f1], class.auroc, class.support),
    };
    let mean = &evaluation.macro_average;
    let numbers = [mean.precision, mean.recall, mean.f1];
    let mean = ClassView {
        name: "mean".into(),
        cells: cells(numbers, evaluation.auroc, evaluation.images),
    };
    evaluation.classes.iter().map(class).chain([mean]).collect()
}
