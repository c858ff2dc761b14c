//! Results have the same bits for any number of threads, and for images one by one or in a batch.

use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_reference::check::{batch, networks, perturbed_state};
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, State, Step, Weights};
use modiste_spec::{Engine, InceptionResNet, Network, Shape};

fn engine(network: &Network, isa: Isa, threads: usize) -> CpuEngine {
    let mut engine =
        CpuEngine::new(network, CpuOptions { batch: 16, threads, isa, direct: false }).unwrap();
    engine.load_state(&perturbed_state(network, 3)).unwrap();
    engine
}

/// Step number `number` (from 0), with averaged weights.
fn nth(number: usize, loss: &Loss) -> Step<'_> {
    let optimiser = Optimiser::Adam(Adam { weight_decay: 0.01, ..Adam::default() });
    let (number, average) = (number as u64, Some(0.5));
    Step { number, seed: 7, learning_rate: 1e-3, optimiser, loss, rates: &[], average }
}

/// A few steps of full and ragged batches, then predictions.
fn train(network: &Network, isa: Isa, threads: usize) -> (State, Vec<u64>, Vec<u32>) {
    let mut engine = engine(network, isa, threads);
    let loss = Loss { label_smoothing: 0.1, class_weights: None };
    let mut losses = Vec::new();
    for (step, n) in [16, 3, 1, 9].into_iter().enumerate() {
        let (images, labels) = batch(network, n, step as u64);
        let totals = engine.train_step(Batch::of_classes(&images, &labels), &nth(step, &loss));
        losses.push(totals.unwrap().loss.to_bits());
    }
    let logits = engine.predict(&batch(network, 5, 9).0, Weights::Average).unwrap();
    (engine.state(), losses, logits.iter().map(|v| v.to_bits()).collect())
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let settings = InceptionResNet { length: 1, width: 3, ..InceptionResNet::default() };
    let paper = settings.network(Shape::new(28, 28, 1), 10).unwrap();
    for (name, network) in networks().into_iter().chain([("paper's kind", paper)]) {
        for isa in Isa::available() {
            let one = train(&network, isa, 1);
            for threads in [2, 3, 5, 11] {
                let many = train(&network, isa, threads);
                assert!(one == many, "{name}, {}, {threads} threads", isa.name());
            }
        }
    }
}

#[test]
fn a_batch_of_more_shards_gives_the_same_bits_too() {
    let (name, network) = networks().swap_remove(0);
    let step = |threads| {
        let options = CpuOptions { batch: 200, threads, isa: Isa::best(), direct: false };
        let mut engine = CpuEngine::new(&network, options).unwrap();
        let (images, labels) = batch(&network, 200, 4);
        let loss = Loss { label_smoothing: 0.0, class_weights: None };
        engine.train_step(Batch::of_classes(&images, &labels), &nth(0, &loss)).unwrap();
        engine.state()
    };
    let one = step(1);
    assert!([2, 7, 40].into_iter().all(|threads| step(threads) == one), "{name}");
}

#[test]
fn an_image_alone_gives_the_bits_it_gives_in_a_batch() {
    for (name, network) in networks() {
        let mut engine = engine(&network, Isa::best(), 3);
        let (images, _) = batch(&network, 20, 1);
        let together = engine.predict(&images, Weights::Current).unwrap();
        let image = network.input_shape().len();
        let mut predict = |one| engine.predict(one, Weights::Current).unwrap();
        let alone: Vec<f32> = images.chunks(image).flat_map(&mut predict).collect();
        assert!(alone == together, "{name}");
    }
}
