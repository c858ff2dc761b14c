//! The machine and software of a run. Results do not depend on it; comparisons of speed do.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modiste_files::{MAX_TEXT, read_text};
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// One start of a run; `environment.json` holds a list of them, to which each resume adds one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Start time in UTC, as in `2026-11-23T17:05:00Z`.
    pub started: String,
    /// Steps of the run that were done before.
    pub steps_done: u64,
    /// Version of modiste.
    pub modiste: String,
    /// Commit it was built from, if known.
    pub commit: Option<String>,
    /// Operating system and architecture.
    pub system: String,
    /// Name of the processor, if the system reports it.
    pub cpu: Option<String>,
    /// Processors that this process may use.
    pub cores: Option<usize>,
    /// The engine's description of itself: device, instruction set, threads.
    pub engine: String,
}

impl Environment {
    /// This machine, now.
    pub fn here(engine: String, steps_done: u64) -> Self {
        Self {
            started: utc(SystemTime::now()),
            steps_done,
            modiste: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("MODISTE_COMMIT").map(str::to_owned),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu_name(),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            engine,
        }
    }
}

/// Reads the starts listed in `environment.json` of a run folder.
///
/// # Errors
/// If the file cannot be read or is damaged.
pub fn read_environment(path: &Path) -> Result<Vec<Environment>, ModelError> {
    let text = read_text(path, MAX_TEXT)?;
    serde_json::from_str(&text)
        .map_err(|error| ModelError::file(path, format!("is damaged: {error}")))
}

/// Linux' name of the processor; other systems have no file that contains it.
fn cpu_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Date and time in UTC to the second, in the format of RFC 3339.
pub fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last one; month m of such a year begins
/// at day (153 m + 2) / 5 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468; // from 0000-03-01
    let era = day / 146_097; // of 400 years
    let of_era = day % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    (year + 400 * era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with `date -u -d @SECONDS`.
    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(at(1_795_453_509), "2026-11-23T17:05:09Z");
    }
}
