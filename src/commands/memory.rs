//! Checks whether training fits into memory, before anything is allocated.

use modiste_cpu::{CpuOptions, engine_bytes};
use modiste_explain::Explainer;
use modiste_spec::Network;
use modiste_spec::engine::Optimiser;

use crate::failure::Failure;

/// Memory needs of at least this many bytes are printed.
const WORTH_SAYING: u64 = 1 << 30;

/// A line about the memory that training `network` takes, if it is a lot.
///
/// # Errors
/// If the machine does not have that much; the error names a batch that fits, if there is one.
pub fn check(
    network: &Network,
    options: &CpuOptions,
    optimiser: &Optimiser,
) -> Result<Option<String>, Failure> {
    let need = engine_bytes(network, options, optimiser);
    let available = modiste_data::free_memory().unwrap_or(u64::MAX);
    if need > available {
        let text = format!(
            "training with --batch {} needs about {}, but only {} is available; {}",
            options.batch,
            shown(need),
            shown(available),
            advice(network, options, optimiser, available)
        );
        return Err(Failure::Failed(anyhow::anyhow!(text)));
    }
    Ok((need > WORTH_SAYING).then(|| format!("training needs about {} of memory", shown(need))))
}

/// Checks whether there is enough memory for heat maps of `network`.
///
/// # Errors
/// If the machine does not have the memory for them.
pub fn check_explaining(network: &Network) -> Result<(), String> {
    let need = Explainer::bytes(network);
    match modiste_data::free_memory() {
        Some(free) if need > free => {
            let [need, free] = [need, free].map(shown);
            Err(format!("explaining takes about {need}, but only {free} is available"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Advice on what would fit.
fn advice(
    network: &Network,
    options: &CpuOptions,
    optimiser: &Optimiser,
    available: u64,
) -> String {
    let halves = std::iter::successors(Some(options.batch / 2), |batch| Some(batch / 2));
    let fits = |&batch: &usize| {
        engine_bytes(network, &CpuOptions { batch, ..*options }, optimiser) <= available
    };
    let shape = network.input_shape();
    match halves.take_while(|&batch| batch > 0).find(fits) {
        Some(batch) => format!("--batch {batch} fits"),
        None => format!("use pictures smaller than {shape}, or a smaller network"),
    }
}

/// A number of bytes in a readable unit.
pub fn shown(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}
