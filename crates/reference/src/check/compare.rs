//! An engine beside the reference: the same state, the same batches, the same results.

use super::batches::{batch, perturbed_state};
use crate::{Mode, ReferenceEngine};
use modiste_spec::engine::{
    Adam, Batch, EngineError, Loss, State, StepOptions, StepOutcome, Tensor,
};
use modiste_spec::{Engine, Network};

/// The largest batch that [`check_engine`] trains on.
pub const LARGEST_BATCH: usize = 4;

/// Where an engine leaves the reference; names the tensor, the place and both values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub(super) String);

impl From<EngineError> for Mismatch {
    fn from(error: EngineError) -> Self {
        Self(format!("refused: {error}"))
    }
}

/// Allowed errors, each relative to the largest value of the tensor.
///
/// A tensor whose values are all small beside those of the other tensors carries their rounding
/// errors, so that its largest value counts as at least [`Self::floor`] of the largest of all.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Of the loss of one step and of the logits.
    pub output: f64,
    /// Of gradients and of the running statistics after one step.
    pub gradient: f64,
    /// Of every change since the first of ten steps, and of the moments after them.
    pub steps: f64,
    /// Smallest scale of a tensor beside the largest of all tensors.
    pub floor: f64,
}

impl Tolerance {
    /// For engines that compute in f32.
    pub const F32: Self = Self { output: 1e-5, gradient: 1e-4, steps: 2e-3, floor: 1e-3 };
}

/// What stays the same over the steps of a check.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Loss settings.
    pub loss: Loss,
    /// Optimiser settings.
    pub adam: Adam,
    /// The learning rate.
    pub learning_rate: f64,
    /// The run's seed.
    pub seed: u64,
}

impl Default for Settings {
    /// Adam's epsilon is 1e-3 here. With the usual 1e-8 a step is about the sign of the gradient,
    /// and where the gradient is all rounding error two right engines step in opposite directions;
    /// with an epsilon of the gradients' own size a step is as exact as the gradient.
    fn default() -> Self {
        let adam = Adam { epsilon: 1e-3, ..Adam::default() };
        Self { loss: Loss::default(), adam, learning_rate: 1e-2, seed: 5 }
    }
}

impl Settings {
    /// Label smoothing, a weight for each of `classes`, and weight decay.
    pub fn demanding(classes: usize) -> Self {
        let weights = (0..classes).map(|c| 0.5 + 0.25 * c as f32).collect();
        let usual = Self::default();
        Self {
            loss: Loss { label_smoothing: 0.1, class_weights: Some(weights) },
            adam: Adam { weight_decay: 0.5, beta1: 0.8, beta2: 0.99, ..usual.adam },
            ..usual
        }
    }

    /// The options of the step after `step` others.
    pub fn options(&self, step: u64) -> StepOptions<'_> {
        let Self { learning_rate, seed, adam, ref loss } = *self;
        StepOptions { learning_rate, step, seed, adam, loss }
    }
}

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
    for settings in [Settings::default(), Settings::demanding(network.classes())] {
        for n in [1, LARGEST_BATCH] {
            let (images, labels) = batch(&network, n, 3);
            let batch = Batch { images: &images, labels: &labels };
            check_gradients(engine, &state, batch, &settings.options(7), tolerance)?;
        }
        let batches = [(LARGEST_BATCH, 4), (3, 5), (LARGEST_BATCH, 6), (1, 7)]
            .map(|(n, seed)| batch(&network, n, seed));
        check_steps(engine, &state, &batches, &settings, tolerance)?;
    }
    Ok(())
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
    let logits = |values| Tensor { name: "logits".into(), shape: vec![], values };
    let found = logits(engine.predict(images)?);
    let expected = logits(reference.predict(images)?);
    Comparison { what: "output", allowed: tolerance.output, floor: 0.0 }.compare(
        &[found],
        &[expected],
        None,
    )
}

/// One step from `state` without moments: loss, correct images, every gradient (read from the
/// moments), running statistics and the parameters' first change.
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
    let state = State { parameters: state.parameters.clone(), ..State::default() };
    let mut reference = twin(engine, &state)?;
    let undecided = undecided(&reference, batch, options)?;
    let found = engine.train_step(batch, options)?;
    let expected = reference.train_step(batch, options)?;
    compare_outcomes(found, expected, tolerance.output, undecided)?;
    let Tolerance { gradient: allowed, floor, steps, .. } = tolerance;
    let (found, expected) = (engine.state(), reference.state());
    let gradients = |state: &State| scaled(&state.first_moments, 1.0 - options.adam.beta1);
    let squares = |state: &State| scaled(&state.second_moments, 1.0 - options.adam.beta2);
    Comparison { what: "gradient", allowed, floor }.compare(
        &gradients(&found),
        &gradients(&expected),
        None,
    )?;
    // Squares double an error and square the spread between tensors.
    Comparison { what: "squared gradient", allowed: 2.0 * allowed, floor: floor * floor }.compare(
        &squares(&found),
        &squares(&expected),
        None,
    )?;
    compare_parameters(&found, &expected, &state, allowed, tolerance.floor, steps)
}

/// Ten steps over `batches` in turn from `state`: every loss, then everything that changed.
///
/// # Errors
/// The first value that differs.
pub fn check_steps(
    engine: &mut dyn Engine,
    state: &State,
    batches: &[(Vec<u8>, Vec<u16>)],
    settings: &Settings,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    let mut reference = twin(engine, state)?;
    for (step, (images, labels)) in batches.iter().cycle().take(10).enumerate() {
        let (batch, options) = (Batch { images, labels }, settings.options(step as u64));
        let found = engine.train_step(batch, &options)?;
        let expected = reference.train_step(batch, &options)?;
        compare_outcomes(found, expected, tolerance.steps, labels.len())
            .map_err(|Mismatch(text)| Mismatch(format!("step {step}: {text}")))?;
    }
    let (found, expected) = (engine.state(), reference.state());
    let Tolerance { steps: allowed, floor, .. } = tolerance;
    Comparison { what: "first moment after ten steps", allowed, floor }.compare(
        &found.first_moments,
        &expected.first_moments,
        None,
    )?;
    Comparison { what: "second moment after ten steps", allowed, floor: floor * floor }.compare(
        &found.second_moments,
        &expected.second_moments,
        None,
    )?;
    compare_parameters(&found, &expected, state, allowed, floor, allowed)
}

/// A reference with `state`, after the engine took it too and gave it back unchanged.
fn twin(engine: &mut dyn Engine, state: &State) -> Result<ReferenceEngine, Mismatch> {
    let network: Network = engine.network().clone();
    let mut reference = ReferenceEngine::new(network, 0);
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

fn compare_outcomes(
    found: StepOutcome,
    expected: StepOutcome,
    allowed: f64,
    undecided: usize,
) -> Result<(), Mismatch> {
    let error = (found.loss - expected.loss).abs() / expected.loss.abs();
    if error.is_nan() || error > allowed {
        return Err(Mismatch(format!("loss: {}, the reference has {}", found.loss, expected.loss)));
    }
    if found.correct.abs_diff(expected.correct) > undecided {
        let (found, expected) = (found.correct, expected.correct);
        return Err(Mismatch(format!("correct: {found}, the reference has {expected}")));
    }
    Ok(())
}

/// Running statistics by `statistics`, changes of trained parameters since `start` by `updates`.
fn compare_parameters(
    found: &State,
    expected: &State,
    start: &State,
    statistics: f64,
    floor: f64,
    updates: f64,
) -> Result<(), Mismatch> {
    let running = |name: &str| name.ends_with(".running_mean") || name.ends_with(".running_var");
    for (what, allowed, wanted) in [("value", statistics, true), ("change", updates, false)] {
        let part = |state: &State| -> Vec<Tensor> {
            state.parameters.iter().filter(|t| running(&t.name) == wanted).cloned().collect()
        };
        let start = (!wanted).then(|| part(start));
        let comparison = Comparison { what, allowed, floor };
        comparison.compare(&part(found), &part(expected), start.as_deref())?;
    }
    Ok(())
}

fn scaled(tensors: &[Tensor], divisor: f64) -> Vec<Tensor> {
    let scaled = |t: &Tensor| Tensor {
        values: t.values.iter().map(|&v| (f64::from(v) / divisor) as f32).collect(),
        ..t.clone()
    };
    tensors.iter().map(scaled).collect()
}

/// How two lists of tensors are compared.
struct Comparison {
    what: &'static str,
    allowed: f64,
    floor: f64,
}

impl Comparison {
    /// Compares value by value; with a `start`, what was added to it.
    fn compare(
        &self,
        found: &[Tensor],
        expected: &[Tensor],
        start: Option<&[Tensor]>,
    ) -> Result<(), Mismatch> {
        if found.len() != expected.len() {
            let (what, f, e) = (self.what, found.len(), expected.len());
            return Err(Mismatch(format!("{what}: {f} tensors, the reference has {e}")));
        }
        let from = |t: usize, i: usize| start.map_or(0.0, |s| f64::from(s[t].values[i]));
        let value = |list: &[Tensor], t: usize, i| f64::from(list[t].values[i]) - from(t, i);
        let largest = |t: usize| {
            let count = expected[t].values.len();
            (0..count).fold(0f64, |largest, i| largest.max(value(expected, t, i).abs()))
        };
        let scales: Vec<f64> = (0..expected.len()).map(largest).collect();
        let floor = self.floor * scales.iter().fold(0f64, |a, &b| a.max(b));
        for (t, wanted) in expected.iter().enumerate() {
            let (what, name) = (self.what, &wanted.name);
            if found[t].name != *name || found[t].values.len() != wanted.values.len() {
                let text = format!("{what} of {}: \"{name}\" belongs there", found[t].name);
                return Err(Mismatch(text));
            }
            let scale = scales[t].max(floor);
            for i in 0..wanted.values.len() {
                let (f, e) = (value(found, t, i), value(expected, t, i));
                let error = if f == e { 0.0 } else { (f - e).abs() / scale };
                if error.is_nan() || error > self.allowed {
                    return Err(Mismatch(format!(
                        "{what} of {name}[{i}]: {f:e}, the reference has {e:e} \
                         (error {error:.1e} of the largest, {scale:.3e})"
                    )));
                }
            }
        }
        Ok(())
    }
}
