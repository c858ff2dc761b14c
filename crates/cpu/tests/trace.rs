//! A trace records the steps of all threads while it is on, and only then.

use modiste_cpu::{CpuEngine, CpuOptions, Event, Profile};
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, Step, Weights};
use modiste_spec::{Engine, InceptionResNet, Shape};
use std::time::Instant;

/// Number of pixels in an image.
const IMAGE: usize = 28 * 28;

fn engine() -> CpuEngine {
    let settings =
        InceptionResNet { length: 1, width: 2, stem_stride: 2, ..InceptionResNet::default() };
    // Sixteen classes, because a plan also counts the lanes that pad a vector.
    let network = settings.network(Shape::new(28, 28, 1), 16).unwrap();
    CpuEngine::new(&network, CpuOptions { batch: 8, threads: 2, ..CpuOptions::default() }).unwrap()
}

fn train(engine: &mut CpuEngine) {
    let (images, labels) = (vec![7; 8 * IMAGE], vec![3; 8]);
    let (optimiser, loss) = (Optimiser::Adam(Adam::default()), &Loss::default());
    let (number, seed, learning_rate, rates, average) = (0, 0, 1e-3, &[], None);
    let step = Step { number, seed, learning_rate, optimiser, loss, rates, average };
    engine.train_step(Batch::of_classes(&images, &labels), &step).unwrap();
}

/// Multiply-adds of the events that `wanted` selects.
fn work(events: &[Event], wanted: impl Fn(&&Event) -> bool) -> u64 {
    events.iter().filter(wanted).map(|event| event.multiply_adds).sum()
}

#[test]
fn events_cover_a_training_step() {
    let mut engine = engine();
    train(&mut engine);
    assert!(engine.events().is_empty(), "recorded before the trace was on");
    engine.trace(true);
    let begun = Instant::now();
    train(&mut engine);
    let passed = begun.elapsed().as_secs_f64();
    let events = engine.events();
    let busy: f64 = events.iter().map(|event| event.seconds).sum();
    assert!(busy <= passed && events.iter().all(|event| event.start >= begun), "{busy} {passed}");
    let rest: Vec<_> = events.iter().filter(|e| e.method == "rest").map(|e| &e.name[..]).collect();
    assert_eq!(rest, ["filters", "conversion", "loss", "optimiser"]);
    // The forward pass does the work that the network counts, the backward pass twice as much.
    let (there, back) = (work(&events, |e| !e.backward), work(&events, |e| e.backward));
    assert_eq!((there, back), (8 * engine.network().multiply_adds(), 2 * there));
    assert!(engine.events().is_empty(), "an event was returned twice");
}

#[test]
fn threads_share_the_images_of_a_prediction() {
    let mut engine = engine();
    engine.trace(true);
    let all = engine.network().multiply_adds();
    for (images, threads) in [(1, 1), (8, 2)] {
        engine.predict(&vec![7; images * IMAGE], Weights::Current).unwrap();
        let events = engine.events();
        assert!(events.iter().all(|e| e.plan == "prediction" && e.thread < threads), "{images}");
        assert_eq!(work(&events, |_| true), images as u64 * all, "{images} images");
    }
    engine.trace(false);
    engine.predict(&[7; IMAGE], Weights::Current).unwrap();
    assert!(engine.events().is_empty(), "recorded after the trace was off");
}

#[test]
fn training_and_prediction_count_the_same_products() {
    let [training, prediction] = engine().profiles();
    let products = |profile: &Profile| profile.steps.iter().map(|s| s.products).sum::<u64>();
    assert_eq!(products(&training), products(&prediction));
    let direct: u64 = training.steps.iter().map(|step| step.multiply_adds).sum();
    assert!(products(&training) < direct, "{} of {direct}", products(&training));
}
