//! Answers as they come: a table, one JSON object, a CSV file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use modiste_files::AtomicFile;
use modiste_model::Predictor;
use modiste_spec::Engine;
use modiste_views::grouped;
use serde::Serialize;
use serde_json::{Value, json};

use super::{AnyPredictor, Failed, Row};
use crate::cli::PredictArgs;
use crate::commands::model;
use crate::{machine, output};

/// What a CSV file has as the class of an image that is none of these.
const NONE: &str = "-1";
/// Classes that a table shows.
const SHOWN: usize = 3;
/// The widest column of names in a table.
const WIDEST: usize = 60;

/// Where the answers go.
pub struct Writer {
    classes: Vec<String>,
    top: usize,
    probabilities: bool,
    table: Option<Table>,
    json: bool,
    csv: Option<(PathBuf, AtomicFile)>,
    images: u64,
    rejected: u64,
}

/// The columns of the table.
struct Table {
    /// Of the name of an image; known from the first batch.
    width: Option<usize>,
    /// Whether images have names rather than numbers.
    named: bool,
}

impl Writer {
    /// Begins what was asked for. Images are `named` or have numbers.
    pub fn new(
        args: &PredictArgs,
        predictor: &Predictor<Box<dyn Engine>>,
        named: bool,
    ) -> anyhow::Result<Self> {
        let classes = predictor.classes().to_vec();
        let mut csv = None;
        if let Some(path) = &args.csv {
            csv = Some((path.clone(), AtomicFile::create(path)?));
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
            let about = json!({
                "model": model::file(&args.model).display().to_string(),
                "classes": self.classes,
                "temperature": predictor.temperature(),
                "threshold": predictor.threshold(),
                "mirror": args.ask.mirror,
            });
            // The object stays open: what comes is written as it comes.
            let text = about.to_string();
            let open = text.strip_suffix('}').unwrap_or(&text);
            output::print(&format!("{open},\"answers\":["))?;
        }
        if self.csv.is_some() {
            let numbers = (0..self.classes.len()).map(|class| format!(",p{class}"));
            let more: String = numbers.filter(|_| self.probabilities).collect();
            self.csv_lines(&format!("id,class{more}\n"))?;
        }
        Ok(())
    }

    /// Some more answers.
    pub fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        if self.json {
            let mut text = String::new();
            for (i, row) in rows.iter().enumerate() {
                let comma = if self.images == 0 && i == 0 { "" } else { "," };
                write!(text, "{comma}{}", self.json_row(row))?;
            }
            output::print(&text)?;
        }
        if self.csv.is_some() {
            let lines = rows.iter().map(|row| self.csv_row(row)).collect::<Result<String, _>>()?;
            self.csv_lines(&lines)?;
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

    fn csv_row(&self, row: &Row) -> anyhow::Result<String> {
        let answer = &row.answer;
        let class = if answer.rejected { NONE.to_owned() } else { answer.class.to_string() };
        // What a 32-bit number holds is what the network knows.
        let probabilities = answer.probabilities.iter().map(|&p| (p as f32).to_string());
        let more = probabilities.filter(|_| self.probabilities);
        let fields: Vec<String> = [quoted(&row.id), class].into_iter().chain(more).collect();
        Ok(format!("{}\n", fields.join(",")))
    }

    fn csv_lines(&mut self, lines: &str) -> anyhow::Result<()> {
        let Some((path, file)) = &mut self.csv else { return Ok(()) };
        let written = file.write_all(lines.as_bytes());
        written.with_context(|| format!("{}: failed to write", path.display()))
    }

    fn table_rows(&self, table: &mut Table, rows: &[Row]) -> String {
        let mut text = String::new();
        let answers = self.classes.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let answers = answers.max("none of these".len());
        let width = table.width.unwrap_or_else(|| {
            let longest = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0);
            let width = longest.clamp("image".len(), WIDEST);
            let heading = if table.named { "image" } else { "no." };
            let more = if self.top > 1 { "  next" } else { "" };
            let _ = writeln!(text, "{heading:width$}  {:answers$}  probability{more}", "answer");
            width
        });
        table.width = Some(width);
        for row in rows {
            let top = row.answer.top(self.top);
            let (id, name) = (&row.id, |class: usize| self.classes[class].as_str());
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

    /// Ends the files and says what there was.
    pub fn finish(mut self, failed: &[Failed]) -> anyhow::Result<()> {
        // Where nothing was answered, what the file had before is worth more than no line.
        if let Some((_, file)) = self.csv.take().filter(|_| self.images > 0) {
            file.finish()?;
        }
        if self.json {
            let failed: Vec<&str> = failed.iter().map(|failed| failed.problem.as_str()).collect();
            let end = json!({
                "images": self.images,
                "rejected": self.rejected,
                "failed": failed,
                "peak_bytes": machine::peak_bytes(),
            });
            let text = end.to_string();
            let rest = text.strip_prefix('{').unwrap_or(&text);
            return output::print(&format!("],{rest}\n"));
        }
        if self.rejected > 0 {
            let (none, all) = (grouped(self.rejected), grouped(self.images));
            output::note(&format!("none of these: {none} of {all} images"));
        }
        Ok(())
    }
}

/// A field of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
