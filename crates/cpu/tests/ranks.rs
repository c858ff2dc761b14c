//! Several engines that share the work give the same bytes as one.

use modiste_cpu::{CpuEngine, CpuOptions, Isa, ThreadExchange};
use modiste_reference::check::{Settings, batch, networks, perturbed_state, shares};
use modiste_spec::engine::{Batch, EngineError, Exchange, State, Targets, Totals, Weights};
use modiste_spec::{Engine, Network};
use std::io;

/// Number of images in each step: full and ragged batches, and fewer images than ranks.
const BATCHES: [usize; 5] = [40, 13, 1, 3, 40];

fn engine(network: &Network, threads: usize) -> CpuEngine {
    let options = CpuOptions { batch: 40, threads, isa: Isa::best(), direct: false };
    let mut engine = CpuEngine::new(network, options).unwrap();
    engine.load_state(&perturbed_state(network, 3)).unwrap();
    engine
}

/// Trains with `settings`; returns the state, the totals and the logits of a few images.
fn train(engine: &mut CpuEngine, settings: &Settings) -> (State, Totals, Vec<f32>) {
    let network = engine.network().clone();
    let image = network.input_shape().len();
    let mut totals = Totals::default();
    for (number, n) in BATCHES.into_iter().enumerate() {
        let (images, labels) = batch(&network, n, number as u64);
        let shares = shares(&network, n, number as u64);
        let own = engine.share(n);
        // The uneven settings go with shares, so that both kinds of targets are exchanged.
        let targets = match settings.rates.is_empty() {
            true => Targets::Classes(&labels),
            false => Targets::Shares(&shares),
        };
        let batch = Batch { images: &images[own.start * image..own.end * image], targets };
        engine.submit(batch, &settings.step(number as u64)).unwrap();
    }
    engine.totals(&mut totals).unwrap();
    let weights = if settings.average.is_some() { Weights::Average } else { Weights::Current };
    let logits = engine.predict(&batch(&network, 7, 9).0, weights).unwrap();
    (engine.state(), totals, logits)
}

fn expect_same_bytes_as_one(name: &str, network: &Network, settings: &Settings, ranks: usize) {
    let alone = train(&mut engine(network, 2), settings);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let start = |(rank, exchange): (usize, ThreadExchange)| {
            // Ranks may have different numbers of threads.
            let mut engine = engine(network, 1 + rank % 2).with_exchange(Box::new(exchange));
            scope.spawn(move || train(&mut engine, settings))
        };
        let all: Vec<_> = ThreadExchange::team(ranks).into_iter().enumerate().map(start).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (rank, outcome) in outcomes.iter().enumerate() {
        assert!(*outcome == alone, "{name}: rank {rank} of {ranks} differs");
    }
}

#[test]
fn any_number_of_ranks_gives_the_same_bytes() {
    let wanted = |(name, _): &(&str, Network)| !name.starts_with("inception");
    for (name, network) in networks().into_iter().filter(wanted) {
        for ranks in [1, 2, 3, 4] {
            expect_same_bytes_as_one(
                name,
                &network,
                &Settings::demanding(network.classes()),
                ranks,
            );
        }
    }
}

#[test]
fn any_number_of_ranks_gives_the_same_bytes_with_every_method() {
    let (name, network) = networks().into_iter().find(|(name, _)| *name == "dropout").unwrap();
    let all = Settings::descents().into_iter().chain([Settings::uneven(&network)]);
    for (settings, ranks) in all.zip([2, 3, 4].into_iter().cycle()) {
        expect_same_bytes_as_one(name, &network, &settings, ranks);
    }
}

#[test]
fn more_ranks_than_shards_give_the_same_bytes() {
    let (name, network) = networks().into_iter().find(|(name, _)| *name == "dropout").unwrap();
    expect_same_bytes_as_one(name, &network, &Settings::uneven(&network), 11);
}

/// An exchange that cannot reach the other ranks.
struct Cut;

impl Exchange for Cut {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        2
    }

    fn gather(&mut self, _: &mut [f32], _: &[usize]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the link is down"))
    }
}

#[test]
fn a_failed_exchange_is_an_engine_error() {
    let (_, network) = networks().swap_remove(0);
    let mut engine = engine(&network, 1).with_exchange(Box::new(Cut));
    let (images, labels) = batch(&network, 4, 1);
    let own = engine.share(4).len() * network.input_shape().len();
    let settings = Settings::default();
    let step = settings.step(0);
    let error = engine.submit(Batch::of_classes(&images[..own], &labels), &step).unwrap_err();
    assert_eq!(error, EngineError::Exchange("the link is down".into()));
    assert_eq!(error.to_string(), "exchange with the other ranks: the link is down");
    // The pixels of the whole batch instead of this rank's part are refused before any exchange.
    let error = engine.submit(Batch::of_classes(&images, &labels), &step).unwrap_err();
    assert!(matches!(error, EngineError::Batch(_)), "{error}");
}

#[test]
fn ranks_do_not_wait_for_one_that_has_ended() {
    let (_, network) = networks().swap_remove(0);
    let mut team = ThreadExchange::team(2);
    drop(team.pop());
    let mut engine = engine(&network, 1).with_exchange(Box::new(team.remove(0)));
    let (images, labels) = batch(&network, 4, 1);
    let own = engine.share(4).len() * network.input_shape().len();
    let settings = Settings::default();
    let batch = Batch::of_classes(&images[..own], &labels);
    let error = engine.submit(batch, &settings.step(0)).unwrap_err();
    let text = "exchange with the other ranks: another rank has ended or failed";
    assert_eq!(error.to_string(), text);
}
