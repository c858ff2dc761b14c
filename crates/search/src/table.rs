//! The table of a grid: one row per combination, with means over seeds and folds, gains as in the paper's
//! table 1, and published numbers.

use std::path::Path;

use modiste_model::{csv_text, guarded};
use modiste_train::Config;
use serde::Serialize;
use serde_json::{Value, json};

use crate::name::label;
use crate::{
    Gain, Grid, Numbers, Published, Row, Selection, Size, Spread, TrialProgress, TrialResult,
    select,
};

/// The results of a grid so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    /// The varied fields.
    pub fields: Vec<String>,
    /// One row per combination, in the order of [`Grid::points`].
    pub rows: Vec<Row>,
    /// One per trial, in the order of [`Grid::trials`].
    pub trials: Vec<TrialResult>,
    /// The best combination; `None` while no row is complete.
    pub selection: Option<Selection>,
}

impl Results {
    /// Collects the results of the trials; `states` is in the order of [`Grid::trials`], `sizes` in that
    /// of [`Grid::points`]. `published` returns the published values of a configuration.
    pub fn new(
        grid: &Grid,
        states: &[TrialProgress],
        sizes: &[Size],
        published: impl Fn(&Config) -> Option<Published>,
    ) -> Self {
        let trials: Vec<TrialResult> = grid
            .trials()
            .into_iter()
            .zip(states)
            .map(|(trial, state)| TrialResult {
                name: trial.name,
                row: trial.point,
                seed: trial.seed,
                fold: trial.fold,
                state: state.to_string(),
                numbers: state.numbers().copied(),
            })
            .collect();
        // The trials of a point are consecutive.
        let of_points = trials.chunk_by(|a, b| a.row == b.row);
        let points = grid.points().iter().zip(sizes);
        let mut rows: Vec<Row> = points
            .zip(of_points)
            .map(|((point, size), trials)| {
                row(point.values.clone(), *size, trials, published(&point.config))
            })
            .collect();
        let gains: Vec<Vec<Gain>> = (0..rows.len()).map(|i| gains(grid, &rows, i)).collect();
        for (row, gains) in rows.iter_mut().zip(gains) {
            row.gains = gains;
        }
        let selection = select(&rows);
        let fields = grid.over().iter().map(|axis| axis.field.clone()).collect();
        Self { fields, rows, trials, selection }
    }

    /// The file `results.json`: the results with the folder they lie in.
    pub fn json(&self, out: &Path) -> Value {
        json!({
            "out": out.display().to_string(),
            "complete": self.complete(),
            "fields": self.fields,
            "rows": self.rows,
            "trials": self.trials,
            "selection": self.selection,
        })
    }

    /// Whether all trials are done.
    pub fn complete(&self) -> bool {
        self.rows.iter().all(|row| row.done == row.trials)
    }
}

fn row(
    values: Vec<String>,
    size: Size,
    trials: &[TrialResult],
    published: Option<Published>,
) -> Row {
    let done: Vec<&Numbers> = trials.iter().filter_map(|trial| trial.numbers.as_ref()).collect();
    let spread = |of: fn(&Numbers) -> Option<f64>| {
        let values: Option<Vec<f64>> = done.iter().map(|numbers| of(numbers)).collect();
        Spread::of(&values?)
    };
    Row {
        values,
        parameters: size.parameters,
        validation_images: size.validation_images,
        trials: trials.len(),
        done: done.len(),
        train: spread(|numbers| Some(numbers.last.train_accuracy)),
        validation: spread(|numbers| numbers.best.validation_accuracy),
        auroc: spread(|numbers| numbers.best.validation_auroc),
        gains: Vec::new(),
        published,
    }
}

/// The gains of row `at` over the rows before it along each axis.
fn gains(grid: &Grid, rows: &[Row], at: usize) -> Vec<Gain> {
    let mut stride = 1;
    let mut gains = Vec::new();
    for axis in grid.over() {
        let first = (at / stride).is_multiple_of(axis.values.len());
        let before = (!first).then(|| &rows[at - stride]);
        let difference = |of: fn(&Row) -> Option<f64>| Some(of(&rows[at])? - of(before?)?);
        gains.push(Gain {
            train: difference(|row| complete(row)?.train.map(|train| train.mean)),
            validation: difference(|row| complete(row)?.validation.map(|spread| spread.mean)),
            published_train: difference(|row| row.published.map(|row| row.train_accuracy)),
        });
        stride *= axis.values.len();
    }
    gains
}

/// The row if all its trials are done, because means over different seeds are not comparable.
fn complete(row: &Row) -> Option<&Row> {
    (row.done == row.trials).then_some(row)
}

/// `results.csv`, with one row per combination.
pub fn results_csv(results: &Results) -> String {
    let labels: Vec<&str> = results.fields.iter().map(|field| label(field)).collect();
    let mut header: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    header.extend(["parameters", "trials", "done"].map(str::to_owned));
    for name in ["train_accuracy", "validation_accuracy", "validation_auroc"] {
        header.extend([name.to_owned(), format!("{name}_deviation")]);
    }
    header.extend(labels.iter().map(|label| format!("train_gain_by_{label}")));
    header.extend(labels.iter().map(|label| format!("validation_gain_by_{label}")));
    header.extend(
        ["published_train_accuracy", "published_validation_accuracy", "published_parameters"]
            .map(str::to_owned),
    );
    let mut rows = vec![header.clone()];
    for row in &results.rows {
        let mut cells: Vec<String> = row.values.iter().map(|v| guarded(v).into_owned()).collect();
        cells.extend([row.parameters, row.trials, row.done].map(|n| n.to_string()));
        for spread in [&row.train, &row.validation, &row.auroc] {
            cells.push(number(spread.as_ref().map(|spread| spread.mean)));
            cells.push(number(spread.as_ref().and_then(|spread| spread.deviation)));
        }
        cells.extend(row.gains.iter().map(|gain| number(gain.train)));
        cells.extend(row.gains.iter().map(|gain| number(gain.validation)));
        cells.push(number(row.published.map(|row| row.train_accuracy)));
        cells.push(number(row.published.map(|row| row.validation_accuracy)));
        cells.push(row.published.map_or_else(String::new, |row| row.parameters.to_string()));
        rows.push(cells);
    }
    csv_text(rows)
}

/// `trials.csv`, with one row per trial.
pub fn trials_csv(results: &Results) -> String {
    let mut header = vec!["trial".to_owned()];
    header.extend(results.fields.iter().map(|field| label(field).to_owned()));
    header.extend(
        [
            "seed",
            "fold",
            "state",
            "epochs",
            "best_epoch",
            "train_accuracy",
            "train_loss",
            "validation_accuracy",
            "validation_loss",
            "validation_auroc",
            "last_train_accuracy",
            "last_validation_accuracy",
            "seconds",
        ]
        .map(str::to_owned),
    );
    let mut rows = vec![header.clone()];
    for trial in &results.trials {
        let mut cells = vec![guarded(&trial.name).into_owned()];
        cells.extend(results.rows[trial.row].values.iter().map(|v| guarded(v).into_owned()));
        cells.push(trial.seed.to_string());
        cells.push(trial.fold.map_or_else(String::new, |fold| fold.to_string()));
        cells.push(trial.state.clone());
        let Some(Numbers { epochs, best, last, seconds, .. }) = trial.numbers else {
            cells.resize(header.len(), String::new());
            rows.push(cells);
            continue;
        };
        cells.extend([epochs, best.epoch].map(|n| n.to_string()));
        cells.extend([best.train_accuracy, best.train_loss].map(|value| value.to_string()));
        let validated = [best.validation_accuracy, best.validation_loss, best.validation_auroc];
        cells.extend(validated.map(number));
        cells.push(last.train_accuracy.to_string());
        cells.push(number(last.validation_accuracy));
        cells.push(seconds.to_string());
        rows.push(cells);
    }
    csv_text(rows)
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
