//! `modiste evaluate`: what a trained model is worth on one part of the data.

use std::fmt;

use modiste_data::{Dataset, PartName};
use modiste_metrics::{Evaluation, worst_mistakes};
use modiste_report::mistakes_csv;
use modiste_train::{Config, Model, atomic_write};
use modiste_views::{Table, grouped};
use serde::Serialize;

use crate::cli::EvaluateArgs;
use crate::commands::model::Answers;
use crate::commands::{model, report, settings};
use crate::failure::Failure;
use crate::{engine, machine, output};

/// Images that go through the network together: enough to keep the threads busy, few enough for the
/// cache.
const PREDICTED_AT_ONCE: usize = 64;

/// What is printed.
#[derive(Serialize)]
struct Output {
    /// The model file.
    model: String,
    data: String,
    split: String,
    part: PartName,
    #[serde(flatten)]
    evaluation: Evaluation,
}

/// Evaluates and prints.
pub fn run(args: EvaluateArgs) -> Result<(), Failure> {
    let model = model::load(&args.model)?;
    let mut config = model::config(&args.model, &model)?;
    need_folder(&args, &config, &model)?;
    let trained_on = (config.data.split.clone(), config.data.split_seed);
    settings::apply(&mut config, &[&args.data.0])?;
    let data = config.load_data()?;
    model::check_fits(&model, &args.model, &data)?;
    note_other_split(&data, &model, &trained_on, &(config.data.split, config.data.split_seed));
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let mut engine = engine::new(&model.network, PREDICTED_AT_ONCE, threads)?;
    engine.load_state(&model.state())?;
    let part = args.part.into();
    let answers = model::answer(engine.as_mut(), &data, part)?;
    write_files(&args, &answers, &data.classes)?;
    let model = model::file(&args.model).display().to_string();
    let (name, split) = (data.name.clone(), data.split.clone());
    let evaluation = answers.evaluation;
    let output = Output { model, data: name, split, part, evaluation };
    Ok(output::print_either(&output, args.json)?)
}

/// Another split of the same images may deal training images to the part that is measured on.
fn note_other_split(data: &Dataset, model: &Model, old: &(String, u64), new: &(String, u64)) {
    if data.name == model.provenance.data && old != new {
        let (old, new) = (&old.0, &new.0);
        eprintln!(
            "modiste: note: trained on split {old}; images of split {new} may be known to it"
        );
    }
}

/// Writes the files that were asked for.
fn write_files(
    args: &EvaluateArgs,
    answers: &Answers<'_>,
    classes: &[String],
) -> anyhow::Result<()> {
    let Answers { logits, labels, .. } = answers;
    if let Some(path) = &args.mistakes {
        let mistakes = worst_mistakes(logits, labels, classes.len(), report::MISTAKES);
        atomic_write(path, mistakes_csv(&mistakes, classes).as_bytes())?;
    }
    if let Some(path) = &args.logits {
        let rows: Vec<&[f32]> = logits.chunks_exact(classes.len()).collect();
        atomic_write(path, serde_json::json!({ "logits": rows }).to_string().as_bytes())?;
    }
    Ok(())
}

/// A model file alone does not know where its folder of images lies.
fn need_folder(args: &EvaluateArgs, config: &Config, model: &Model) -> Result<(), Failure> {
    let given = args.data.0.iter().any(|(path, _)| path == "data.source");
    if given || args.model.is_dir() || config.data.source == "embedded" {
        return Ok(());
    }
    let (path, name) = (args.model.display(), &model.provenance.data);
    Err(Failure::Usage(format!("{path}: was trained on {name}; name that folder with --data")))
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, data, split, part, evaluation } = self;
        let images = grouped(evaluation.images);
        writeln!(f, "{model} on {images} images: {data}, split {split}, {part} part\n")?;
        writeln!(f, "{}", measures(evaluation))?;
        writeln!(f, "{}", classes(evaluation))?;
        writeln!(f, "truth in rows, prediction in columns")?;
        write!(f, "{}", confusion(evaluation))
    }
}

/// Accuracy, loss, AUROC with their intervals, and the calibration error.
fn measures(evaluation: &Evaluation) -> Table {
    let e = evaluation;
    let mut table = Table::new(1, ["", "value", "95 % interval"]);
    let interval = |[low, high]: [f64; 2]| format!("{low:.4} to {high:.4}");
    table.row(["accuracy", &format!("{:.4}", e.accuracy), &interval(e.accuracy_interval)]);
    table.row(["loss", &format!("{:.4}", e.loss), &interval(e.loss_interval)]);
    if let Some(auroc) = e.auroc {
        let interval = e.auroc_interval.map(interval).unwrap_or_default();
        table.row(["AUROC", &format!("{auroc:.4}"), &interval]);
    }
    table.row(["calibration error", &format!("{:.4}", e.calibration.ece)]);
    table
}

/// A row a class.
fn classes(evaluation: &Evaluation) -> Table {
    let headings = ["class", "precision", "recall", "F1", "AUROC", "images"];
    let mut table = Table::new(1, headings);
    for class in &evaluation.classes {
        let [precision, recall, f1] =
            [class.precision, class.recall, class.f1].map(|number| format!("{number:.4}"));
        let auroc = class.auroc.map_or("-".to_owned(), |auroc| format!("{auroc:.4}"));
        table.row([class.name.clone(), precision, recall, f1, auroc, grouped(class.support)]);
    }
    table
}

/// The confusion matrix with numbered columns, so that it stays narrow.
fn confusion(evaluation: &Evaluation) -> Table {
    let numbers = (0..evaluation.classes.len()).map(|i| i.to_string());
    let mut table = Table::new(1, std::iter::once(String::new()).chain(numbers));
    for (i, (class, row)) in evaluation.classes.iter().zip(&evaluation.confusion).enumerate() {
        let cells = row.iter().map(|&count| grouped(count));
        table.row(std::iter::once(format!("{i} {}", class.name)).chain(cells));
    }
    table
}
