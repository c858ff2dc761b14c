//! Compares the samplers with Optuna's on the same functions (`scripts/judge_by_optuna.py`).

use std::f64::consts::PI;

use modiste_search::{Coordinates, Dimension, Draws, Observation, Sampler, Values, survivors};
use serde_json::Value;

/// A function that asks for the dimensions that it needs by name and returns its value.
type Function = fn(Ask<'_>) -> f64;

/// Returns the value of a dimension by its name.
type Ask<'a> = &'a mut dyn FnMut(&str) -> f64;

fn number(field: &str, low: f64, high: f64, log: bool) -> Dimension {
    Dimension { field: field.into(), values: Values::Number { low, high, log } }
}

fn choice(field: &str, choices: &[&str]) -> Dimension {
    let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
    Dimension { field: field.into(), values: Values::Choice { choices } }
}

fn branin(ask: Ask<'_>) -> f64 {
    let (x, y) = (ask("x"), ask("y"));
    let a = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    a * a + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

fn hartmann6(ask: Ask<'_>) -> f64 {
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
        [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
        [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
        [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
    ];
    let x: Vec<f64> = (0..6).map(|j| ask(&format!("x{j}"))).collect();
    let inner = |i: usize| -> f64 {
        (0..6).map(|j| A[i][j] * (x[j] - 1e-4 * P[i][j]).powi(2)).sum::<f64>()
    };
    -[1.0, 1.2, 3.0, 3.2].iter().enumerate().map(|(i, c)| c * (-inner(i)).exp()).sum::<f64>()
}

fn mixed(ask: Ask<'_>) -> f64 {
    let (rate, width, kind) = (ask("rate"), ask("width"), ask("kind") as usize);
    let base = (rate.log10() + 2.5).powi(2) + 0.01 * (width - 20.0).powi(2);
    let value = base + [1.0, 0.0, 3.0][kind];
    if kind == 1 { value + 4.0 * (ask("momentum") - 0.7).powi(2) } else { value }
}

/// The best value of `trials` trials.
fn best(
    dims: &[Dimension],
    function: &dyn Fn(Ask<'_>) -> f64,
    sampler: Sampler,
    seed: u64,
    trials: usize,
) -> f64 {
    let mut tried: Vec<(Coordinates, f64)> = Vec::new();
    let mut best = f64::INFINITY;
    for trial in 0..trials {
        let mut draws = Draws::new(seed, trial, 0);
        let together = sampler.draw_together(dims, &tried, &mut draws);
        let mut drawn: Coordinates = vec![None; dims.len()];
        let value = function(&mut |name| {
            let at = dims.iter().position(|d| d.field == name).unwrap();
            let alone = || -> Vec<Observation> {
                tried.iter().filter_map(|(c, loss)| Some((c[at]?, *loss))).collect()
            };
            let draw = || sampler.draw(&dims[at], &alone(), &mut draws);
            let coordinate = together[at].unwrap_or_else(draw);
            drawn[at] = Some(coordinate);
            match dims[at].choices() {
                Some(_) => coordinate,
                None => dims[at].value(coordinate).parse().unwrap(),
            }
        });
        tried.push((drawn, value));
        best = best.min(value);
    }
    best
}

/// Our sampler must be as good as Optuna's: the means differ by at most two standard errors of the
/// difference, or ours is better. On the functions, the Parzen estimator must beat random draws; on a small
/// table, neither Optuna's nor ours does.
fn expect_as_good(name: &str, dims: &[Dimension], function: &dyn Fn(Ask<'_>) -> f64) {
    let judge: Value = serde_json::from_str(include_str!("optuna.json")).unwrap();
    let seeds = judge["seeds"].as_u64().unwrap();
    let trials = judge[name]["trials"].as_u64().unwrap() as usize;
    let of = |sampler: Sampler, kind: &str| {
        let values: Vec<f64> =
            (0..seeds).map(|seed| best(dims, function, sampler, seed, trials)).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let theirs = |what: &str| judge[name][kind][what].as_f64().unwrap();
        let error = ((variance + theirs("deviation").powi(2)) / n).sqrt();
        println!(
            "{name}, {kind}: {mean:.4} ± {:.4}; Optuna {:.4} ± {:.4}",
            variance.sqrt(),
            theirs("mean"),
            theirs("deviation")
        );
        assert!(mean <= theirs("mean") + 2.0 * error, "{name}, {kind}: {mean}");
        mean
    };
    let (random, tpe) = (of(Sampler::Random, "random"), of(Sampler::Tpe, "tpe"));
    assert!(
        tpe <= random || name == "table",
        "{name}: {tpe} is no better than random draws, {random}"
    );
}

fn expect_function(name: &str, dims: &[Dimension], function: Function) {
    expect_as_good(name, dims, &function);
}

#[test]
fn on_branin_as_good_as_optuna() {
    let dims = [number("x", -5.0, 10.0, false), number("y", 0.0, 15.0, false)];
    expect_function("branin", &dims, branin);
}

#[test]
fn on_hartmann_as_good_as_optuna() {
    let dims: Vec<Dimension> = (0..6).map(|j| number(&format!("x{j}"), 0.0, 1.0, false)).collect();
    expect_function("hartmann6", &dims, hartmann6);
}

#[test]
fn with_conditional_fields_as_good_as_optuna() {
    let dims = [
        number("rate", 1e-5, 1.0, true),
        Dimension { field: "width".into(), values: Values::Whole { low: 1, high: 32, log: false } },
        choice("kind", &["a", "b", "c"]),
        number("momentum", 0.0, 1.0, false),
    ];
    expect_function("mixed", &dims, mixed);
}

/// A recorded grid of real trials: validation accuracy after each of 16 epochs (docs/search.md describes
/// how it was recorded).
struct Table {
    dims: Vec<Dimension>,
    /// The coordinates of each trial, and its accuracies.
    rows: Vec<(Vec<f64>, Vec<f64>)>,
}

fn table() -> Table {
    let mut lines = include_str!("trials.csv").lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let fields = header.iter().position(|name| name.starts_with("epoch_")).unwrap();
    let cells: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let dims: Vec<Dimension> = (0..fields)
        .map(|at| {
            let mut choices: Vec<&str> = Vec::new();
            for row in &cells {
                if !choices.contains(&row[at]) {
                    choices.push(row[at]);
                }
            }
            choice(header[at], &choices)
        })
        .collect();
    let row = |row: &Vec<&str>| {
        let at = |i: usize| dims[i].coordinate(row[i]).unwrap();
        let accuracies = row[fields..].iter().map(|cell| cell.parse().unwrap());
        ((0..fields).map(at).collect(), accuracies.collect())
    };
    let rows = cells.iter().map(row).collect();
    Table { dims, rows }
}

fn highest(accuracies: &[f64]) -> f64 {
    accuracies.iter().copied().fold(0.0, f64::max)
}

#[test]
fn on_recorded_trials_as_good_as_optuna() {
    let Table { dims, rows } = table();
    let function = |ask: Ask<'_>| {
        let at: Vec<f64> = dims.iter().map(|d| ask(&d.field)).collect();
        -highest(&rows.iter().find(|row| row.0 == at).unwrap().1)
    };
    expect_as_good("table", &dims, &function);
}

/// Halving takes a fifth of the grid's epochs and finds a trial within one standard error of the best.
#[test]
fn halving_finds_the_best_of_recorded_trials_at_a_fifth_of_the_epochs() {
    let Table { rows, .. } = table();
    let all = rows[0].1.len();
    let best = rows.iter().map(|row| highest(&row.1)).fold(0.0, f64::max);
    let error = (best * (1.0 - best) / VALIDATION_IMAGES).sqrt();
    let (mut alive, mut done, mut epochs): (Vec<usize>, usize, usize) =
        ((0..rows.len()).collect(), 0, 1);
    let mut trained = 0;
    loop {
        trained += alive.len() * (epochs - done);
        if epochs == all {
            break;
        }
        let losses = alive.iter().map(|&i| (-highest(&rows[i].1[..epochs]), i)).collect();
        alive = survivors(losses, 4);
        (done, epochs) = (epochs, (4 * epochs).min(all));
    }
    let found = alive.iter().map(|&i| highest(&rows[i].1)).fold(0.0, f64::max);
    let share = trained as f64 / (all * rows.len()) as f64;
    println!(
        "found {found:.4}, the grid's best is {best:.4} ± {error:.4}; {share:.3} of its epochs"
    );
    assert!(share <= 0.2, "{share}");
    assert!(found >= best - error, "{found} of {best}");
}

/// Number of epochs of the recorded trials.
const VALIDATION_IMAGES: f64 = 400.0;
