//! Writes answers as they come: as a table, one JSON object, or a CSV file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use modiste_draw::plain;
use modiste_files::AtomicFile;
use modiste_model::{Predictor, csv_text, guarded};
use modiste_spec::Engine;
use modiste_views::grouped;
use serde::Serialize;
use serde_json::{Value, json};

use super::{AnyPredictor, Failed, Row};
use crate::cli::PredictArgs;
use crate::commands::model;
use crate::{machine, output};

/// The class of "none of these" in a CSV file.
const NONE: &str = "-1";
/// Number of classes in a table.
const SHOWN: usize = 3;
/// Largest width of the column of names in a table.
const WIDEST: usize = 60;

/// Writes answers to stdout and to a CSV file.
pub struct Writer {
    classes: Vec<String>,
    top: usize,
    probabilities: bool,
    table: Option<Table>,
    json: bool,
    csv: Option<Csv>,
    images: u64,
    rejected: u64,
}

/// The columns of the table.
struct Table {
    /// Width of the names of images; known after the first batch.
    width: Option<usize>,
    /// Whether images have names rather than numbers.
    named: bool,
}

impl Writer {
    /// Begins the requested output. Images are `named` or have numbers.
    pub fn new(
        args: &PredictArgs,
        predictor: &Predictor<Box<dyn Engine>>,
        named: bool,
    ) -> anyhow::Result<Self> {
        let classes = predictor.classes().to_vec();
        let mut csv = None;
        if let Some(path) = &args.csv {
            let (path, file) = (path.clone(), AtomicFile::create(path)?);
            csv = Some(Csv { path, file, numbers: args.numbers });
        }
        let alone = !args.json && csv.is_none() && args.submission.is_none();
        let mut writer = Self {
            top: args.top.unwrap_or(SHOWN).min(classes.len()),
            probabilities: args.probabilities,
            table: alone.then_some(Table { width: None, named }),
            json: args.json,
            csv,
            images: 0,
            rejected: 0,
            classes,
        };
        writer.begin(args, predictor)?;
        Ok(writer)
    }

    fn begin(&mut self, args: &PredictArgs, predictor: &AnyPredictor) -> anyhow::Result<()> {
        if self.json {
            let about = [
                ("model", json!(model::file(&args.model).display().to_string())),
                ("classes", json!(self.classes)),
                ("temperature", json!(predictor.temperature())),
                ("threshold", json!(predictor.threshold())),
                ("mirror", json!(args.ask.mirror)),
            ];
            let entries: Vec<String> = about.iter().map(|(key, value)| entry(key, value)).collect();
            // The object and its last list stay open, so that answers are written as they come.
            output::print_json_text(&format!("{{{},\"answers\":[", entries.join(",")))?;
        }
        if let Some(csv) = &mut self.csv {
            let name = |(i, class): (usize, &String)| match csv.numbers {
                true => format!("p{i}"),
                false => guarded(&format!("p_{class}")).into_owned(),
            };
            let more = self.classes.iter().enumerate().filter(|_| self.probabilities).map(name);
            let header: Vec<String> =
                ["id", "class"].map(str::to_owned).into_iter().chain(more).collect();
            csv.rows([header])?;
        }
        Ok(())
    }

    /// Writes answers.
    pub fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        if self.json {
            let mut text = String::new();
            for (i, row) in rows.iter().enumerate() {
                let comma = if self.images == 0 && i == 0 { "" } else { "," };
                write!(text, "{comma}{}", self.json_row(row))?;
            }
            output::print_json_text(&text)?;
        }
        if let Some(csv) = &mut self.csv {
            let (classes, probabilities) = (&self.classes, self.probabilities);
            let numbers = csv.numbers;
            csv.rows(rows.iter().map(|row| csv_row(row, classes, numbers, probabilities)))?;
        }
        if let Some(mut table) = self.table.take() {
            output::print(&self.table_rows(&mut table, rows))?;
            self.table = Some(table);
        }
        self.images += rows.len() as u64;
        self.rejected += rows.iter().filter(|row| row.answer.rejected).count() as u64;
        Ok(())
    }

    fn json_row(&self, row: &Row) -> Value {
        #[derive(Serialize)]
        struct Top<'a> {
            class: usize,
            name: &'a str,
            probability: f64,
        }
        let answer = &row.answer;
        let top = answer.top(self.top).into_iter().map(|(class, probability)| Top {
            class,
            name: &self.classes[class],
            probability,
        });
        let mut value = json!({
            "id": row.id,
            "class": answer.class,
            "name": self.classes[answer.class],
            "probability": answer.probability,
            "rejected": answer.rejected,
            "top": top.collect::<Vec<_>>(),
        });
        if !row.note.is_empty() {
            value["note"] = row.note.clone().into();
        }
        if self.probabilities {
            value["probabilities"] = answer.probabilities.clone().into();
        }
        value
    }

    fn table_rows(&self, table: &mut Table, rows: &[Row]) -> String {
        let mut text = String::new();
        let names: Vec<_> = self.classes.iter().map(|name| plain(name)).collect();
        let answers = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let answers = answers.max("none of these".len());
        let width = table.width.unwrap_or_else(|| {
            let longest = rows.iter().map(|row| plain(&row.id).chars().count()).max().unwrap_or(0);
            let width = longest.clamp("image".len(), WIDEST);
            let heading = if table.named { "image" } else { "no." };
            let more = if self.top > 1 { "  next" } else { "" };
            let _ = writeln!(text, "{heading:width$}  {:answers$}  probability{more}", "answer");
            width
        });
        table.width = Some(width);
        for row in rows {
            let top = row.answer.top(self.top);
            let (id, name) = (plain(&row.id), |class: usize| names[class].as_ref());
            let mut shown = top.iter().map(|&(class, p)| (name(class), p));
            let (first, probability) = match row.answer.rejected {
                true => ("none of these", row.answer.probability),
                false => shown.next().unwrap_or_default(),
            };
            let _ = write!(text, "{id:width$}  {first:answers$}  {probability:11.4}");
            for (class, probability) in shown {
                let _ = write!(text, "  {class} {probability:.4}");
            }
            let note = if row.note.is_empty() { "" } else { "  # " };
            let _ = writeln!(text, "{note}{}", row.note);
        }
        text
    }

    /// Completes the output and prints totals.
    pub fn finish(mut self, failed: &[Failed]) -> anyhow::Result<()> {
        // If nothing was answered, keep the previous contents of the file.
        if let Some(csv) = self.csv.take().filter(|_| self.images > 0) {
            csv.file.finish()?;
        }
        if self.json {
            let failed: Vec<&str> = failed.iter().map(|failed| failed.problem.as_str()).collect();
            let end = [
                ("images", json!(self.images)),
                ("rejected", json!(self.rejected)),
                ("failed", json!(failed)),
                ("peak_bytes", json!(machine::peak_bytes())),
            ];
            let entries: Vec<String> = end.iter().map(|(key, value)| entry(key, value)).collect();
            return output::print_json_text(&format!("],{}}}\n", entries.join(",")));
        }
        if self.rejected > 0 {
            let (none, all) = (grouped(self.rejected), grouped(self.images));
            output::note(&format!("none of these: {none} of {all} images"));
        }
        Ok(())
    }
}

/// A key and its value within a JSON object.
fn entry(key: &str, value: &Value) -> String {
    format!("{}:{value}", json!(key))
}

/// The CSV file being written.
struct Csv {
    path: PathBuf,
    file: AtomicFile,
    /// Whether classes are written as their positions.
    numbers: bool,
}

impl Csv {
    fn rows(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> anyhow::Result<()> {
        let written = self.file.write_all(csv_text(rows).as_bytes());
        written.with_context(|| format!("{}: failed to write", self.path.display()))
    }
}

/// The cells of one answer.
fn csv_row(row: &Row, classes: &[String], numbers: bool, probabilities: bool) -> Vec<String> {
    let answer = &row.answer;
    let class = match (answer.rejected, numbers) {
        (true, _) => NONE.to_owned(),
        (false, true) => answer.class.to_string(),
        (false, false) => guarded(&classes[answer.class]).into_owned(),
    };
    // The network computes in 32 bits; more digits would mean nothing.
    let more = answer.probabilities.iter().map(|&p| (p as f32).to_string());
    let more = more.filter(|_| probabilities);
    [guarded(&row.id).into_owned(), class].into_iter().chain(more).collect()
}
