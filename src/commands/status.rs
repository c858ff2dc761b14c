//! `modiste status`: the state of the trials in a results folder, and how to continue.

use std::fmt;

use modiste_search::{Status, TrialPhase, ranges, shell};
use modiste_views::Table;
use serde::Serialize;

use crate::cli::StatusArgs;
use crate::failure::Failure;
use crate::output;

/// Number of trials listed one by one in the text.
const SHOWN: usize = 20;

/// What is printed.
#[derive(Serialize)]
struct StatusText {
    #[serde(flatten)]
    status: Status,
    done: usize,
    paused: usize,
    running: usize,
    waiting: usize,
    failed: usize,
    /// How to continue: commands or advice, one per line.
    next: Vec<String>,
}

/// Reads and prints.
pub fn run(args: StatusArgs) -> Result<(), Failure> {
    let status = Status::read(&args.folder)?;
    Ok(output::print_either(&StatusText::new(status), args.json)?)
}

impl StatusText {
    fn new(status: Status) -> Self {
        let count = |wanted: fn(&TrialPhase) -> bool| status.numbers(wanted).len();
        let mut told = Self {
            done: count(|s| matches!(s, TrialPhase::Done { .. })),
            paused: count(|s| matches!(s, TrialPhase::Paused { .. })),
            running: count(|s| matches!(s, TrialPhase::Running { .. })),
            waiting: count(|s| matches!(s, TrialPhase::Waiting { .. })),
            failed: count(|s| matches!(s, TrialPhase::Failed { .. })),
            next: Vec::new(),
            status,
        };
        told.next = told.next_steps();
        told
    }

    fn next_steps(&self) -> Vec<String> {
        let Self { status, waiting, running, failed, .. } = self;
        let out = shell(&status.out.display().to_string());
        let command = &status.command;
        let mut next = Vec::new();
        let left = status.numbers(|s| matches!(s, TrialPhase::Waiting { .. }));
        if let Some(first) = left.first() {
            next.push(format!("modiste {command} --out {out} --trial {first}"));
            next.push(format!(
                "sbatch --array={} FILE, where FILE is the script of: modiste {command} --plan slurm",
                ranges(&left)
            ));
        }
        if *failed > 0 {
            let text = "trials that failed keep their folders; remove one to train it again, or \
                        leave it out of the grid";
            next.push(text.to_owned());
        }
        if command == "search" && *waiting + *running == 0 {
            next.push(format!("modiste search --out {out} plans the next trials, if any are left"));
        }
        next
    }
}

impl fmt::Display for StatusText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, done, paused, running, waiting, failed, next } = self;
        let all = status.trials.len();
        write!(f, "{}: {all} trials of modiste {}: ", status.out.display(), status.command)?;
        write!(f, "{done} done, ")?;
        if *paused > 0 {
            write!(f, "{paused} done for now, ")?;
        }
        writeln!(f, "{running} running, {waiting} waiting, {failed} failed")?;
        let mut table = Table::new(3, ["trial", "name", "state"]);
        let mut rows = 0;
        for trial in &status.trials {
            let text = match &trial.phase {
                TrialPhase::Running { epochs, holder } => {
                    let who = holder.as_ref().map(|h| format!(": {h}")).unwrap_or_default();
                    format!("running, {epochs} epochs done{who}")
                }
                TrialPhase::Failed { why, .. } => format!("failed: {why}"),
                TrialPhase::Done { .. }
                | TrialPhase::Paused { .. }
                | TrialPhase::Waiting { .. } => {
                    continue;
                }
            };
            rows += 1;
            if rows <= SHOWN {
                table.row([trial.trial.to_string(), trial.name.clone(), text]);
            }
        }
        if rows > 0 {
            write!(f, "\n{table}")?;
        }
        if rows > SHOWN {
            writeln!(f, "and {} more; --json lists all", rows - SHOWN)?;
        }
        let left = status.numbers(|s| matches!(s, TrialPhase::Waiting { .. }));
        if !left.is_empty() {
            writeln!(f, "\nwaiting: {}", ranges(&left))?;
        }
        if !next.is_empty() {
            writeln!(f, "\nto continue:")?;
            next.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}
