//! The engine beside the reference and beside PyTorch's golden files.
#![cfg(feature = "gpu")]

use modiste_gpu::{GpuEngine, GpuOptions};
use modiste_reference::check::{
    LARGEST_BATCH, Tolerance, check_engine, check_golden, check_methods, golden, networks,
    unusual_networks,
};
use modiste_spec::Network;

/// As for the CPU engine: Adam divides a gradient by its own size, so that a rounding error of 1e-5 of the
/// largest gradient grows a hundredfold where the gradient itself is small.
const TOLERANCE: Tolerance = Tolerance { steps: 1e-2, ..Tolerance::F32 };

/// The adapter that tests use: any, named by the environment or the first.
fn engine(network: &Network) -> GpuEngine {
    let device = std::env::var("MODISTE_GPU").unwrap_or_else(|_| "0".into());
    let options = GpuOptions { batch: 8.max(LARGEST_BATCH), device: Some(device) };
    GpuEngine::new(network, &options).expect("a GPU, or lavapipe (mesa-vulkan-drivers)")
}

#[test]
fn every_operation_equals_the_reference() {
    let mut failures = Vec::new();
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        if let Err(e) = check_engine(&mut engine(&network), TOLERANCE) {
            failures.push(format!("{name}: {e}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_method_equals_the_reference() {
    let named = |(name, _): &(&str, Network)| *name == "dropout";
    let (_, network) = networks().into_iter().find(named).unwrap();
    check_methods(&mut engine(&network), TOLERANCE).unwrap();
}

#[test]
fn networks_equal_pytorch() {
    let mut failures = Vec::new();
    for case in golden() {
        if let Err(e) = check_golden(&mut engine(&case.network), &case, TOLERANCE) {
            failures.push(format!("{}: {e}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
