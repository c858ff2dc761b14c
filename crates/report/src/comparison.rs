//! The page that compares several runs.

use modiste_draw::grouped;

use crate::figures::{RunCurves, comparison_curves};
use crate::format::{NONE, decimal, digits, duration, interval, optional};
use crate::page::{Block, Cell, Figure, Page, Table, Weight};
use crate::run::{PartReport, RunReport};

/// A page that compares runs: results, curves in shared charts, settings that differ.
pub fn comparison(runs: &[RunReport]) -> Page {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let mut page = Page::new("Comparison of runs", names.join(" · "));
    page.section("Results", results(runs));
    page.section("Training", curves(runs));
    let (differing, common) = settings(runs);
    let mut blocks = Vec::new();
    match differing.rows.is_empty() {
        true => blocks.push(Block::Text("The runs have the same settings.".into())),
        false => blocks.push(Block::Table(differing)),
    }
    if !common.rows.is_empty() {
        blocks.push(Block::Details("Settings in common".into(), vec![Block::Table(common)]));
    }
    page.section("Settings that differ", blocks);
    page
}

fn results(runs: &[RunReport]) -> Vec<Block> {
    let mut headings = vec!["run", "validation accuracy", "loss", "AUROC"];
    let tested = runs.iter().any(|run| run.part("test").is_some());
    if tested {
        headings.push("test accuracy");
    }
    headings.extend(["training accuracy", "best epoch", "parameters", "time"]);
    let mut table = Table::new(headings);
    let best = runs.iter().map(accuracy).fold(f64::NEG_INFINITY, f64::max);
    for run in runs {
        let weight = if accuracy(run) == best { Weight::Strong } else { Weight::Plain };
        table.weighted(weight, row(run, tested));
    }
    let note = "Results of each run's best epoch; the highest validation accuracy is bold. Ranges are \
                95 % intervals from the number of images: runs whose ranges overlap a lot may differ \
                only by chance. Numbers without a range are from the epoch's row, where training \
                accuracy is measured while the network is still learning.";
    vec![Block::Table(table), Block::Note(note.into())]
}

/// The validation accuracy of the best epoch.
fn accuracy(run: &RunReport) -> f64 {
    let row = || run.best().and_then(|row| row.validation_accuracy).unwrap_or(f64::NEG_INFINITY);
    run.part("validation").map_or_else(row, |part| part.evaluation.accuracy)
}

fn row(run: &RunReport, tested: bool) -> Vec<Cell> {
    let accuracy = |part: &PartReport| {
        let (value, images) = (&part.evaluation, part.evaluation.images);
        let range = interval(value.accuracy_interval, digits(images));
        Cell::with_note(decimal(value.accuracy, digits(images)), range)
    };
    let best = run.best();
    let from_row = |value: Option<f64>| Cell::from(optional(value, 4));
    let mut cells = vec![Cell::from(run.name.clone())];
    match run.part("validation") {
        Some(part) => cells.extend([
            accuracy(part),
            decimal(part.evaluation.loss, 4).into(),
            optional(part.evaluation.auroc, 4).into(),
        ]),
        None => cells.extend([
            from_row(best.and_then(|row| row.validation_accuracy)),
            from_row(best.and_then(|row| row.validation_loss)),
            from_row(best.and_then(|row| row.validation_auroc)),
        ]),
    }
    if tested {
        cells.push(run.part("test").map_or_else(|| NONE.into(), accuracy));
    }
    let train = run.part("train").map(accuracy);
    cells.push(train.unwrap_or_else(|| from_row(best.map(|row| row.train_accuracy))));
    let epoch = run.best_epoch.map_or_else(|| NONE.into(), |epoch| epoch.to_string());
    cells.extend([
        format!("{epoch} of {}", run.epochs.len()).into(),
        if run.parameters > 0 { grouped(run.parameters) } else { NONE.into() }.into(),
        duration(run.seconds()).into(),
    ]);
    cells
}

fn curves(runs: &[RunReport]) -> Vec<Block> {
    let lines: Vec<RunCurves<'_>> = runs
        .iter()
        .map(|run| RunCurves { name: &run.name, epochs: &run.epochs, best_epoch: run.best_epoch })
        .collect();
    match comparison_curves(&lines) {
        drawings if drawings.is_empty() => Vec::new(),
        drawings => {
            vec![Block::Figures(vec![Figure::panels("curves", "Training curves", drawings)])]
        }
    }
}

/// The settings that differ, with one column per run, and the settings that all runs share.
fn settings(runs: &[RunReport]) -> (Table, Table) {
    let mut fields: Vec<&str> = Vec::new();
    for (field, _) in runs.iter().flat_map(|run| &run.settings) {
        if !fields.contains(&field.as_str()) {
            fields.push(field);
        }
    }
    let names = runs.iter().map(|run| run.name.as_str());
    let mut differing =
        Table::new(["setting"].into_iter().chain(names)).text_columns(runs.len() + 1);
    let mut common = Table::new(["setting", "value"]).text_columns(2);
    for field in fields {
        let value = |run: &RunReport| {
            let found = run.settings.iter().find(|(name, _)| name == field);
            found.map_or_else(|| NONE.to_owned(), |(_, value)| value.clone())
        };
        let values: Vec<String> = runs.iter().map(value).collect();
        match values.windows(2).all(|pair| pair[0] == pair[1]) {
            true => common.row([field.to_owned(), values[0].clone()]),
            false => differing.row([field.to_owned()].into_iter().chain(values)),
        }
    }
    (differing, common)
}
