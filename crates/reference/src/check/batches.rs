//! Random batches and states, the same everywhere.

use crate::{Mode, ReferenceEngine};
use modiste_spec::engine::{State, Step};
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Engine, Network, ParameterKind};

/// Number of batches that [`calm_batch`] chooses from: enough for a margin some ten times that of one.
const CANDIDATES: u64 = 12;

/// `n` images of noise (n, h, w, c) with random labels.
pub fn batch(network: &Network, n: usize, seed: u64) -> (Vec<u8>, Vec<u16>) {
    let pixels = Stream::new(seed, Purpose::Bootstrap, 0, 0);
    let classes = Stream::new(seed, Purpose::Bootstrap, 1, 0);
    let count = n * network.input_shape().len();
    let images = (0..count).map(|i| pixels.below(i as u64, 256) as u8).collect();
    let bound = u32::try_from(network.classes()).expect("classes fit into labels");
    let labels = (0..n).map(|i| classes.below(i as u64, bound) as u16).collect();
    (images, labels)
}

/// Random shares of the classes of `network` for `n` images, (n, classes).
pub fn shares(network: &Network, n: usize, seed: u64) -> Vec<f32> {
    let classes = network.classes();
    let stream = Stream::new(seed, Purpose::Bootstrap, 3, 0);
    let mut shares: Vec<f32> = (0..n * classes).map(|i| stream.unit(i as u64) as f32).collect();
    for row in shares.chunks_mut(classes) {
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}

/// Of several batches, the one whose first step from `state` stays farthest from points where a
/// gradient jumps ([`ReferenceEngine::margin`]). Among some hundred thousand activations of noise,
/// one is usually so close to 0 that two correct engines disagree on its sign.
pub fn calm_batch(
    network: &Network,
    n: usize,
    state: &State,
    step: &Step<'_>,
) -> (Vec<u8>, Vec<u16>) {
    let mut engine = ReferenceEngine::new(network.clone(), 0);
    engine.load_state(state).expect("a state of the network");
    let mode = Mode::Train { seed: step.seed, step: step.number };
    let tried = (0..CANDIDATES).map(|seed| {
        let batch = batch(network, n, seed);
        let outputs = engine.activations(&batch.0, mode).expect("images of the network's shape");
        (engine.margin(&outputs), batch)
    });
    let calmest = tried.max_by(|(a, _), (b, _)| a.total_cmp(b));
    calmest.expect("at least one candidate").1
}

/// The initial state, but with biases, shifts and running means in +-0.1 and scales and running
/// variances in 0.5 to 1.5 instead of zeros and ones, which would hide errors.
pub fn perturbed_state(network: &Network, seed: u64) -> State {
    let mut state = State::initial(network, seed);
    for (position, parameter) in network.parameters().iter().enumerate() {
        let (low, range) = match parameter.kind {
            ParameterKind::ConvWeight | ParameterKind::DenseWeight => continue,
            ParameterKind::Bias | ParameterKind::Shift | ParameterKind::RunningMean => (-0.1, 0.2),
            ParameterKind::Scale | ParameterKind::RunningVariance => (0.5, 1.0),
        };
        let stream = Stream::new(seed, Purpose::Bootstrap, 2 + position as u32, 0);
        for (i, value) in state.parameters[position].values.iter_mut().enumerate() {
            *value = (low + range * stream.unit(i as u64)) as f32;
        }
    }
    state
}
