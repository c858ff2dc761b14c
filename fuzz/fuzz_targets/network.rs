//! Descriptions of networks are refused in one line, or listed, planned and, if small, run on one image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_cpu::{CpuEngine, CpuOptions, engine_bytes};
use modiste_spec::engine::{EngineError, Muon, Optimiser, Weights};
use modiste_spec::{Engine, Network};
use modiste_views::Summary;

/// Larger networks are planned but not run, because the fuzzer allows a second for each input.
const BYTES: u64 = 1 << 22;
const MULTIPLY_ADDS: u64 = 1 << 19;

fuzz_target!(|bytes: &[u8]| {
    // An error may quote the input; the code that shows it escapes control characters.
    let Ok(network) = serde_json::from_slice::<Network>(bytes) else { return };
    let written = serde_json::to_vec(&network).unwrap();
    assert_eq!(serde_json::from_slice::<Network>(&written).unwrap(), network);
    let summary = Summary::new(&network);
    assert_eq!(summary.to_string().lines().count(), network.nodes().len() + 2);
    let options = CpuOptions { batch: 2, threads: 1, ..CpuOptions::default() };
    if engine_bytes(&network, &options, &Optimiser::Muon(Muon::default())) > BYTES || network.multiply_adds() > MULTIPLY_ADDS {
        return;
    }
    match CpuEngine::new(&network, options) {
        Ok(mut engine) => {
            let images = vec![7; 2 * network.input_shape().len()];
            let logits = engine.predict(&images, Weights::Current).unwrap();
            assert_eq!(logits.len(), 2 * network.classes());
        }
        Err(EngineError::Unsupported(_)) => (),
        Err(other) => panic!("{other}"),
    }
});
