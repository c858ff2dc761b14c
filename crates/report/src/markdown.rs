//! The report of a run as Markdown, for a README or a terminal.

use std::fmt::Write;

use modiste_metrics::Evaluation;

use crate::format::{decimal, percent};
use crate::run::RunReport;
use crate::summary::{
    CLASS_HEADINGS, EPOCH_HEADINGS, class_views, epoch_views, remarks, subtitle, summary,
};

/// The report of a run as Markdown: what the page has, except for pictures.
pub fn render_markdown(report: &RunReport) -> String {
    let mut out = format!("# {}\n\n{}\n", text(&report.name), text(&subtitle(report)));
    write_summary(&mut out, report);
    if !report.epochs.is_empty() {
        heading(&mut out, "Epochs");
        let mut table = Table::new(&EPOCH_HEADINGS);
        for row in epoch_views(report) {
            table.row(row.cells, row.best);
        }
        table.write(&mut out);
    }
    for (part, evaluation) in &report.evaluations {
        write_part(&mut out, part, evaluation);
    }
    write_mistakes(&mut out, report);
    if !report.settings.is_empty() {
        heading(&mut out, "Settings");
        let mut table = Table::new(&["setting", "value"]);
        table.left = 2;
        for (name, value) in &report.settings {
            table.row([name.clone(), value.clone()], false);
        }
        table.write(&mut out);
    }
    out
}

fn write_summary(out: &mut String, report: &RunReport) {
    let rows = summary(report);
    if !rows.is_empty() {
        heading(out, "Summary");
        let headings = ["part", "images", "accuracy", "loss", "AUROC", "calibration error"];
        let mut table = Table::new(&headings);
        for row in rows {
            let with = |value: String, interval: String| {
                if interval.is_empty() { value } else { format!("{value} ({interval})") }
            };
            let cells = [
                row.label,
                row.images,
                with(row.accuracy, row.accuracy_interval),
                with(row.loss, row.loss_interval),
                with(row.auroc, row.auroc_interval),
                row.calibration_error,
            ];
            table.row(cells, false);
        }
        table.write(out);
    }
    for remark in remarks(report) {
        let _ = write!(out, "\n{remark}\n");
    }
}

fn write_part(out: &mut String, part: &str, evaluation: &Evaluation) {
    heading(out, &format!("Classes: {}", text(part)));
    let mut table = Table::new(&[&["class"], &CLASS_HEADINGS[..]].concat());
    let views = class_views(evaluation);
    for (i, view) in views.iter().enumerate() {
        table.row([view.name.clone()].into_iter().chain(view.cells.clone()), i + 1 == views.len());
    }
    table.write(out);
    let error = decimal(evaluation.calibration.ece, 3);
    let _ = write!(out, "\nExpected calibration error: {error}\n");
    heading(out, &format!("Confusion matrix: {}", text(part)));
    let names = evaluation.classes.iter().map(|class| class.name.as_str());
    let mut table =
        Table::new(&["truth \\ prediction"].into_iter().chain(names).collect::<Vec<_>>());
    for (class, counts) in evaluation.classes.iter().zip(&evaluation.confusion) {
        table.row([class.name.clone()].into_iter().chain(counts.iter().map(u64::to_string)), false);
    }
    table.write(out);
}

fn write_mistakes(out: &mut String, report: &RunReport) {
    if report.mistakes.is_empty() {
        return;
    }
    let part = &report.mistakes_part;
    let of = if part.is_empty() { String::new() } else { format!(": {}", text(part)) };
    heading(out, &format!("Worst mistakes{of}"));
    let mut table = Table::new(&["image", "truth", "probability", "prediction", "probability"]);
    for image in &report.mistakes {
        let mistake = &image.mistake;
        let cells = [
            mistake.index.to_string(),
            report.class_name(mistake.truth),
            percent(mistake.truth_probability),
            report.class_name(mistake.prediction),
            percent(mistake.probability),
        ];
        table.row(cells, false);
    }
    table.write(out);
}

fn heading(out: &mut String, heading: &str) {
    let _ = write!(out, "\n## {heading}\n\n");
}

/// A table whose columns are padded, so that it reads well as plain text too.
struct Table {
    rows: Vec<Vec<String>>,
    /// Columns that are aligned to the left; the others hold numbers.
    left: usize,
}

impl Table {
    fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| text(heading)).collect()], left: 1 }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>, bold: bool) {
        let cell = |cell: String| if bold { format!("**{}**", text(&cell)) } else { text(&cell) };
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    fn write(&self, out: &mut String) {
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for (i, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                let _ = match column < self.left {
                    true => write!(out, "| {cell:<width$} "),
                    false => write!(out, "| {cell:>width$} "),
                };
            }
            out.push_str("|\n");
            if i == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width - 1);
                    let _ = match column < self.left {
                        true => write!(out, "| :{dashes} "),
                        false => write!(out, "| {dashes}: "),
                    };
                }
                out.push_str("|\n");
            }
        }
    }
}

/// `text` as it may stand in a line or a cell.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => out.push(' '),
            '|' | '\\' | '*' | '_' | '`' | '<' | '[' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}
