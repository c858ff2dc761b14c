//! What the machine offers and what the process took of it.

use std::num::NonZero;

/// Threads that the machine runs at once; 1 where the system does not say.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The most memory that the process had resident so far, in bytes; `None` where the system does
/// not say (it does on Linux, as `VmHWM` in `/proc/self/status`).
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    peak_in(&status)
}

/// Memory that can still be taken, in bytes: what is free and what the system would give back, or what
/// the process's control group leaves, whichever is less; `None` where the system does not say.
pub fn available_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let free = kibibytes_in(&meminfo, "MemAvailable:")?;
    let number = |file: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse().ok()
    };
    let left = number("memory.max").zip(number("memory.current"));
    Some(left.map_or(free, |(most, now)| free.min(most.saturating_sub(now))))
}

fn peak_in(status: &str) -> Option<u64> {
    kibibytes_in(status, "VmHWM:")
}

/// The line that begins with `name`, in bytes.
fn kibibytes_in(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_read_in_bytes() {
        assert_eq!(peak_in("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(peak_in("Name:\tx\n"), None);
    }
}
