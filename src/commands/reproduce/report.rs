//! The report of a reproduction: our results beside the published ones, and a verdict on every claim.

use std::path::Path;

use modiste_data::PartName;
use modiste_metrics::Evaluation;
use modiste_paper::{PUBLISHED_BEST, VERDICT_RULE};
use modiste_report::{Block, Cell, Figure, Page, Table, Weight, figures};
use modiste_search::{SELECTION_RULE, label};
use modiste_views::grouped;
use modiste_writeup::write_files;

use super::{Answers, ReproductionResults, verdicts};
use crate::commands::ablate;
use crate::commands::grid::results::{self, settings, spread};
use crate::failure::Failure;

/// What is printed at the end.
pub fn text(out: &Path, found: &ReproductionResults) -> String {
    let chosen: Vec<String> =
        found.selected.iter().map(|(field, value)| format!("{}={value}", label(field))).collect();
    format!(
        "\n{}\nselected {}; final validation accuracy {:.4}, published {:.3}\n\n{}\n\
         {}; its results and runs are beside it\n",
        results::table(&found.grid),
        chosen.join(", "),
        found.last.validation.accuracy,
        PUBLISHED_BEST.validation_accuracy,
        verdicts::text(&found.verdicts),
        out.join("report.html").display(),
    )
}

/// Writes `report.html`, `report.md` and `figures/`.
pub fn write(out: &Path, found: &ReproductionResults) -> Result<(), Failure> {
    Ok(write_files(out, &page(found), "report", "figures/").map(|_| ())?)
}

fn page(found: &ReproductionResults) -> Page {
    let title =
        "Reproduction of \"An InceptionResnet based Image Classifier for Fashion-MNIST Dataset\"";
    let subtitle = format!("{}, split {}", found.data.name, found.data.split);
    let mut page = Page::new(title, subtitle);
    if found.quick {
        let text = "A demonstration with few images, small networks and few epochs. Its numbers have no meaning.";
        page.section("Quick", vec![Block::Text(text.into())]);
    }
    page.section("What holds up", claims(found));
    page.section("Data", data(found));
    page.section("Grid (table 1)", grid(found));
    page.section("Final training (table 2)", last(found));
    page.section("Baselines", baselines(found));
    page.section("Parts of the method", parts(found));
    page
}

fn claims(found: &ReproductionResults) -> Vec<Block> {
    let mut table = Table::new(verdicts::HEADINGS).text_columns(2);
    for verdict in &found.verdicts {
        let mut cells = verdicts::cells(verdict).map(Cell::from);
        cells[0].note.clone_from(&verdict.measure);
        table.row(cells);
    }
    let parts = match ablation_difference(found).as_str() {
        "" => String::new(),
        apart => format!(" Parts of the method were judged by the selected configuration{apart}."),
    };
    vec![Block::Table(table), Block::Note(format!("The rule: {VERDICT_RULE}.{parts}"))]
}

/// How the ablation differs from the selected configuration, as ` at field=value`, or empty.
fn ablation_difference(found: &ReproductionResults) -> String {
    let set = |(field, value): &(String, String)| format!("{}={value}", label(field));
    let set: Vec<String> = found.ablation_set.iter().map(set).collect();
    if set.is_empty() { String::new() } else { format!(" at {}", set.join(", ")) }
}

fn data(found: &ReproductionResults) -> Vec<Block> {
    let mut table = Table::new(["part", "images", "rarest class", "commonest class", "balanced"]);
    for part in &found.data.parts {
        let shares = || part.classes.iter().map(|class| 100.0 * class.share);
        table.row([
            part.part.to_string(),
            grouped(part.images as u64),
            format!("{:.1} %", shares().fold(100.0, f64::min)),
            format!("{:.1} %", shares().fold(0.0, f64::max)),
            if part.balanced { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let duplicates: usize = found.data.duplicates.iter().map(|count| count.images).sum();
    vec![Block::Table(table), Block::Note(format!("Duplicates: {duplicates}."))]
}

fn grid(found: &ReproductionResults) -> Vec<Block> {
    let results = &found.grid;
    let published = results.rows.iter().any(|row| row.published.is_some());
    let headings = results::headings(results, published);
    let mut table = Table::new(headings).text_columns(results.fields.len());
    let selected = results.selection.as_ref();
    for (i, row) in results.rows.iter().enumerate() {
        let strong = selected.is_some_and(|selection| selection.row == i);
        let weight = if strong { Weight::Strong } else { Weight::Plain };
        table.weighted(weight, results::cells(row, published));
    }
    let note = format!(
        "{} epochs, {} runs per row. Training accuracy during the last epoch; \
         validation accuracy of the best epoch.",
        found.base.training.epochs,
        results.rows.first().map_or(0, |row| row.trials),
    );
    let mut blocks = vec![Block::Table(table), Block::Note(note)];
    if let Some(selection) = selected {
        let row = &results.rows[selection.row];
        blocks.push(Block::Text(format!(
            "Selected: {}, validation accuracy {}. The rule: {SELECTION_RULE}.",
            settings(results, row),
            spread(row.validation.as_ref())
        )));
    }
    blocks
}

fn last(found: &ReproductionResults) -> Vec<Block> {
    let Answers { best, last, validation, .. } = &found.last;
    let curves = figures::curves(&found.epochs, Some(best.epoch));
    let figures = vec![
        Figure::panels("curves", "Curves of the final training", curves)
            .caption("The paper's figure 1."),
        Figure::new("confusion", figures::confusion(validation)).caption(
            "The paper's figure 2: truth in rows, prediction in columns, validation part.",
        ),
    ];
    let mut classes = Table::new(["class", "precision", "recall", "F1"]);
    for class in &validation.classes {
        let numbers = [class.precision, class.recall, class.f1].map(|n| format!("{n:.4}"));
        classes.row(std::iter::once(class.name.clone()).chain(numbers));
    }
    let note = format!(
        "From scratch, {} epochs. Unless noted otherwise, the numbers are of the best epoch's model, \
         without dropout and flips, with 95 % intervals from the number of images.",
        last.epoch
    );
    vec![
        Block::Table(numbers(&found.last)),
        Block::Note(note),
        Block::Figures(figures),
        Block::Table(classes),
    ]
}

/// Table 2, with further rows.
fn numbers(answers: &Answers) -> Table {
    let Answers { best, last, train, validation, test, parameters } = answers;
    let paper = &PUBLISHED_BEST;
    let four = |value: f64| format!("{value:.4}");
    let within = |e: &Evaluation| {
        let [low, high] = e.accuracy_interval;
        format!("{:.4} ({low:.4} to {high:.4})", e.accuracy)
    };
    let auroc = |e: &Evaluation| e.auroc.map_or_else(|| "-".to_owned(), four);
    let none = || "-".to_owned();
    let mut table = Table::new(["", "ours", "paper"]);
    let mut row = |name: &str, ours, paper| table.row([name.to_owned(), ours, paper]);
    row(
        "training accuracy during the last epoch",
        four(last.train_accuracy),
        four(paper.train_accuracy),
    );
    row("training loss during the last epoch", four(last.train_loss), four(paper.train_loss));
    row("train accuracy", within(train), none());
    row("validation accuracy", within(validation), four(paper.validation_accuracy));
    row("validation loss", four(validation.loss), none());
    row("validation AUROC", auroc(validation), four(paper.auroc));
    row("best epoch", best.epoch.to_string(), paper.best_epoch.to_string());
    row("parameters", grouped(*parameters as u64), "1,100,000".to_owned());
    if let Some(test) = test {
        row("test accuracy", within(test), none());
        row("test AUROC", auroc(test), none());
    }
    table
}

fn baselines(found: &ReproductionResults) -> Vec<Block> {
    if found.baselines.is_empty() {
        return Vec::new();
    }
    let headings = ["classifier", "measured by", "validation", "test", "seconds"];
    let mut table = Table::new(headings).text_columns(2);
    let within =
        |accuracy: f64, [low, high]: [f64; 2]| format!("{accuracy:.4} ({low:.4} to {high:.4})");
    let Answers { validation, test, .. } = &found.last;
    let ours = |e: &Evaluation| within(e.accuracy, e.accuracy_interval);
    table.weighted(
        Weight::Strong,
        [
            "final model".to_owned(),
            "this run".into(),
            ours(validation),
            test.as_ref().map(ours).unwrap_or_default(),
        ],
    );
    for result in &found.baselines {
        let part = |name| {
            let part = result.part(name);
            part.map(|part| within(part.accuracy, part.accuracy_interval)).unwrap_or_default()
        };
        let seconds = format!("{:.1}", result.seconds.train + result.seconds.predict);
        let (validation, test) = (part(PartName::Validation), part(PartName::Test));
        table.row([result.baseline.clone(), "this run".into(), validation, test, seconds]);
        for other in &result.published {
            let accuracy = format!("{:.3}", other.accuracy);
            let cells = [other.name.clone(), other.source.clone(), String::new(), accuracy];
            table.weighted(Weight::Faint, cells);
        }
    }
    let note = "Our results are on this report's split, with its training images; published results were \
                trained on 60,000 images and measured on the official test part.";
    vec![Block::Table(table), Block::Note(note.into())]
}

fn parts(found: &ReproductionResults) -> Vec<Block> {
    let headings = ["variant", "settings", "train acc", "val acc", "mean of epochs", "done"];
    let mut table = Table::new(headings).text_columns(2);
    for variant in &found.ablation.variants {
        table.row(ablate::cells(variant));
    }
    let text = format!(
        "The selected configuration{} without one part, {} epochs, mean and deviation over seeds.",
        ablation_difference(found),
        found.ablation_epochs
    );
    let mut blocks = vec![Block::Text(text), Block::Table(table)];
    let curves: Vec<figures::RunCurves<'_>> = found
        .curves
        .iter()
        .map(|(name, epochs)| figures::RunCurves { name, epochs, best_epoch: None })
        .collect();
    if !curves.is_empty() {
        let panels = figures::comparison_curves(&curves);
        let figure = Figure::panels("residual", "With and without residual connections", panels)
            .caption("Means over seeds: does the residual connection speed up training?");
        blocks.push(Block::Figures(vec![figure]));
    }
    blocks
}
