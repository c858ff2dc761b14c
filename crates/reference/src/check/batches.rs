//! Batches and states from random numbers, the same everywhere.

use modiste_spec::engine::State;
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Network, ParameterKind};

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

/// The initial state, but biases and shifts in +-0.1, running means in +-0.1 and running variances
/// in 0.5 to 1.5 instead of zeros and ones, which would hide their part.
pub fn perturbed_state(network: &Network, seed: u64) -> State {
    let mut state = State::initial(network, seed);
    for (position, parameter) in network.parameters().iter().enumerate() {
        let (low, range) = match parameter.kind {
            ParameterKind::ConvWeight | ParameterKind::DenseWeight => continue,
            ParameterKind::Bias | ParameterKind::Shift | ParameterKind::RunningMean => (-0.1, 0.2),
            ParameterKind::RunningVariance => (0.5, 1.0),
        };
        let stream = Stream::new(seed, Purpose::Bootstrap, 2 + position as u32, 0);
        for (i, value) in state.parameters[position].values.iter_mut().enumerate() {
            *value = (low + range * stream.unit(i as u64)) as f32;
        }
    }
    state
}
