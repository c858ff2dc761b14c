//! `modiste search`: draws configurations, trains them rung by rung, and names the best.

use std::time::{Duration, Instant};

use modiste_search::{
    Budget, Candidate, Dimension, Halving, ResultsFolder, Search, SearchError, SearchFolder, Shard,
    Space, Task, label,
};
use modiste_spec::Network;
use modiste_spec::engine::{State, Weights};
use modiste_train::TrainError;
use modiste_views::Table;

use crate::cli::SearchArgs;
use crate::commands::{element, grid, trials};
use crate::failure::Failure;
use crate::{engine, output};

/// Number of predictions timed to find the median.
const PREDICTIONS: usize = 21;

/// Draws, trains and prints, or does one of these.
pub fn run(args: SearchArgs) -> Result<(), Failure> {
    if let Some(number) = args.element.trial {
        element::train("search", &args.out, number, &args.workers)?;
        return Ok(());
    }
    let mut folder = match args.over.is_empty() && args.out.join("search.toml").exists() {
        true => SearchFolder::of_folder(&args.out)?,
        false => {
            SearchFolder::open(search(&args)?, &args.out, &milliseconds).map_err(grid::usage)?
        }
    };
    // One process draws; others train what it has drawn, by --trial.
    let _folder = ResultsFolder::open(&args.out, Shard::WHOLE)?;
    if let Some(scheduler) = args.element.plan {
        let open = folder.advance(&milliseconds).map_err(grid::usage)?;
        if open.is_empty() {
            output::note("modiste: the search is finished");
            return show(&args, &folder);
        }
        let text = modiste_search::submission(scheduler, "search", &args.out, &open);
        output::note("modiste: when these trials are done, run the same command for the next ones");
        return Ok(output::print_raw(&text)?);
    }
    train(&args, &mut folder)?;
    show(&args, &folder)
}

/// Trains round after round, rung after rung.
fn train(args: &SearchArgs, folder: &mut SearchFolder) -> Result<(), Failure> {
    let began = Instant::now();
    let limit = args.minutes.map(|minutes| Duration::try_from_secs_f64(60.0 * minutes));
    let limit = limit.and_then(Result::ok).unwrap_or(Duration::MAX);
    while began.elapsed() < limit {
        let open = folder.advance(&milliseconds).map_err(grid::usage)?;
        if open.is_empty() {
            break;
        }
        let task = |number: usize| folder.elements().task(&args.out, number);
        let tasks: Vec<Task> = open.into_iter().map(task).collect::<Result<_, SearchError>>()?;
        // A trial that fails counts as worse than all others; the search continues.
        trials::run_left(&tasks, Shard::WHOLE, &args.workers, &mut |_| Ok(()))?;
        folder.write()?;
    }
    Ok(())
}

/// The search that the arguments describe.
fn search(args: &SearchArgs) -> Result<Search, Failure> {
    let base = grid::base_of_trials(&args.trial)?;
    let dimension = |(field, text): &(String, String)| Dimension::parse(field, text);
    let dimensions: Result<Vec<Dimension>, SearchError> = args.over.iter().map(dimension).collect();
    let space = dimensions.and_then(|dimensions| Space::new(&base, dimensions));
    let epochs = args.min_epochs;
    Ok(Search {
        trials: args.trials,
        round: args.round,
        seeds: args.seeds,
        seed: args.search_seed,
        objective: args.objective.into(),
        sampler: args.sampler.into(),
        halving: args.halving.map(|factor| Halving { factor, epochs }),
        budget: Budget {
            parameters: args.max_parameters,
            multiply_adds: args.max_multiply_adds,
            milliseconds: args.max_ms,
        },
        space: space.map_err(grid::usage)?,
        base,
    })
}

/// Median milliseconds to predict one image on one thread.
fn milliseconds(network: &Network) -> Result<f64, SearchError> {
    let fail = |error| SearchError::from(TrainError::from(error));
    let mut engine = engine::new(network, 1, 1).map_err(fail)?;
    engine.load_state(&State::initial(network, 0)).map_err(fail)?;
    let image = vec![128; network.input_shape().len()];
    let mut times = Vec::new();
    for _ in 0..PREDICTIONS {
        let clock = Instant::now();
        engine.predict(&image, Weights::Current).map_err(fail)?;
        times.push(1e3 * clock.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[PREDICTIONS / 2])
}

fn show(args: &SearchArgs, folder: &SearchFolder) -> Result<(), Failure> {
    let candidates = folder.write()?;
    match args.json {
        true => output::print_json(&folder.json(&candidates))?,
        false => output::print(&text(args, folder, &candidates)?)?,
    }
    Ok(())
}

/// The best trials, the fields that mattered, and the command that trains the winner.
fn text(
    args: &SearchArgs,
    folder: &SearchFolder,
    candidates: &[Candidate],
) -> Result<String, SearchError> {
    let dimensions = folder.search.space.dimensions();
    let mut headings = vec!["trial".to_owned()];
    headings.extend(dimensions.iter().map(|d| label(&d.field).to_owned()));
    headings.extend(["epochs", folder.search.objective.name(), "state"].map(str::to_owned));
    let mut table = Table::new(1, headings);
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    let loss = |c: &Candidate| {
        c.score.map_or(f64::INFINITY, |score| folder.search.objective.loss(score.mean))
    };
    order.sort_by(|a, b| b.epochs.cmp(&a.epochs).then(loss(a).total_cmp(&loss(b))));
    for candidate in order.iter().take(10) {
        let mut row = vec![candidate.number.to_string()];
        row.extend(candidate.values.iter().cloned());
        row.push(candidate.epochs.to_string());
        row.push(grid::results::spread(candidate.score.as_ref()));
        row.push(candidate.state().to_owned());
        table.row(row);
    }
    let mut text = format!("\n{table}");
    if candidates.len() > 10 {
        text += &format!("the best 10 of {}\n", candidates.len());
    }
    let importance = modiste_search::importance(folder, candidates);
    let mattered: Vec<String> = dimensions
        .iter()
        .zip(importance)
        .map(|(d, share)| format!("{} {:.0} %", label(&d.field), 100.0 * share))
        .collect();
    text += &format!("\nvariance explained by each field: {}\n", mattered.join(", "));
    text += &format!("epochs trained: {}\n", folder.epochs_trained()?);
    if let Some(best) = folder.best(candidates) {
        text += &format!(
            "\nthe best is trial {}; train it again with\n  {}\n",
            best.number,
            folder.command(best)
        );
    }
    let out = args.out.display();
    Ok(text
        + &format!(
            "\nsearch.html, results.csv, results.json and one run folder per trial: {out}\n"
        ))
}
