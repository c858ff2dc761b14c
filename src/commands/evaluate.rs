//! `modiste evaluate`: how good a trained model is on one part of the data.

use std::fmt;

use modiste_data::{Dataset, Names, PartName};
use modiste_files::atomic_write;
use modiste_metrics::{Evaluation, worst_mistakes};
use modiste_model::{
    Answers, Calibrated, ConfidenceMetrics, MISTAKES, MirroredMetrics, ModelEvaluation, Options,
};
use modiste_report::mistakes_csv;
use modiste_train::labelled;
use modiste_views::{Table, grouped};
use serde::Serialize;

use crate::cli::EvaluateArgs;
use crate::commands::model::{self, AnyPredictor};
use crate::failure::Failure;
use crate::{engine, output, ranks};

/// What is printed.
#[derive(Serialize)]
struct PartEvaluation {
    /// The model file.
    model: String,
    data: String,
    split: String,
    /// `train`, `validation` or `test`; `all` for a folder given with `--data`.
    part: String,
    #[serde(flatten)]
    worth: ModelEvaluation,
}

/// Evaluates and prints.
pub fn run(args: EvaluateArgs) -> Result<(), Failure> {
    ranks::join()?;
    let (mut predictor, data, part) = ranks::agree(prepare(&args))?;
    let all = args.folder.is_some();
    let images = &data.part(part).images;
    let checksum = format!("{:08x}", crc32fast::hash(&images.pixels));
    ranks::check_alike(vec![
        ("the model's checksum".to_owned(), predictor.model().checksum()),
        ("the images' checksum".to_owned(), checksum),
        ("--mirror".to_owned(), args.mirror.to_string()),
    ])?;
    let answers = predictor.evaluate(&data, part)?;
    if ranks::is_first() {
        write_files(&args, &answers, &data.classes, &data.part(part).names)?;
    }
    let trust = ConfidenceMetrics::of(predictor.model(), &answers.logits, answers.labels, false);
    let mut mirrored = None;
    if args.mirror {
        let logits = predictor.mirrored(&images.pixels, answers.logits)?;
        mirrored = Some(MirroredMetrics::of(predictor.model(), &logits, answers.labels));
    }
    let model = model::file(&args.model).display().to_string();
    let (data, split) = (data.name.clone(), data.split.clone());
    let part = if all { "all".to_owned() } else { part.to_string() };
    let worth = ModelEvaluation { evaluation: answers.evaluation, trust, mirrored };
    let output = PartEvaluation { model, data, split, part, worth };
    Ok(output::print_either(&output, args.json)?)
}

/// The model, the data and the part of them to evaluate.
fn prepare(args: &EvaluateArgs) -> Result<(AnyPredictor, Dataset, PartName), Failure> {
    let outputs = [("--mistakes", args.mistakes.as_deref()), ("--logits", args.logits.as_deref())];
    model::check_outputs(&args.model, &outputs)?;
    let model = model::load(&args.model)?;
    model::check_mirror(&model, args.mirror)?;
    let data = match &args.folder {
        Some(folder) => labelled(&args.model, &model, folder)?,
        None => model::data(&args.model, &model, &args.data)?.1,
    };
    engine::check(&args.engine)?;
    let predictor =
        model::predictor_on(&args.model, model, Options::default(), &args.engine, args.threads)?;
    let all = args.folder.is_some();
    let part = if all { PartName::Train } else { PartName::from(args.part) };
    Ok((predictor, data, part))
}

/// Writes the requested files.
fn write_files(
    args: &EvaluateArgs,
    answers: &Answers<'_>,
    classes: &[String],
    names: &Names,
) -> anyhow::Result<()> {
    let Answers { logits, labels, .. } = answers;
    if let Some(path) = &args.mistakes {
        let mistakes = worst_mistakes(logits, labels, classes.len(), MISTAKES);
        let known = mistakes.iter().filter(|_| !names.is_empty());
        let files: Vec<String> = known.map(|mistake| names.get(mistake.index)).collect();
        atomic_write(path, mistakes_csv(&mistakes, classes, &files).as_bytes())?;
    }
    if let Some(path) = &args.logits {
        let rows: Vec<&[f32]> = logits.chunks_exact(classes.len()).collect();
        atomic_write(path, serde_json::json!({ "logits": rows }).to_string().as_bytes())?;
    }
    Ok(())
}

impl fmt::Display for PartEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, data, split, part, worth } = self;
        let evaluation = &worth.evaluation;
        let images = grouped(evaluation.images);
        match part.as_str() {
            "all" => writeln!(f, "{model} on all {images} images of {data}\n")?,
            part => {
                writeln!(f, "{model} on {images} images: {data}, split {split}, {part} part\n")?
            }
        }
        writeln!(f, "{}", measures(self))?;
        if let Some(trust) = &worth.trust {
            writeln!(f, "{}", rules(trust))?;
        }
        writeln!(f, "{}", classes(evaluation))?;
        writeln!(f, "truth in rows, prediction in columns")?;
        write!(f, "{}", confusion(evaluation))
    }
}

/// Accuracy, loss and AUROC with their intervals, the calibration error, and the same at the model's
/// temperature and with mirror images.
fn measures(output: &PartEvaluation) -> Table {
    let e = &output.worth.evaluation;
    let mut table = Table::new(1, ["", "value", "95 % interval"]);
    let interval = |[low, high]: [f64; 2]| format!("{low:.4} to {high:.4}");
    table.row(["accuracy", &format!("{:.4}", e.accuracy), &interval(e.accuracy_interval)]);
    table.row(["loss", &format!("{:.4}", e.loss), &interval(e.loss_interval)]);
    if let Some(auroc) = e.auroc {
        let interval = e.auroc_interval.map(interval).unwrap_or_default();
        table.row(["AUROC", &format!("{auroc:.4}"), &interval]);
    }
    table.row(["calibration error", &format!("{:.4}", e.calibration.ece)]);
    let calibrated = |table: &mut Table, prefix: &str, trust: &ConfidenceMetrics| {
        let Calibrated { temperature, loss, ece } = trust.calibrated;
        let at = format!("at temperature {temperature:.3}");
        table.row([&format!("{prefix}loss {at}"), &format!("{loss:.4}"), ""]);
        table.row([&format!("{prefix}calibration error {at}"), &format!("{ece:.4}"), ""]);
    };
    output.worth.trust.iter().for_each(|trust| calibrated(&mut table, "", trust));
    if let Some(m) = &output.worth.mirrored {
        for (name, value) in
            [("accuracy", m.accuracy), ("loss", m.loss), ("calibration error", m.ece)]
        {
            table.row([&format!("mirrored too: {name}"), &format!("{value:.4}"), ""]);
        }
        m.trust.iter().for_each(|trust| calibrated(&mut table, "mirrored too: ", trust));
    }
    table
}

/// The thresholds for "none of these".
fn rules(trust: &ConfidenceMetrics) -> Table {
    let mut table = Table::new(1, ["none of these, by", "threshold", "answered", "accuracy"]);
    for rule in &trust.rejection {
        let accuracy = rule.accuracy.map_or("-".to_owned(), |a| format!("{a:.4}"));
        let [threshold, coverage] = [rule.threshold, rule.coverage].map(|n| format!("{n:.4}"));
        table.row([format!("--reject={}", rule.target), threshold, coverage, accuracy]);
    }
    table
}

/// One row per class.
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
