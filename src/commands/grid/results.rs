//! Formats a grid's results as text, like the paper's table 1.

use std::path::Path;

use modiste_search::{Results, Row, SELECTION_RULE, Spread, label};
use modiste_views::{Table, grouped};

/// The table, the selection, and the number of missing trials.
pub fn text(out: &Path, results: &Results) -> String {
    let mut text = format!("\n{}", table(results));
    if let Some(selection) = &results.selection {
        let row = &results.rows[selection.row];
        let among = match selection.candidates.len() {
            1 => String::new(),
            n => format!(" of {n} within {:.4}", selection.standard_error),
        };
        text += &format!(
            "\nselected{among}: {}, validation accuracy {}\nby the rule: {SELECTION_RULE}\n",
            settings(results, row),
            spread(row.validation.as_ref()),
        );
    }
    let missing = results.trials.iter().filter(|trial| trial.numbers.is_none()).count();
    if missing > 0 {
        let all = results.trials.len();
        text += &format!(
            "\n{missing} of {all} trials are not done; run the same command to continue\n"
        );
    }
    let out = out.display();
    text + &format!("\nresults.csv, results.json, trials.csv and one run folder per trial: {out}\n")
}

/// The settings of a row, as in `length=3, width=4`.
pub fn settings(results: &Results, row: &Row) -> String {
    let setting = |(field, value): (&String, &String)| format!("{}={value}", label(field));
    results.fields.iter().zip(&row.values).map(setting).collect::<Vec<_>>().join(", ")
}

/// The headings of [`cells`].
pub fn headings(results: &Results, published: bool) -> Vec<String> {
    let labels = || results.fields.iter().map(|field| label(field));
    let mut headings: Vec<String> = labels().map(str::to_owned).collect();
    headings.push("train acc".into());
    headings.extend(labels().map(|label| format!("by {label}")));
    headings.extend(["val acc", "parameters"].map(str::to_owned));
    if published {
        headings.extend(["paper: train", "val", "parameters"].map(str::to_owned));
    }
    headings
}

/// A table with one row per combination, and the paper's numbers if it has any.
pub fn table(results: &Results) -> Table {
    let published = results.rows.iter().any(|row| row.published.is_some());
    let repeated = results.rows.iter().any(|row| row.trials > 1);
    let mut headings = headings(results, published);
    if repeated {
        headings.push("done".into());
    }
    let mut table = Table::new(results.fields.len(), headings);
    for row in &results.rows {
        let mut cells = cells(row, published);
        if repeated {
            cells.push(format!("{}/{}", row.done, row.trials));
        }
        table.row(cells);
    }
    table
}

/// The cells of a row: values, training accuracy and gains, validation accuracy, parameters, and
/// if `published`, the paper's accuracies and parameters.
pub fn cells(row: &Row, published: bool) -> Vec<String> {
    let mut cells = row.values.clone();
    cells.push(spread(row.train.as_ref()));
    cells.extend(row.gains.iter().map(|gain| signed(gain.train)));
    cells.push(spread(row.validation.as_ref()));
    cells.push(grouped(row.parameters as u64));
    if published {
        cells.extend(match row.published {
            Some(paper) => [
                format!("{:.3}", paper.train_accuracy),
                format!("{:.3}", paper.validation_accuracy),
                grouped(paper.parameters as u64),
            ],
            None => ["-", "-", "-"].map(str::to_owned),
        });
    }
    cells
}

/// A mean such as `0.9123`, or with its deviation `0.9123 ± 0.0021`.
pub fn spread(spread: Option<&Spread>) -> String {
    match spread {
        None => "-".to_owned(),
        Some(Spread { mean, deviation: None, .. }) => format!("{mean:.4}"),
        Some(Spread { mean, deviation: Some(deviation), .. }) => {
            format!("{mean:.4} ± {deviation:.4}")
        }
    }
}

fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.4}"))
}
