//! The engine beside the reference on random networks.
#![cfg(feature = "gpu")]

use modiste_gpu::{GpuEngine, GpuOptions};
use modiste_reference::check::{LARGEST_BATCH, Trial, check_random};

/// Networks in the test command; `MODISTE_GPU_NETWORKS=FIRST..END` chooses others.
const NETWORKS: std::ops::Range<u64> = 0..20;

fn chosen() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("MODISTE_GPU_NETWORKS") else { return NETWORKS };
    let (first, end) = text.split_once("..").expect("FIRST..END");
    first.parse().unwrap()..end.parse().unwrap()
}

#[test]
fn random_networks_equal_the_reference() {
    let device = std::env::var("MODISTE_GPU").unwrap_or_else(|_| "0".into());
    let mut failures = Vec::new();
    for seed in chosen() {
        let options = GpuOptions { batch: LARGEST_BATCH, device: Some(device.clone()) };
        match check_random(seed, |network| GpuEngine::new(network, &options)) {
            Ok(Trial::Equal) => (),
            Ok(Trial::Refused(reason)) => failures.push(format!("network {seed}: {reason}")),
            Err(e) => failures.push(format!("network {seed}: {e}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
