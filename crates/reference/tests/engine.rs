//! The rules of the trait `Engine`: saving and loading states, running statistics, refusals.

use modiste_reference::check::{Settings, batch, networks, perturbed_state};
use modiste_reference::{Mode, ReferenceEngine};
use modiste_spec::Engine;
use modiste_spec::engine::{Batch, EngineError, Loss, State, Step, Weights};

fn plain() -> (ReferenceEngine, Vec<u8>, Vec<u16>) {
    let (_, network) = networks().swap_remove(0);
    let (images, labels) = batch(&network, 3, 1);
    (ReferenceEngine::new(network, 4), images, labels)
}

#[test]
fn a_loaded_state_continues_the_run() {
    let (mut engine, images, labels) = plain();
    let batch = Batch::of_classes(&images, &labels);
    let settings = Settings::default();
    assert_eq!(engine.state().parameters, State::initial(engine.network(), 4).parameters);
    engine.train_step(batch, &settings.step(0)).unwrap();
    let state = engine.state();
    let mut other = ReferenceEngine::new(engine.network().clone(), 9);
    other.load_state(&state).unwrap();
    assert_eq!(other.state(), state);
    // Both start from the f32 state, because the first engine had more digits.
    engine.load_state(&state).unwrap();
    let [a, b] = [&mut engine, &mut other].map(|e| e.train_step(batch, &settings.step(1)).unwrap());
    assert_eq!((a, engine.state()), (b, other.state()));
}

#[test]
fn running_statistics_take_up_a_tenth_of_each_batch() {
    let (mut engine, images, labels) = plain();
    let state = perturbed_state(engine.network(), 2);
    engine.load_state(&state).unwrap();
    let mode = Mode::Train { seed: 5, step: 0 };
    let x = engine.activations(&images, mode).unwrap().swap_remove(1); // the convolution's output
    let channel: Vec<f64> = x.values.iter().step_by(x.shape.channels).copied().collect();
    let count = channel.len() as f64;
    let mean = channel.iter().sum::<f64>() / count;
    let variance = channel.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let batch = Batch::of_classes(&images, &labels);
    engine.train_step(batch, &Settings::default().step(0)).unwrap();
    for (name, new) in [("running_mean", mean), ("running_var", variance)] {
        let find = |v: &str| v.ends_with(name);
        let after = engine.parameters().iter().find(|v| find(&v.name)).unwrap().values[0];
        let before = state.parameters.iter().find(|t| find(&t.name)).unwrap().values[0];
        let expected = 0.9 * f64::from(before) + 0.1 * new;
        assert!((after - expected).abs() < 1e-12, "{name}: {after}, not {expected}");
    }
}

#[test]
fn invalid_inputs_are_refused_and_change_nothing() {
    let (mut engine, images, labels) = plain();
    let before = engine.state();
    let settings = Settings::default();
    let mut refuse = |images: &[u8], labels: &[u16], loss: &Loss| {
        let options = Step { loss, ..settings.step(0) };
        let batch = Batch::of_classes(images, labels);
        let error = engine.train_step(batch, &options).unwrap_err();
        assert_eq!(engine.loss(batch, &options).unwrap_err(), error);
        assert_eq!(engine.gradients(batch, &options).unwrap_err(), error);
        error.to_string()
    };
    let usual = Loss::default();
    assert_eq!(refuse(&[], &[], &usual), "0 pixels are not 0 images of 5x7x1");
    let short = refuse(&images[1..], &labels, &usual);
    assert_eq!(short, "104 pixels are not 3 images of 5x7x1");
    assert_eq!(refuse(&images, &[0, 2, 1], &usual), "label 2 is not one of 2 classes");
    let weights = Loss { class_weights: Some(vec![1.0]), ..usual };
    assert_eq!(refuse(&images, &labels, &weights), "1 class weights for 2 classes");
    let rates = Step { rates: &[1.0], ..settings.step(0) };
    let error = engine.train_step(Batch::of_classes(&images, &labels), &rates).unwrap_err();
    assert_eq!(error.to_string(), "1 rates for 6 parameters");
    for shares in [&[0.5, 0.5, 1.0, 0.0, 0.6, 0.5][..], &[0.5, 0.5, 1.0, 0.0, 1.5, -0.5]] {
        let batch = Batch::of_shares(&images, shares);
        let error = engine.train_step(batch, &settings.step(0)).unwrap_err();
        assert_eq!(error.to_string(), "the shares of image 2 are not 2 that sum to 1");
    }
    let error = engine.predict(&images, Weights::Average).unwrap_err();
    assert_eq!(error.to_string(), "these weights have no average");
    let error = engine.predict(&images[1..], Weights::Current).unwrap_err();
    assert_eq!(error, EngineError::Batch("104 pixels are not whole images of 35".into()));
    assert_eq!(engine.predict(&[], Weights::Current).unwrap(), Vec::<f32>::new());
    let mut other = before.clone();
    other.parameters.swap(0, 1);
    assert!(matches!(engine.load_state(&other), Err(EngineError::State(_))));
    assert_eq!(engine.state(), before);
}
