//! Compares an engine with the reference on a random network.

use super::batches::{batch, calm_batch, perturbed_state};
use super::compare::Mismatch;
use super::engines::{LARGEST_BATCH, check_gradients, check_predictions};
use super::random::random_network;
use super::settings::{Settings, Tolerance};
use crate::{Mode, ReferenceEngine};
use modiste_spec::engine::{Batch, EngineError, State, Step};
use modiste_spec::{Engine, Network, Op};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of an engine on a random network.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// Every value matched the reference.
    Equal,
    /// The engine refused the network, with a reason.
    Refused(String),
}

/// Gradients are compared only if no activation is closer to a jump than this share of its map's largest
/// value, some ten times the rounding error of f32.
const MARGIN: f64 = 1e-5;
/// A channel is normalised over at least this many values; with fewer, rounding may dominate the
/// variance.
const NORMALISED: usize = 8;

/// The tolerance for random networks, some of which amplify rounding errors from layer to layer. A
/// misplaced value is off by about its own size. The gradient of a bias before a normalisation
/// consists only of the rounding errors of the layers after it.
const RANDOM: Tolerance = Tolerance { output: 2e-4, gradient: 2e-3, steps: 2e-2, floor: 1e-2 };

/// Compares predictions of single images and of batches of different sizes, two steps of training
/// on batches of different sizes (loss, every gradient, running statistics), and predictions
/// afterwards.
///
/// # Errors
/// Name the first difference from the reference, or a panic.
pub fn check_random<E: Engine>(
    seed: u64,
    make: impl FnOnce(&Network) -> Result<E, EngineError>,
) -> Result<Trial, Mismatch> {
    let trial = || check_network(&random_network(seed), seed, make);
    catch_unwind(AssertUnwindSafe(trial)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(Mismatch(format!("panicked: {}", text.unwrap_or("without a text"))))
    })
}

fn check_network<E: Engine>(
    network: &Network,
    seed: u64,
    make: impl FnOnce(&Network) -> Result<E, EngineError>,
) -> Result<Trial, Mismatch> {
    let mut engine = match make(network) {
        Ok(engine) => engine,
        Err(EngineError::Unsupported(reason)) => return Ok(Trial::Refused(reason)),
        Err(other) => return Err(other.into()),
    };
    let mut state = perturbed_state(network, seed);
    for n in [1, LARGEST_BATCH + 3] {
        check_predictions(&mut engine, &state, &batch(network, n, seed).0, RANDOM)?;
    }
    let all = [Settings::default(), Settings::demanding(network.classes())];
    let sizes = [LARGEST_BATCH, 1 + seed as usize % LARGEST_BATCH];
    for (number, (n, settings)) in sizes.into_iter().zip(&all).enumerate() {
        let step = settings.step(number as u64 + 3);
        let (images, labels) = calm_batch(network, n, &state, &step);
        if !comparable(network, &state, &images, n, &step) {
            continue;
        }
        let batch = Batch::of_classes(&images, &labels);
        check_gradients(&mut engine, &state, batch, &step, RANDOM)?;
        state.parameters = engine.state().parameters;
        check_predictions(&mut engine, &state, &images, RANDOM)?;
    }
    Ok(Trial::Equal)
}

/// Whether two correct engines must agree on the gradients of this batch.
fn comparable(network: &Network, state: &State, images: &[u8], n: usize, step: &Step<'_>) -> bool {
    let norms = network.nodes().iter().filter(|node| matches!(node.op, Op::BatchNorm { .. }));
    if norms.map(|node| n * node.shape.pixels()).min().is_some_and(|least| least < NORMALISED) {
        return false;
    }
    let mut reference = ReferenceEngine::new(network.clone(), 0);
    let start = State::of_parameters(state.parameters.clone());
    reference.load_state(&start).expect("a state of the network");
    let mode = Mode::Train { seed: step.seed, step: step.number };
    let outputs = reference.activations(images, mode).expect("images of the network's shape");
    reference.margin(&outputs) > MARGIN
}
