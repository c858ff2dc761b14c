//! Compares the engine with the reference and with PyTorch's golden files, on every instruction set of
//! the host and with several numbers of threads.

use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_reference::check::{
    LARGEST_BATCH, Tolerance, check_engine, check_golden, check_methods, golden, networks,
    unusual_networks,
};
use modiste_spec::engine::{State, Weights};
use modiste_spec::{Engine, Network, NetworkBuilder, Op, Shape};

/// Adam divides a gradient by its own size, so a rounding error of 1e-5 of the largest gradient
/// grows a hundredfold where the gradient itself is small.
const TOLERANCE: Tolerance = Tolerance { steps: 1e-2, ..Tolerance::F32 };

fn engine(network: &Network, isa: Isa, threads: usize) -> CpuEngine {
    let options = CpuOptions { batch: 8.max(LARGEST_BATCH), threads, isa, direct: false };
    CpuEngine::new(network, options).unwrap()
}

#[test]
fn every_operation_equals_the_reference_on_every_instruction_set() {
    let mut failures = Vec::new();
    for isa in Isa::available() {
        for (name, network) in networks().into_iter().chain(unusual_networks()) {
            if let Err(e) = check_engine(&mut engine(&network, isa, 2), TOLERANCE) {
                failures.push(format!("{name} on {}: {e}", isa.name()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// More convolutions than a pool's limit of parts; all but one of them read the same map.
fn many_convolutions() -> Network {
    let conv = |channels| Op::Conv { kernel: 1, stride: 1, channels, bias: false };
    let mut b = NetworkBuilder::default();
    let image = b.add("image", Op::Input { shape: Shape::new(2, 2, 1) }, &[]).unwrap();
    let stem = b.add("stem", conv(2), &[image]).unwrap();
    let mut joined = Vec::new();
    for group in 0..6 {
        let head = |i| format!("head{group}.{i}");
        let heads: Vec<_> = (0..700).map(|i| b.add(head(i), conv(1), &[stem]).unwrap()).collect();
        joined.push(b.add(format!("join{group}"), Op::Concat, &heads).unwrap());
    }
    let all = b.add("join", Op::Concat, &joined).unwrap();
    let mean = b.add("mean", Op::GlobalAvgPool, &[all]).unwrap();
    let dense = b.add("dense", Op::Dense { units: 3 }, &[mean]).unwrap();
    b.add("probabilities", Op::Softmax, &[dense]).unwrap();
    b.finish().unwrap()
}

#[test]
fn thousands_of_convolutions_equal_the_reference() {
    let network = many_convolutions();
    check_engine(&mut engine(&network, Isa::best(), 2), TOLERANCE).unwrap();
}

#[test]
fn every_method_equals_the_reference() {
    let named = |(name, _): &(&str, Network)| *name == "dropout";
    let (_, network) = networks().into_iter().find(named).unwrap();
    for (isa, threads) in Isa::available().into_iter().zip([3, 1, 2].into_iter().cycle()) {
        check_methods(&mut engine(&network, isa, threads), TOLERANCE)
            .unwrap_or_else(|e| panic!("{}: {e}", isa.name()));
    }
}

#[test]
fn direct_convolutions_agree_with_pytorch() {
    let case = golden().into_iter().next().expect("there are golden files");
    let options = CpuOptions { batch: LARGEST_BATCH.max(8), threads: 2, ..CpuOptions::default() };
    let mut fast = CpuEngine::new(&case.network, options).unwrap();
    let mut direct = CpuEngine::new(&case.network, CpuOptions { direct: true, ..options }).unwrap();
    check_golden(&mut direct, &case, TOLERANCE).unwrap();
    // The results differ in rounding, which shows that another method computed them.
    let state = State::initial(&case.network, 0);
    let images: Vec<u8> = (0..case.network.input_shape().len()).map(|i| (i * 37) as u8).collect();
    let answers = [&mut fast, &mut direct].map(|engine| {
        engine.load_state(&state).unwrap();
        engine.predict(&images, Weights::Current).unwrap()
    });
    assert_ne!(answers[0], answers[1]);
}

#[test]
fn networks_agree_with_pytorch() {
    let mut failures = Vec::new();
    for case in golden() {
        for threads in [1, 3] {
            let mut engine = engine(&case.network, Isa::best(), threads);
            if let Err(e) = check_golden(&mut engine, &case, TOLERANCE) {
                failures.push(format!("{}: {e}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
