//! The page of a run.

use modiste_draw::grouped;
use modiste_metrics::{ClassReport, Evaluation};
use modiste_model::EpochRow;

use crate::figures;
use crate::format::{NONE, decimal, digits, duration, interval, optional, percent, significant};
use crate::page::{Block, Cell, Figure, Gallery, GalleryItem, Page, Table, Weight};
use crate::run::{MistakeImage, PartReport, Reference, RunReport};

/// The part that the network was fitted to.
const TRAIN: &str = "train";

impl RunReport {
    /// The report of a run: summary, curves, network, each part with its confusion matrix, classes,
    /// ROC curves and calibration, mistakes, epochs and settings.
    pub fn page(&self) -> Page {
        let mut page = Page::new(&self.name, self.subtitle());
        page.section("Summary", self.summary());
        page.section("Training", self.training());
        for part in self.parts.iter().filter(|part| part.name != TRAIN) {
            page.section(format!("Classes: {}", part.name), part_blocks(part));
        }
        page.section(self.mistakes_title(), self.gallery());
        if let Some(train) = self.part(TRAIN) {
            // Results on the training set are the least informative.
            let details =
                Block::Details("The training images in detail".into(), part_blocks(train));
            page.section(format!("Classes: {TRAIN}"), vec![details]);
        }
        if !self.network.is_empty() {
            page.section("Network", vec![Block::Figures(self.network.clone())]);
        }
        page.sections.extend(self.more.iter().cloned());
        page.section("Settings", self.settings_blocks());
        page
    }

    /// The text below the heading: data, parameters, duration.
    fn subtitle(&self) -> String {
        let mut parts = Vec::new();
        if !self.data.is_empty() {
            parts.push(self.data.clone());
        }
        if self.parameters > 0 {
            parts.push(format!("{} trainable parameters", grouped(self.parameters)));
        }
        if !self.epochs.is_empty() {
            let plural = if self.epochs.len() == 1 { "epoch" } else { "epochs" };
            parts.push(format!("{} {plural} in {}", self.epochs.len(), duration(self.seconds())));
        }
        parts.join(" · ")
    }

    /// Results on the parts of the data beside published ones; the best epoch, the gap, the kinds
    /// of intervals.
    fn summary(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        if !self.parts.is_empty() || !self.references.is_empty() {
            let headings = ["part", "images", "accuracy", "loss", "AUROC", "calibration error"];
            let mut table = Table::new(headings);
            self.parts.iter().for_each(|part| table.row(own_row(part)));
            for reference in &self.references {
                table.weighted(Weight::Faint, reference_row(reference));
            }
            blocks.push(Block::Table(table));
        }
        blocks.extend(self.remarks().into_iter().map(Block::Note));
        blocks
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(best) = self.best() {
            let (epoch, epochs) = (best.epoch, self.epochs.len());
            remarks.push(match best.validation_accuracy.zip(best.validation_loss) {
                Some((accuracy, loss)) => format!(
                    "The best of the epochs was epoch {epoch} of {epochs}: validation accuracy {}, \
                     loss {}.",
                    decimal(accuracy, 4),
                    decimal(loss, 4)
                ),
                None => format!(
                    "There is no validation set: the model is that of the last epoch, {epoch} of \
                     {epochs}."
                ),
            });
        }
        if let Some(gap) = self.misclassification_gap() {
            let (sign, gap) = if gap < 0.0 { ("-", -gap) } else { ("", gap) };
            let gap = percent(gap).replace(" %", "");
            remarks.push(format!(
                "Misclassification gap, validation minus training: {sign}{gap} percentage points."
            ));
        }
        if !self.parts.is_empty() {
            remarks.push(
                "Ranges are 95 % intervals: Wilson's for the accuracy, a percentile bootstrap for \
                 loss and AUROC. They reflect the finite number of images, not the choice of the \
                 seed."
                    .into(),
            );
        }
        remarks
    }

    fn training(&self) -> Vec<Block> {
        let curves = figures::curves(&self.epochs, self.best_epoch);
        if curves.is_empty() {
            return Vec::new();
        }
        let curves = Figure::panels("curves", "Training curves", curves);
        let table = Block::Table(self.epoch_table());
        vec![Block::Figures(vec![curves]), Block::Details("All epochs".into(), vec![table])]
    }

    fn epoch_table(&self) -> Table {
        let mut table = Table::new([
            "epoch",
            "seconds",
            "learning rate",
            "training loss",
            "training accuracy",
            "validation loss",
            "validation accuracy",
            "validation AUROC",
        ])
        .text_columns(0);
        for EpochRow { metrics: row, timing } in &self.epochs {
            let best = self.best_epoch == Some(row.epoch);
            let cells = [
                row.epoch.to_string(),
                timing.map_or_else(String::new, |timing| decimal(timing.seconds, 1)),
                significant(row.learning_rate),
                decimal(row.train_loss, 4),
                decimal(row.train_accuracy, 4),
                optional(row.validation_loss, 4),
                optional(row.validation_accuracy, 4),
                optional(row.validation_auroc, 4),
            ];
            table.weighted(if best { Weight::Strong } else { Weight::Plain }, cells);
        }
        table
    }

    fn mistakes_title(&self) -> String {
        match self.mistakes_part.as_str() {
            "" => "Worst mistakes".into(),
            part => format!("Worst mistakes: {part}"),
        }
    }

    fn gallery(&self) -> Vec<Block> {
        if self.mistakes.is_empty() {
            return Vec::new();
        }
        let items = self.mistakes.iter().map(|mistake| self.gallery_item(mistake)).collect();
        let gallery = Gallery { name: "mistakes".into(), title: self.mistakes_title(), items };
        let mut note = "The images with the highest loss, worst first; next to each class the \
                        probability that the network gave it"
            .to_owned();
        if self.mistakes.iter().any(|mistake| !mistake.beside.is_empty()) {
            note.push_str(", next to each image a heat map of its answer (Grad-CAM)");
        }
        vec![Block::Note(format!("{note}.")), Block::Gallery(gallery)]
    }

    fn gallery_item(&self, image: &MistakeImage) -> GalleryItem {
        let mistake = &image.mistake;
        let [truth, prediction] = [mistake.truth, mistake.prediction].map(|c| self.class_name(c));
        GalleryItem {
            title: format!("image {}: {truth} seen as {prediction}", mistake.index),
            pictures: [image.picture.clone()].into_iter().chain(image.beside.clone()).collect(),
            lines: vec![
                format!("{truth} {}", percent(mistake.truth_probability)),
                format!("seen as {prediction} {}", percent(mistake.probability)),
                format!("image {}", mistake.index),
            ],
        }
    }

    fn settings_blocks(&self) -> Vec<Block> {
        if self.settings.is_empty() {
            return Vec::new();
        }
        let mut table = Table::new(["setting", "value"]).text_columns(2);
        for (name, value) in &self.settings {
            table.row([name.clone(), value.clone()]);
        }
        vec![Block::Details("All settings".into(), vec![Block::Table(table)])]
    }
}

fn own_row(part: &PartReport) -> [Cell; 6] {
    let PartReport { name, evaluation, .. } = part;
    let digits = digits(evaluation.images);
    let auroc_interval = evaluation.auroc_interval.map_or(String::new(), |i| interval(i, digits));
    [
        name.clone().into(),
        grouped(evaluation.images).into(),
        Cell::with_note(
            decimal(evaluation.accuracy, digits),
            interval(evaluation.accuracy_interval, digits),
        ),
        Cell::with_note(
            decimal(evaluation.loss, digits),
            interval(evaluation.loss_interval, digits),
        ),
        Cell::with_note(optional(evaluation.auroc, digits), auroc_interval),
        decimal(evaluation.calibration.ece, 3).into(),
    ]
}

fn reference_row(reference: &Reference) -> [Cell; 6] {
    [
        format!("{}, {}", reference.part, reference.name).into(),
        NONE.into(),
        optional(reference.accuracy, 3).into(),
        optional(reference.loss, 4).into(),
        optional(reference.auroc, 3).into(),
        NONE.into(),
    ]
}

/// One part of the data.
fn part_blocks(part: &PartReport) -> Vec<Block> {
    let PartReport { name, evaluation, roc } = part;
    let figure = |stem: &str, drawing| Figure::new(format!("{stem}-{name}"), drawing);
    let confusion = figure("confusion", figures::confusion(evaluation));
    let mut figures =
        vec![figure("reliability", figures::reliability(&evaluation.calibration)).caption(
            "15 bins of the top probability; on the dashed line, probabilities match accuracies.",
        )];
    if roc.iter().any(Option::is_some) {
        let names = evaluation.classes.iter().map(|class| class.name.clone());
        let curves: Vec<_> = names.zip(roc.iter().cloned()).collect();
        figures.push(figure("roc", figures::roc(&curves, evaluation.auroc)));
    }
    let classes = vec![Block::Table(class_table(evaluation))];
    let columns = vec![vec![Block::Figures(vec![confusion])], classes];
    let mut blocks = vec![Block::Columns(columns), Block::Figures(figures)];
    if evaluation.classes.len() <= TABLE {
        let table = Block::Table(confusion_table(evaluation));
        blocks.push(Block::Details("Confusion matrix as a table".into(), vec![table]));
    }
    blocks
}

/// Largest number of classes for which the confusion matrix is also shown as a table.
const TABLE: usize = 40;

/// All classes and, last, their mean.
fn class_table(evaluation: &Evaluation) -> Table {
    let mut table = Table::new(["class", "precision", "recall", "F1", "AUROC", "images"]);
    let row = |name: &str, numbers: [f64; 3], auroc: Option<f64>, images: u64| {
        let [precision, recall, f1] = numbers.map(|number| decimal(number, 3));
        [name.into(), precision, recall, f1, optional(auroc, 4), grouped(images)]
    };
    for class in &evaluation.classes {
        let ClassReport { name, precision, recall, f1, support, auroc } = class;
        table.row(row(name, [*precision, *recall, *f1], *auroc, *support));
    }
    let mean = &evaluation.macro_average;
    let numbers = [mean.precision, mean.recall, mean.f1];
    table.weighted(Weight::Strong, row("mean", numbers, evaluation.auroc, evaluation.images));
    table
}

fn confusion_table(evaluation: &Evaluation) -> Table {
    let names = evaluation.classes.iter().map(|class| class.name.as_str());
    let mut table = Table::new(["truth \\ prediction"].into_iter().chain(names));
    for (class, counts) in evaluation.classes.iter().zip(&evaluation.confusion) {
        let counts = counts.iter().map(|&count| grouped(count));
        table.row([class.name.clone()].into_iter().chain(counts));
    }
    table
}
