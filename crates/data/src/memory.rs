//! The amount of free memory, so that data too large for it is refused before anything is allocated.

use std::fs;

use crate::DataError;

/// Smaller sizes are not checked.
const SMALL: u64 = 1 << 24;

/// Bytes that the process can still allocate: the smallest of the machine's free memory, the rest of its
/// control group's limit and the rest of its own address space limit (`ulimit -v`); `None` if the
/// system does not report them.
pub fn free() -> Option<u64> {
    let read = |file: &str| fs::read_to_string(file).ok();
    let machine = read("/proc/meminfo").and_then(|text| kibibytes(&text, "MemAvailable:"));
    let number = |file: &str| -> Option<u64> { read(file)?.trim().parse().ok() };
    let left = |most: u64, used: u64| most.saturating_sub(used);
    let group = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    let limit = read("/proc/self/limits").and_then(|text| address_limit(&text));
    let taken = read("/proc/self/status").and_then(|text| kibibytes(&text, "VmSize:"));
    let process = limit.zip(taken);
    [
        machine,
        group.map(|(most, used)| left(most, used)),
        process.map(|(most, used)| left(most, used)),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// The line of `text` that begins with `name`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The address space limit in `/proc/self/limits`, in bytes; `None` if unlimited.
fn address_limit(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Checks that `bytes` of memory are free for data from `file`.
///
/// # Errors
/// If they are not free.
pub(crate) fn check(file: &str, bytes: u64) -> Result<(), DataError> {
    match free() {
        Some(free) if bytes > SMALL && bytes > free => {
            let [bytes, free] = [bytes, free].map(shown);
            let problem = format!("needs {bytes} of memory, but only {free} is free");
            Err(DataError::file(file, problem))
        }
        Some(_) | None => Ok(()),
    }
}

/// A number of bytes in a readable unit, as in `4.9 MB`.
pub(crate) fn shown(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.0} kB", (b / 1e3).ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_numbers_are_read_in_bytes() {
        assert_eq!(kibibytes("Name:\tx\nVmSize:\t    2048 kB\n", "VmSize:"), Some(2 << 20));
        assert_eq!(kibibytes("Name:\tx\n", "VmSize:"), None);
        let limits =
            |soft: &str| format!("Limit  Soft  Hard  Units\nMax address space  {soft}  9  bytes\n");
        assert_eq!(address_limit(&limits("4096")), Some(4096));
        assert_eq!(address_limit(&limits("unlimited")), None);
    }

    #[test]
    fn sizes_beyond_the_address_space_are_refused() {
        assert!(check("x.npy", SMALL).is_ok());
        let said = check("x.npy", u64::MAX).unwrap_err().to_string();
        assert!(said.starts_with("x.npy: needs 18446744073.7 GB of memory, "), "{said}");
    }
}
