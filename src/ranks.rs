//! The ranks that this process is one of, if `mpirun` or `srun` started several: who speaks, what all
//! must have alike, and how a failure of one becomes the failure of all.
//!
//! Commands that divide their work call [`join`] first; for all others a process is always alone. Rank 0
//! alone writes files and speaks.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, anyhow};
use modiste_mpi::{Launch, Talk, Team, first_difference};
use modiste_spec::engine::Exchange;
use modiste_train::Config;

use crate::failure::Failure;
use crate::output;

/// What all ranks must have alike: names and values.
pub type Facts = Vec<(String, String)>;

static TEAM: OnceLock<Team> = OnceLock::new();

/// How long a rank waits for the others in one exchange before it gives up, in seconds, unless
/// [`PATIENCE_VARIABLE`] says otherwise: longer than any of them loads data or writes files.
const PATIENCE: f64 = 300.0;
const PATIENCE_VARIABLE: &str = "MODISTE_EXCHANGE_SECONDS";
/// How long a rank that failed waits for rank 0 to tell the same failure.
const DEFERENCE: Duration = Duration::from_secs(3);

/// Joins the other ranks, if there are any.
pub fn join() -> Result<(), Failure> {
    let Some(team) = Team::join(patience()?, stalled).map_err(Failure::Usage)? else {
        return Ok(());
    };
    output::mute(team.rank() > 0);
    let (rank, host) = (team.rank(), team.host().to_owned());
    std::panic::set_hook(Box::new(move |panic| {
        output::mute(false);
        output::note(&format!("modiste: rank {rank} on {host}: {panic}"));
    }));
    assert!(TEAM.set(team).is_ok(), "a process joins once");
    Ok(())
}

fn patience() -> Result<Duration, Failure> {
    let Ok(text) = std::env::var(PATIENCE_VARIABLE) else {
        return Ok(Duration::from_secs_f64(PATIENCE));
    };
    let seconds = text.parse().ok().filter(|seconds| (1.0..=1e6).contains(seconds));
    let problem =
        || format!("{PATIENCE_VARIABLE}: {text:?} is not a number of seconds from 1 to 1e6");
    Ok(Duration::from_secs_f64(seconds.ok_or_else(|| Failure::Usage(problem()))?))
}

/// Ends this rank because others do not answer; `mpirun` then ends the rest.
fn stalled(waited: Duration) {
    output::mute(false);
    let seconds = waited.as_secs();
    output::note(&format!(
        "modiste: {}waited {seconds} s for the other ranks: one has died, hangs or is cut off; \
         train --resume goes on from the last checkpoint",
        TEAM.get().map(name).unwrap_or_default()
    ));
    std::process::exit(1)
}

/// `rank 2 on hostb: `.
fn name(team: &Team) -> String {
    format!("rank {} on {}: ", team.rank(), team.host())
}

/// Whether this process is one of several ranks.
pub fn several() -> bool {
    TEAM.get().is_some()
}

/// Whether this process writes files: it is rank 0, or alone.
pub fn is_first() -> bool {
    TEAM.get().is_none_or(|team| team.rank() == 0)
}

/// What engines share their work through; `None` if this process is alone.
pub fn exchange() -> Option<Box<dyn Exchange>> {
    TEAM.get().map(Team::exchange)
}

/// `result`, if all ranks succeeded. Otherwise all fail, and rank 0 tells why the first one did.
pub fn agree<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    let Some(team) = TEAM.get() else { return result };
    let told = match &result {
        Ok(_) => Vec::new(),
        Err(failure) => report_of(team, failure),
    };
    let all = team.exchange().all(&told).map_err(unreachable)?;
    match all.iter().find(|told| !told.is_empty()) {
        None => result,
        Some(told) => Err(fail_alike(told)),
    }
}

/// What rank 0 makes; the others only receive it.
pub fn first_makes(make: impl FnOnce() -> Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    let Some(team) = TEAM.get() else { return make() };
    let made = if team.rank() == 0 { make() } else { Ok(Vec::new()) };
    let bytes = agree(made)?;
    team.exchange().of_first(&bytes).map_err(unreachable)
}

/// Fails unless all ranks have the same program, instruction set and `facts`.
pub fn check_alike(facts: Facts) -> Result<(), Failure> {
    let Some(team) = TEAM.get() else { return Ok(()) };
    let set = modiste_cpu::Isa::best().name().to_owned();
    let mut all_facts = vec![("the instruction set".to_owned(), set)];
    all_facts.push(("the program's checksum".to_owned(), agree(checksum_of_program())?));
    all_facts.extend(facts);
    let told = serde_json::to_vec(&(team.host(), all_facts))?;
    let all = team.exchange().all(&told).map_err(unreachable)?;
    let told = |told: &Vec<u8>| serde_json::from_slice::<(String, Facts)>(told);
    let all: Result<Vec<_>, _> = all.iter().map(told).collect();
    let (hosts, facts): (Vec<_>, Vec<_>) = all?.into_iter().unzip();
    let Some((rank, what, [here, there])) = first_difference(&facts) else { return Ok(()) };
    let host = &hosts[rank];
    Err(fail_alike(&coded(
        1,
        &format!(
            "rank {rank} on {host}: {what} is {there}, but {here} on rank 0; start all ranks with the \
             same program, data and settings"
        ),
    )))
}

/// The facts of a configuration that decide a result. Where the data lie is not one of them: each rank may
/// have its own copy.
pub fn facts_of(config: &Config) -> Facts {
    let settings = config.settings().into_iter();
    let decides = |path: &str| !["data.source", "data.exclude"].contains(&path);
    settings
        .filter(|setting| decides(setting.path))
        .map(|setting| (setting.path.to_owned(), setting.value))
        .collect()
}

fn checksum_of_program() -> Result<String, Failure> {
    let path = std::env::current_exe().context("this program's own file")?;
    let bytes = std::fs::read(&path).with_context(|| format!("{}: not read", path.display()))?;
    Ok(format!("{:08x}", crc32fast::hash(&bytes)))
}

/// What this rank has to tell of its failure: the exit status and a line.
fn report_of(team: &Team, failure: &Failure) -> Vec<u8> {
    let line = failure.line().unwrap_or_default();
    let name = if team.rank() == 0 { String::new() } else { name(team) };
    coded(failure.status(), &format!("{name}{line}"))
}

fn coded(status: u8, line: &str) -> Vec<u8> {
    [&[status], line.as_bytes()].concat()
}

/// All ranks fail with what one has to tell; rank 0 tells it.
fn fail_alike(told: &[u8]) -> Failure {
    let (status, line) = told.split_first().expect("a report has a status");
    output::note(&format!("modiste: {}", String::from_utf8_lossy(line)));
    Failure::Told(*status)
}

fn unreachable(error: std::io::Error) -> Failure {
    anyhow!("exchange with the other ranks: {error}").into()
}

/// Ends the process: reports a failure, and makes one that the other ranks do not know theirs.
pub fn end(result: Result<(), Failure>) -> ExitCode {
    let Some(team) = TEAM.get() else {
        return result.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS);
    };
    match result {
        Ok(()) => {
            team.end();
            ExitCode::SUCCESS
        }
        // All ranks have decided these together.
        Err(failure @ (Failure::Told(_) | Failure::Interrupted(_))) => {
            let status = failure.report();
            team.end();
            status
        }
        Err(failure) => {
            if team.rank() > 0 {
                std::thread::sleep(DEFERENCE);
            }
            output::mute(false);
            let line = String::from_utf8_lossy(&report_of(team, &failure)[1..]).into_owned();
            output::note(&format!("modiste: {line}"));
            team.abort(failure.status())
        }
    }
}

/// Shows what is wrong with what was typed, or the help that was asked for; of several ranks, the first
/// one does.
pub fn wrong_usage(error: &clap::Error) -> ExitCode {
    if Launch::of_environment().rank == 0 {
        error.exit();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
