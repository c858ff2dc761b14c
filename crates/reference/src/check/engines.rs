//! Compares an engine with the reference: the same state and batches must give the same results.

use super::batches::{batch, calm_batch, perturbed_state, shares};
use super::compare::{Mismatch, compare_loss, compare_norms, compare_values, widened};
use super::settings::{Settings, Tolerance};
use crate::{Mode, ReferenceEngine, Values};
use modiste_spec::Engine;
use modiste_spec::engine::{AVERAGE, Batch, Optimiser, State, Step, Tensor, Weights};

/// Largest batch that [`check_engine`] trains on.
pub const LARGEST_BATCH: usize = 4;

/// All checks of one engine, created for [`LARGEST_BATCH`] images, with Adam and classes as targets:
/// predictions, single steps of one and of four images, ten steps with batches of different sizes.
///
/// # Errors
/// The first thing in which the engine leaves the reference.
pub fn check_engine(engine: &mut dyn Engine, tolerance: Tolerance) -> Result<(), Mismatch> {
    let network = engine.network().clone();
    let state = perturbed_state(&network, 1);
    for n in [1, LARGEST_BATCH, LARGEST_BATCH + 3] {
        check_predictions(engine, &state, &batch(&network, n, 2).0, tolerance)?;
    }
    let all = [Settings::default(), Settings::demanding(network.classes())];
    for n in [1, LARGEST_BATCH] {
        // Neither margins nor masks depend on the loss or on Adam.
        let (images, labels) = calm_batch(&network, n, &state, &all[0].step(7));
        let batch = Batch::of_classes(&images, &labels);
        for settings in &all {
            check_gradients(engine, &state, batch, &settings.step(7), tolerance)?;
        }
    }
    let batches = ragged_batches(engine);
    let batches = batches.each_ref().map(|(images, labels)| Batch::of_classes(images, labels));
    all.iter().try_for_each(|s| check_steps(engine, &state, &batches, s, tolerance))
}

/// The rest of the contract, like [`check_engine`]: every optimiser, shares as targets, rates, frozen
/// parameters and statistics, averaged weights. A small network with every kind of parameter is enough,
/// because none of these depends on the operations.
///
/// # Errors
/// The first thing in which the engine leaves the reference.
pub fn check_methods(engine: &mut dyn Engine, tolerance: Tolerance) -> Result<(), Mismatch> {
    let network = engine.network().clone();
    let state = perturbed_state(&network, 1);
    let uneven = Settings::uneven(&network);
    let (images, _) = calm_batch(&network, LARGEST_BATCH, &state, &uneven.step(7));
    let targets = shares(&network, LARGEST_BATCH, 3);
    let batch = Batch::of_shares(&images, &targets);
    for settings in [&Settings::default(), &uneven] {
        check_gradients(engine, &state, batch, &settings.step(7), tolerance)?;
    }
    let all = ragged_batches(engine);
    let of_classes = all.each_ref().map(|(images, labels)| Batch::of_classes(images, labels));
    for settings in &Settings::descents() {
        check_steps(engine, &state, &of_classes, settings, tolerance)?;
    }
    let targets = all.each_ref().map(|(_, labels)| shares(&network, labels.len(), 9));
    let pairs: Vec<Batch<'_>> =
        all.iter().zip(&targets).map(|((images, _), t)| Batch::of_shares(images, t)).collect();
    check_steps(engine, &state, &pairs, &uneven, tolerance)
}

/// Batches of several sizes.
fn ragged_batches(engine: &dyn Engine) -> [(Vec<u8>, Vec<u16>); 4] {
    let sizes = [(LARGEST_BATCH, 4), (3, 5), (LARGEST_BATCH, 6), (1, 7)];
    sizes.map(|(n, seed)| batch(engine.network(), n, seed))
}

/// Compares the logits of `images` after loading `state`.
///
/// # Errors
/// The first logit that differs.
pub fn check_predictions(
    engine: &mut dyn Engine,
    state: &State,
    images: &[u8],
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let mut reference = reference_with(engine, state)?;
    compare_logits(engine, &mut reference, images, Weights::Current, tolerance.output)
}

fn compare_logits(
    engine: &mut dyn Engine,
    reference: &mut ReferenceEngine,
    images: &[u8],
    weights: Weights,
    allowed: f64,
) -> Result<(), Mismatch> {
    let logits = |logits: Vec<f32>| {
        let values = logits.iter().map(|&v| f64::from(v)).collect();
        [Values { name: "logits".into(), shape: vec![], values }]
    };
    let found = logits(engine.predict(images, weights)?);
    let expected = logits(reference.predict(images, weights)?);
    compare_values("output", &found, &expected, allowed, 0.0)
}

/// Compares one Adam step from `state` without moments: loss, correct images, every gradient (read
/// from the moments), running statistics and the first change of the parameters. [`calm_batch`]
/// gives a batch on which engines can agree.
///
/// # Errors
/// The first value that differs.
pub fn check_gradients(
    engine: &mut dyn Engine,
    state: &State,
    batch: Batch<'_>,
    step: &Step<'_>,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let Optimiser::Adam(adam) = step.optimiser else {
        return Err(Mismatch("gradients are read from Adam's moments".into()));
    };
    let start = State::of_parameters(state.parameters.clone());
    let mut reference = reference_with(engine, &start)?;
    let undecided = undecided(&reference, batch, step)?;
    let found = engine.train_step(batch, step)?;
    let expected = reference.train_step(batch, step)?;
    compare_loss("loss", found.mean_loss(), expected.mean_loss(), tolerance.output)?;
    if found.correct.abs_diff(expected.correct) > undecided || found.images != expected.images {
        let [found, expected] = [found, expected].map(|t| format!("{} of {}", t.correct, t.images));
        return Err(Mismatch(format!("correct: {found}, the reference has {expected}")));
    }
    let Tolerance { gradient, floor, .. } = tolerance;
    let [found, expected] = [engine.state(), reference.state()].map(|state| {
        let moments = |name: &str, one| widened(slot(&state, name), |_, _, v| v / one);
        let gradients = moments("first_moments", 1.0 - adam.beta1);
        let squares = moments("second_moments", 1.0 - adam.beta2);
        (gradients, squares, Parts::of(&state, &start))
    });
    compare_values("gradient", &found.0, &expected.0, gradient, floor)?;
    // Squaring doubles errors and squares the spread between tensors.
    let squared = floor * floor;
    compare_values("squared gradient", &found.1, &expected.1, 2.0 * gradient, squared)?;
    let (found, expected) = (found.2, expected.2);
    compare_values("value", &found.statistics, &expected.statistics, gradient, floor)?;
    // Adam's step depends on the sign of the gradient where that is far above epsilon, so a small
    // error of a gradient near 0 becomes a large one.
    compare_norms("change", &found.changes, &expected.changes, 10.0 * gradient, floor)
}

/// Compares ten steps over `batches` in turn from `state`: every loss, then everything that
/// changed, and the predictions of the averaged weights.
///
/// # Errors
/// The first thing that differs.
pub fn check_steps(
    engine: &mut dyn Engine,
    state: &State,
    batches: &[Batch<'_>],
    settings: &Settings,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let mut reference = reference_with(engine, state)?;
    let Tolerance { steps, floor, .. } = tolerance;
    for (number, &batch) in batches.iter().cycle().take(10).enumerate() {
        let step = settings.step(number as u64);
        let found = engine.train_step(batch, &step)?.mean_loss();
        let expected = reference.train_step(batch, &step)?.mean_loss();
        compare_loss(&format!("loss of step {number}"), found, expected, steps)?;
    }
    let [after, expected] = [engine.state(), reference.state()];
    if !after.slots.keys().eq(expected.slots.keys()) {
        let [f, e] = [&after, &expected].map(|s| s.slots.keys().cloned().collect::<Vec<_>>());
        return Err(Mismatch(format!("state: slots {f:?}, the reference has {e:?}")));
    }
    let parts = [&after, &expected].map(|after| Parts::of(after, state));
    compare_norms("value", &parts[0].statistics, &parts[1].statistics, steps, floor)?;
    compare_norms("change in ten steps", &parts[0].changes, &parts[1].changes, steps, floor)?;
    for name in expected.slots.keys().rev() {
        let what = format!("{name} after ten steps");
        // Squares double an error and square the spread between tensors.
        let (allowed, floor) = match name.as_str() {
            "second_moments" => (2.0 * steps, floor * floor),
            _ => (steps, floor),
        };
        // For an average, its change.
        let start = if name == AVERAGE { state.parameters.as_slice() } else { &[] };
        let before = |t: usize, i: usize| start.get(t).map_or(0.0, |t| f64::from(t.values[i]));
        let [found, expected] =
            [&after, &expected].map(|state| widened(slot(state, name), |t, i, v| v - before(t, i)));
        compare_norms(&what, &found, &expected, allowed, floor)?;
    }
    if settings.average.is_some() {
        let images = batches[0].images;
        compare_logits(engine, &mut reference, images, Weights::Average, 2.0 * steps)?;
    }
    Ok(())
}

/// A slot of a state; empty if there is none.
fn slot<'a>(state: &'a State, name: &str) -> &'a [Tensor] {
    state.slots.get(name).map_or(&[], Vec::as_slice)
}

/// A reference engine with `state`; also loads it into the engine and checks that it is returned
/// unchanged.
fn reference_with(engine: &mut dyn Engine, state: &State) -> Result<ReferenceEngine, Mismatch> {
    let mut reference = ReferenceEngine::new(engine.network().clone(), 0);
    reference.load_state(state)?;
    engine.load_state(state)?;
    match engine.state() == reference.state() {
        true => Ok(reference),
        false => Err(Mismatch("state: not the one that was loaded".into())),
    }
}

/// Number of images whose two largest logits are so close that rounding decides between them.
fn undecided(
    reference: &ReferenceEngine,
    batch: Batch<'_>,
    step: &Step<'_>,
) -> Result<usize, Mismatch> {
    let mode = Mode::Train { seed: step.seed, step: step.number };
    let outputs = reference.activations(batch.images, mode)?;
    let network = reference.network();
    let rows = outputs[network.logits()].values.chunks_exact(network.classes());
    let close = |row: &&[f64]| {
        let mut sorted = row.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [.., second, first] = sorted[..] else { return false };
        first - second < 1e-4 * first.abs().max(second.abs())
    };
    Ok(rows.filter(close).count())
}

/// The parameters of a state: statistics as they are, trained parameters as their change.
struct Parts {
    statistics: Vec<Values>,
    changes: Vec<Values>,
}

impl Parts {
    fn of(state: &State, start: &State) -> Self {
        let before = |t: usize, i: usize| f64::from(start.parameters[t].values[i]);
        let running =
            |v: &Values| v.name.ends_with(".running_mean") || v.name.ends_with(".running_var");
        let mut statistics = widened(&state.parameters, |_, _, v| v);
        let mut changes = widened(&state.parameters, |t, i, v| v - before(t, i));
        statistics.retain(running);
        changes.retain(|v| !running(v));
        Self { statistics, changes }
    }
}
