//! Compares the CPU engine (training and prediction) and the exported ONNX model in another runtime with
//! the reference on any number of random networks.
//!
//! `cargo run --release -p modiste-export --example networks -- FIRST COUNT` prints a line for every
//! network that differs and one for every thousand networks; to continue a run that was stopped, give the
//! last number that it printed as FIRST.

#[path = "../tests/common/mod.rs"]
#[allow(dead_code)] // this example uses only a part of the module
mod common;

use common::{TOLERANCE, difference};
use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_reference::check::{
    LARGEST_BATCH, Trial, batch, check_random, perturbed_state, random_network,
};

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(Ok(first)), Some(Ok(count))) = (numbers.next(), numbers.next()) else {
        eprintln!("usage: networks FIRST COUNT");
        std::process::exit(2);
    };
    std::panic::set_hook(Box::new(|_| ())); // panics are printed as differences
    let isas = Isa::available();
    let (mut equal, mut refused, mut different) = (0u64, 0u64, 0u64);
    for seed in first..first + count {
        let isa = isas[seed as usize % isas.len()];
        let (threads, direct) = (1 + seed as usize % 2, seed % 5 == 0);
        let options = CpuOptions { batch: LARGEST_BATCH, threads, isa, direct };
        match check_random(seed, |network| CpuEngine::new(network, options)) {
            Ok(Trial::Equal) => equal += 1,
            Ok(Trial::Refused(_)) => refused += 1,
            Err(e) => {
                different += 1;
                println!("network {seed}, cpu {}: {e}", isa.name());
            }
        }
        let network = random_network(seed);
        let (state, images) = (perturbed_state(&network, seed), batch(&network, 2, seed).0);
        match difference(&network, &state, &images, 1.0) {
            Ok(found) if found <= TOLERANCE => (),
            Ok(found) => println!("network {seed}, onnx: probabilities differ by {found:e}"),
            Err(e) => println!("network {seed}, onnx: {e}"),
        }
        if (seed + 1) % 1000 == 0 || seed + 1 == first + count {
            let next = seed + 1;
            println!("up to {next}: cpu {equal} equal, {refused} refused, {different} different");
        }
    }
}
