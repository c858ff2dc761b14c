//! Compares the engine with the reference on random networks.

use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_reference::check::{LARGEST_BATCH, Trial, check_random};
use std::collections::BTreeMap;

/// Number of networks in this test; `crates/export/examples/networks.rs` tries any number.
const NETWORKS: u64 = 300;

#[test]
fn random_networks_equal_the_reference_or_are_refused() {
    let isas = Isa::available();
    let (mut failures, mut refused) = (Vec::new(), BTreeMap::<String, u64>::new());
    for seed in 0..NETWORKS {
        let isa = isas[seed as usize % isas.len()];
        let threads = 1 + seed as usize % 3;
        let direct = seed % 5 == 0;
        let options = CpuOptions { batch: LARGEST_BATCH, threads, isa, direct };
        match check_random(seed, |network| CpuEngine::new(network, options)) {
            Ok(Trial::Equal) => (),
            Ok(Trial::Refused(reason)) => *refused.entry(reason).or_default() += 1,
            Err(e) => failures.push(format!("network {seed} on {}: {e}", isa.name())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let refused_in_all: u64 = refused.values().sum();
    assert!(refused_in_all <= NETWORKS / 20, "{refused:?}");
}
