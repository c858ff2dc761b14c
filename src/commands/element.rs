//! Trains one trial of a planned results folder, as an element of a job array, and prints submissions of
//! arrays.

use std::path::Path;

use modiste_model::RunFolder;
use modiste_search::{Elements, Scheduler, SearchError, Shard, Task, shell, submission};

use crate::cli::WorkerArgs;
use crate::commands::{grid, trials};
use crate::failure::Failure;
use crate::output;

/// Trains trial `number` of the folder `out`, which `command` has planned. Returns whether all trials
/// are done, so that the tables can be written.
pub fn train(
    command: &str,
    out: &Path,
    number: usize,
    workers: &WorkerArgs,
) -> Result<bool, Failure> {
    let Some(elements) = Elements::load(out)? else {
        let problem = format!("has no plan; create one with modiste {command} --plan");
        return Err(SearchError::conflict(out.display().to_string(), problem).into());
    };
    check_command(&elements, command, out)?;
    let task = elements.task(out, number).map_err(grid::usage)?;
    note_other_process(number, &task)?;
    let failed = trials::run_left(&[task], Shard::WHOLE, workers, &mut |_| Ok(()))?;
    trials::check(&failed, 1)?;
    Ok(elements.all().iter().all(|element| {
        let run = RunFolder::new(Elements::folder(out, element));
        element.until.is_none() && run.is_finished()
    }))
}

/// Fails if another command planned the folder, because its table has another form.
fn check_command(elements: &Elements, command: &str, out: &Path) -> Result<(), Failure> {
    let planned = &elements.command;
    match planned == command {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "{}: was planned by modiste {planned}; train its trials with that",
            out.display()
        ))),
    }
}

/// Notes that another process is training the trial; this one waits, and takes over if that one dies.
fn note_other_process(number: usize, task: &Task) -> Result<(), Failure> {
    if let Some(holder) = modiste_train::Holder::of(&task.folder)? {
        let who = holder.known().map(|holder| format!(" by {holder}")).unwrap_or_default();
        output::note(&format!(
            "modiste: trial {number} ({}) is in use{who}; waiting until it is done or free",
            task.name
        ));
    }
    Ok(())
}

/// Prints a submission with which `scheduler` trains the trials of `out` that are not done.
pub fn print_plan(scheduler: Scheduler, command: &str, out: &Path) -> Result<(), Failure> {
    let elements = Elements::load(out)?.expect("the plan was written");
    let run = |i: &usize| RunFolder::new(Elements::folder(out, &elements.all()[*i]));
    let left: Vec<usize> = (0..elements.all().len()).filter(|i| !run(i).is_finished()).collect();
    if left.is_empty() {
        let out = shell(&out.display().to_string());
        output::note(&format!(
            "modiste: all trials are done; write the tables with modiste {command} --out {out}"
        ));
        return Ok(());
    }
    Ok(output::print_raw(&submission(scheduler, command, out, &left))?)
}
