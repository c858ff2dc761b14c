//! The numbers of a step, the only thing beside the batch that is sent to the device in each one.

use modiste_spec::engine::{Adam, Muon, Optimiser, Sgd, Step};

/// Whole numbers of a step, in the order in which they lie in memory.
const WHOLE: [&str; 8] =
    ["images", "slot", "seed_low", "seed_high", "time_low", "time_high", "nesterov", "decoupled"];
/// Factors of a step, which follow them.
const FACTORS: [&str; 8] =
    ["beta1", "rest1", "beta2", "rest2", "epsilon", "correction1", "correction2", "follow"];

/// What all shaders of a step read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StepNumbers {
    whole: [u32; WHOLE.len()],
    factors: [f32; FACTORS.len()],
}

impl StepNumbers {
    /// Number of numbers, each of four bytes.
    pub const LEN: usize = WHOLE.len() + FACTORS.len();

    /// The numbers for predicting `images` images.
    pub fn predicting(images: usize) -> Self {
        let mut numbers = Self::default();
        numbers.whole[0] = images as u32;
        numbers
    }

    /// The numbers for a training step of `images` images whose results go to `slot`.
    pub fn training(images: usize, slot: usize, step: &Step<'_>) -> Self {
        let [low, high] = [|n: u64| n as u32, |n: u64| (n >> 32) as u32];
        let mut numbers = Self {
            whole: [
                images as u32,
                slot as u32,
                low(step.seed),
                high(step.seed),
                low(step.number),
                high(step.number),
                0,
                0,
            ],
            factors: [0.0; FACTORS.len()],
        };
        let follow = 1.0 - step.average.unwrap_or(1.0);
        match step.optimiser {
            Optimiser::Adam(adam) => numbers.adam(adam, step.number),
            Optimiser::Sgd(sgd) => numbers.descent(sgd),
            Optimiser::Muon(Muon { momentum, nesterov, weight_decay, .. }) => {
                numbers.descent(Sgd { momentum, nesterov, weight_decay, decoupled: true });
            }
        }
        numbers.factors[7] = follow as f32;
        numbers
    }

    fn adam(&mut self, adam: Adam, number: u64) {
        let time = (number + 1) as f64;
        let Adam { beta1, beta2, epsilon, .. } = adam;
        let corrections = [beta1, beta2].map(|beta| 1.0 - beta.powf(time));
        let all = [beta1, 1.0 - beta1, beta2, 1.0 - beta2, epsilon, corrections[0], corrections[1]];
        self.factors[..7].copy_from_slice(&all.map(|factor| factor as f32));
    }

    /// The momentum takes the place of the first moments' decay.
    fn descent(&mut self, sgd: Sgd) {
        self.whole[6] = u32::from(sgd.nesterov);
        self.whole[7] = u32::from(sgd.decoupled);
        self.factors[0] = sgd.momentum as f32;
    }

    /// The declaration in WGSL.
    pub fn declaration() -> String {
        let whole = WHOLE.map(|name| format!("{name}: u32,\n")).concat();
        let factors = FACTORS.map(|name| format!("{name}: f32,\n")).concat();
        format!("struct Step {{\n{whole}{factors}}}")
    }

    /// The bytes as they lie in memory.
    pub fn bytes(&self) -> Vec<u8> {
        let factors = self.factors.map(f32::to_bits);
        let words = self.whole.iter().chain(&factors);
        words.flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// What the optimiser does to one parameter: (factor of the step, factor of the value, share of the value
/// that is added to the gradient, factor of the learning rate).
pub(crate) fn rates_of(
    step: &Step<'_>,
    position: usize,
    decays: bool,
    matrix: Option<f64>,
) -> [f32; 4] {
    let rate = step.rate(position);
    let moves = step.learning_rate * rate;
    let decay = |weight_decay: f64| if decays { weight_decay } else { 0.0 };
    let [moves, keeps, adds] = match (step.optimiser, matrix) {
        (Optimiser::Adam(adam), _) => [moves, 1.0 - moves * decay(adam.weight_decay), 0.0],
        (Optimiser::Sgd(sgd), _) if sgd.decoupled => {
            [moves, 1.0 - moves * decay(sgd.weight_decay), 0.0]
        }
        (Optimiser::Sgd(sgd), _) => [moves, 1.0, decay(sgd.weight_decay)],
        (Optimiser::Muon(muon), None) => [moves, 1.0 - moves * decay(muon.weight_decay), 0.0],
        (Optimiser::Muon(muon), Some(scale)) => {
            let moves = moves * muon.matrix_rate;
            [moves * scale, 1.0 - moves * decay(muon.weight_decay), 0.0]
        }
    };
    [moves as f32, keeps as f32, adds as f32, rate as f32]
}
