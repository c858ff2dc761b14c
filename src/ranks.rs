//! Ranks: several processes started by `mpirun` or `srun` that train together. Decides which one prints,
//! checks what all must agree on, and turns a failure of one into a failure of all.
//!
//! Commands that divide their work call [`join`] first; in other commands every process is on its own.
//! Only rank 0 writes files and prints.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, anyhow};
use modiste_mpi::{Launch, RankMessages, Team, first_difference};
use modiste_spec::engine::Exchange;
use modiste_train::Config;

use crate::failure::Failure;
use crate::output;

/// Names and values of what all ranks must agree on.
pub type Facts = Vec<(String, String)>;

static TEAM: OnceLock<Team> = OnceLock::new();

/// Seconds that a rank waits for the others in one exchange before it gives up, unless
/// [`PATIENCE_VARIABLE`] is set: longer than loading data or writing files should take.
const PATIENCE: f64 = 300.0;
const PATIENCE_VARIABLE: &str = "MODISTE_EXCHANGE_SECONDS";
/// How long a failed rank waits for rank 0 to report the failure.
const DEFERENCE: Duration = Duration::from_secs(3);

/// Joins the other ranks, if there are any.
pub fn join() -> Result<(), Failure> {
    let Some(team) = Team::join(patience()?, stalled).map_err(Failure::Usage)? else {
        if let Some(tasks) = Launch::of_environment().lone_tasks {
            output::note(&format!(
                "modiste: note: srun started {tasks} tasks without MPI, and each works alone; srun \
                 --mpi=pmix makes them the ranks of one training"
            ));
        }
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
         train --resume continues from the last checkpoint",
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

/// The exchange through which engines share their work; `None` if this process is alone.
pub fn exchange() -> Option<Box<dyn Exchange>> {
    TEAM.get().map(Team::exchange)
}

/// Returns `result` if all ranks succeeded. Otherwise all fail, and rank 0 reports the first failure.
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

/// Computes a value on rank 0 and sends it to the others.
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

/// The facts of a configuration that affect results. The path of the data is not one of them,
/// because each rank may have its own copy.
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

/// This rank's report of its failure: the exit status and a line.
fn report_of(team: &Team, failure: &Failure) -> Vec<u8> {
    let line = failure.line().unwrap_or_default();
    let name = if team.rank() == 0 { String::new() } else { name(team) };
    coded(failure.status(), &format!("{name}{line}"))
}

fn coded(status: u8, line: &str) -> Vec<u8> {
    [&[status], line.as_bytes()].concat()
}

/// Makes all ranks fail with one rank's report, which rank 0 prints.
fn fail_alike(told: &[u8]) -> Failure {
    let (status, line) = told.split_first().expect("a report has a status");
    output::note(&format!("modiste: {}", String::from_utf8_lossy(line)));
    Failure::Reported(*status)
}

fn unreachable(error: std::io::Error) -> Failure {
    anyhow!("exchange with the other ranks: {error}").into()
}

/// Ends the process: reports a failure, and makes the other ranks fail if they do not know about it.
pub fn end(result: Result<(), Failure>) -> ExitCode {
    let Some(team) = TEAM.get() else {
        return result.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS);
    };
    match result {
        Ok(()) => {
            team.end();
            ExitCode::SUCCESS
        }
        // All ranks know about these.
        Err(failure @ (Failure::Reported(_) | Failure::Interrupted(_))) => {
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

/// Prints a usage error or the requested help; with several ranks, only the first one prints.
pub fn wrong_usage(error: &clap::Error) -> ExitCode {
    if Launch::of_environment().rank == 0 {
        error.exit();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
