//! An engine beside the reference: the same state, the same batches, the same results.

use super::batches::{batch, calm_batch, perturbed_state};
use super::compare::{Mismatch, compare_loss, compare_norms, compare_values, widened};
use super::settings::{Settings, Tolerance};
use crate::{Mode, ReferenceEngine, Values};
use modiste_spec::Engine;
use modiste_spec::engine::{Batch, State, StepOptions};

/// The largest batch that [`check_engine`] trains on.
pub const LARGEST_BATCH: usize = 4;

/// Every check of one engine, made for [`LARGEST_BATCH`] images: predictions, single steps of one
/// and of four images, ten steps with ragged batches.
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
        let (images, labels) = calm_batch(&network, n, &state, &all[0].options(7));
        let batch = Batch { images: &images, labels: &labels };
        for settings in &all {
            check_gradients(engine, &state, batch, &settings.options(7), tolerance)?;
        }
    }
    let batches = [(LARGEST_BATCH, 4), (3, 5), (LARGEST_BATCH, 6), (1, 7)];
    let batches = batches.map(|(n, seed)| batch(&network, n, seed));
    all.iter().try_for_each(|s| check_steps(engine, &state, &batches, s, tolerance))
}

/// Logits of `images` after `state` was loaded.
///
/// # Errors
/// The first logit that differs.
pub fn check_predictions(
    engine: &mut dyn Engine,
    state: &State,
    images: &[u8],
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let mut reference = twin(engine, state)?;
    let logits = |logits: Vec<f32>| {
        let values = logits.iter().map(|&v| f64::from(v)).collect();
        [Values { name: "logits".into(), shape: vec![], values }]
    };
    let found = logits(engine.predict(images)?);
    let expected = logits(reference.predict(images)?);
    compare_values("output", &found, &expected, tolerance.output, 0.0)
}

/// One step from `state` without moments: loss, correct images, every gradient (read from the
/// moments), running statistics and the parameters' first change. [`calm_batch`] gives a batch on
/// which engines can agree.
///
/// # Errors
/// The first value that differs.
pub fn check_gradients(
    engine: &mut dyn Engine,
    state: &State,
    batch: Batch<'_>,
    options: &StepOptions<'_>,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let start = State { parameters: state.parameters.clone(), ..State::default() };
    let mut reference = twin(engine, &start)?;
    let undecided = undecided(&reference, batch, options)?;
    let found = engine.train_step(batch, options)?;
    let expected = reference.train_step(batch, options)?;
    compare_loss("loss", found.loss, expected.loss, tolerance.output)?;
    if found.correct.abs_diff(expected.correct) > undecided {
        let (found, expected) = (found.correct, expected.correct);
        return Err(Mismatch(format!("correct: {found}, the reference has {expected}")));
    }
    let Tolerance { gradient, floor, .. } = tolerance;
    let [found, expected] = [engine.state(), reference.state()].map(|state| {
        let one = 1.0 - options.adam.beta1;
        let gradients = widened(&state.first_moments, |_, _, v| v / one);
        let squares = widened(&state.second_moments, |_, _, v| v / (1.0 - options.adam.beta2));
        (gradients, squares, Parts::of(&state, &start))
    });
    compare_values("gradient", &found.0, &expected.0, gradient, floor)?;
    // Squares double an error and square the spread between tensors.
    let squared = floor * floor;
    compare_values("squared gradient", &found.1, &expected.1, 2.0 * gradient, squared)?;
    let (found, expected) = (found.2, expected.2);
    compare_values("value", &found.statistics, &expected.statistics, gradient, floor)?;
    // Adam's step turns by the sign of the gradient where that is far over epsilon, so that a small
    // error of a gradient near 0 is a large one there.
    compare_norms("change", &found.changes, &expected.changes, 10.0 * gradient, floor)
}

/// Ten steps over `batches` in turn from `state`: every loss, then everything that changed.
///
/// # Errors
/// The first thing that differs.
pub fn check_steps(
    engine: &mut dyn Engine,
    state: &State,
    batches: &[(Vec<u8>, Vec<u16>)],
    settings: &Settings,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let mut reference = twin(engine, state)?;
    let Tolerance { steps, floor, .. } = tolerance;
    for (step, (images, labels)) in batches.iter().cycle().take(10).enumerate() {
        let (batch, options) = (Batch { images, labels }, settings.options(step as u64));
        let found = engine.train_step(batch, &options)?.loss;
        let expected = reference.train_step(batch, &options)?.loss;
        compare_loss(&format!("loss of step {step}"), found, expected, steps)?;
    }
    let [found, expected] = [engine.state(), reference.state()].map(|after| {
        let first = widened(&after.first_moments, |_, _, v| v);
        let second = widened(&after.second_moments, |_, _, v| v);
        (first, second, Parts::of(&after, state))
    });
    compare_norms("first moment after ten steps", &found.0, &expected.0, steps, floor)?;
    let (allowed, squared) = (2.0 * steps, floor * floor);
    compare_norms("second moment after ten steps", &found.1, &expected.1, allowed, squared)?;
    let (found, expected) = (found.2, expected.2);
    compare_norms("value", &found.statistics, &expected.statistics, steps, floor)?;
    compare_norms("change in ten steps", &found.changes, &expected.changes, steps, floor)
}

/// A reference with `state`, after the engine took it too and gave it back unchanged.
fn twin(engine: &mut dyn Engine, state: &State) -> Result<ReferenceEngine, Mismatch> {
    let mut reference = ReferenceEngine::new(engine.network().clone(), 0);
    reference.load_state(state)?;
    engine.load_state(state)?;
    match engine.state() == reference.state() {
        true => Ok(reference),
        false => Err(Mismatch("state: not the one that was loaded".into())),
    }
}

/// Images whose two largest logits are so close that rounding decides between them.
fn undecided(
    reference: &ReferenceEngine,
    batch: Batch<'_>,
    options: &StepOptions<'_>,
) -> Result<usize, Mismatch> {
    let mode = Mode::Train { seed: options.seed, step: options.step };
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

/// The parameters of a state: statistics as they are, trained ones as what they changed.
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
