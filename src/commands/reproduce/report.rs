//! The report of a reproduction: ours beside what was published, and what became of every claim.

use std::path::Path;

use modiste_data::DataInfo;
use modiste_metrics::Evaluation;
use modiste_search::{
    PUBLISHED_BEST, SELECTION_RULE, Side, VERDICT_RULE, Verdict, class_bias, gap, hard_class, label,
};
use modiste_views::grouped;

use super::markdown::table;
use super::{Answers, Found, verdicts};
use crate::commands::grid::results::{settings, spread};
use crate::commands::{ablate, grid};

/// The verdicts on what the paper says of its data and its final model.
pub fn judge(data: &DataInfo, last: &Answers) -> Vec<Verdict> {
    let shares = data.parts.iter().flat_map(|part| part.classes.iter().map(|class| class.share));
    let even = 1.0 / data.classes.len().max(1) as f64;
    let uneven = shares.map(|share| (share - even).abs()).fold(0.0, f64::max);
    let images = data.parts.iter().map(|part| part.images).sum();
    let mut verdicts = vec![Verdict::new(
        "classes are balanced in every part",
        "largest distance between a class's share and an even one",
        (Some(uneven), Some([uneven, uneven])),
        images,
        (Side::Below, 0.01),
    )];
    let Answers { train, validation, .. } = last;
    let share = |part: &Evaluation| (part.accuracy, part.images as usize);
    let published = PUBLISHED_BEST.train_accuracy - PUBLISHED_BEST.validation_accuracy;
    verdicts.push(gap(share(train), share(validation), published));
    verdicts.push(class_bias(&validation.confusion));
    verdicts.extend(hard_class(&validation.confusion, &data.classes, "Shirt"));
    verdicts
}

/// What is printed at the end.
pub fn text(out: &Path, found: &Found) -> String {
    let best = &found.last.validation;
    let out = out.display();
    let chosen: Vec<String> =
        found.selected.iter().map(|(field, value)| format!("{}={value}", label(field))).collect();
    format!(
        "\n{}\nselected {}; final validation accuracy {:.4}, published {:.3}\n\n{}\n\
         report.md, report.json, and the folders grid, final, ablation: {out}\n",
        grid::results::table(&found.grid),
        chosen.join(", "),
        best.accuracy,
        PUBLISHED_BEST.validation_accuracy,
        verdicts::text(&found.verdicts),
    )
}

/// `report.md`.
pub fn markdown(found: &Found) -> String {
    let title =
        "# Reproduction of \"An InceptionResnet based Image Classifier for Fashion-MNIST Dataset\"";
    let quick = match found.quick {
        true => {
            "\n**Quick: few images, small networks, few epochs. It shows the way; its numbers say nothing.**\n"
        }
        false => "",
    };
    [
        format!("{title}\n{quick}"),
        data(found),
        grid_section(found),
        final_section(found),
        classes(found),
        ablation(found),
        claims(found),
    ]
    .join("\n")
}

fn data(found: &Found) -> String {
    let rows = |part: &modiste_data::PartInfo| {
        let share =
            |of: fn(f64, f64) -> f64, from| part.classes.iter().map(|c| c.share).fold(from, of);
        vec![
            part.part.to_string(),
            grouped(part.images as u64),
            format!("{:.1} %", 100.0 * share(f64::min, 1.0)),
            format!("{:.1} %", 100.0 * share(f64::max, 0.0)),
            if part.balanced { "yes" } else { "no" }.to_owned(),
        ]
    };
    let rows: Vec<_> = found.data.parts.iter().map(rows).collect();
    let duplicates: usize = found.data.duplicates.iter().map(|count| count.images).sum();
    format!(
        "## Data\n\n{}, split {}; {duplicates} duplicates.\n\n{}",
        found.data.name,
        found.data.split,
        table(1, &["part", "images", "rarest class", "commonest class", "balanced"], &rows)
    )
}

fn grid_section(found: &Found) -> String {
    let results = &found.grid;
    let labels: Vec<&str> = results.fields.iter().map(|field| label(field)).collect();
    let mut headings: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    headings.push("train acc".into());
    headings.extend(labels.iter().map(|label| format!("by {label}")));
    headings
        .extend(["val acc", "parameters", "paper: train", "val", "parameters"].map(str::to_owned));
    let rows: Vec<Vec<String>> =
        results.rows.iter().map(|row| grid::results::cells(row, true)).collect();
    let selected = results.selection.as_ref().map_or_else(String::new, |selection| {
        let row = &results.rows[selection.row];
        format!(
            "\nSelected: {}, validation accuracy {}. The rule: {SELECTION_RULE}.\n",
            settings(results, row),
            spread(row.validation.as_ref())
        )
    });
    format!(
        "## Grid (table 1), {} epochs\n\nTraining accuracy after the last epoch, as trained on; validation \
         accuracy of the best epoch. Seeds a row: {}.\n\n{}{selected}",
        found.base.training.epochs,
        results.rows.first().map_or(0, |row| row.trials),
        table(labels.len(), &headings, &rows)
    )
}

fn final_section(found: &Found) -> String {
    let Answers { best, last, train, validation, test, parameters } = &found.last;
    let paper = &PUBLISHED_BEST;
    let four = |value: f64| format!("{value:.4}");
    let within = |e: &Evaluation| {
        let [low, high] = e.accuracy_interval;
        format!("{:.4} ({low:.4} to {high:.4})", e.accuracy)
    };
    let auroc = |e: &Evaluation| e.auroc.map_or_else(|| "-".to_owned(), four);
    let mut rows = vec![
        vec![
            "train accuracy, last epoch, as trained on".into(),
            four(last.train_accuracy),
            four(paper.train_accuracy),
        ],
        vec![
            "train loss, last epoch, as trained on".into(),
            four(last.train_loss),
            four(paper.train_loss),
        ],
        vec!["train accuracy, without dropout".into(), within(train), "-".into()],
        vec!["validation accuracy".into(), within(validation), four(paper.validation_accuracy)],
        vec!["validation loss".into(), four(validation.loss), "-".into()],
        vec!["validation AUROC".into(), auroc(validation), four(paper.auroc)],
        vec!["best epoch".into(), best.epoch.to_string(), paper.best_epoch.to_string()],
        vec!["parameters".into(), grouped(*parameters as u64), "1,100,000".into()],
    ];
    if let Some(test) = test {
        rows.push(vec!["test accuracy, nothing was chosen by it".into(), within(test), "-".into()]);
        rows.push(vec!["test AUROC".into(), auroc(test), "-".into()]);
    }
    format!(
        "## Final training (table 2)\n\nFrom scratch, {} epochs; the numbers are of the best epoch's model \
         with 95 % intervals. Curves and confusion matrix: [final/report.html](final/report.html).\n\n{}",
        last.epoch,
        table(1, &["", "ours", "paper"], &rows)
    )
}

fn classes(found: &Found) -> String {
    let rows: Vec<Vec<String>> = found
        .last
        .validation
        .classes
        .iter()
        .map(|class| {
            let numbers = [class.precision, class.recall, class.f1].map(|n| format!("{n:.4}"));
            std::iter::once(class.name.clone()).chain(numbers).collect()
        })
        .collect();
    let headings = ["class", "precision", "recall", "F1"];
    format!("## Classes, validation part\n\n{}", table(1, &headings, &rows))
}

fn ablation(found: &Found) -> String {
    let cells = |variant| ablate::cells(variant).to_vec();
    let rows: Vec<Vec<String>> = found.ablation.variants.iter().map(cells).collect();
    format!(
        "## Parts of the method, {} epochs\n\nThe selected configuration without one part; mean and deviation \
         over seeds. Validation accuracy against epoch: `ablation/curves.csv`.\n\n{}",
        found.base.training.epochs,
        table(2, &["variant", "settings", "train acc", "val acc", "mean of epochs", "done"], &rows)
    )
}

fn claims(found: &Found) -> String {
    let rows: Vec<Vec<String>> = found
        .verdicts
        .iter()
        .map(|verdict| {
            let mut cells = verdicts::cells(verdict).to_vec();
            cells.push(verdict.measure.clone());
            cells
        })
        .collect();
    let mut headings = verdicts::HEADINGS.to_vec();
    headings.push("what is measured");
    format!("## What holds up\n\nThe rule: {VERDICT_RULE}.\n\n{}", table(2, &headings, &rows))
}
