//! Batch normalisation between the steps: from the shards' sums to what each lane is read with, and
//! back to what each lane's gradient takes.

use crate::plan::{Norm, Place};
use crate::weights::Weights;
use modiste_kernels::view::Activation;

/// What is known of each lane of a buffer.
///
/// A lane that is not normalised keeps scale 1, shift 0 and no floor, so that a concatenation of
/// normalised and plain parts is read by one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    scale: Vec<f32>,
    shift: Vec<f32>,
    floor: Vec<f32>,
    slope: Vec<f32>,
    offset: Vec<f32>,
    /// Two sums a lane and shard: (shard, 2, lanes). Forward those of z - pilot and its square;
    /// backward those of g and of g times the normalised value.
    pub sums: Vec<f32>,
    /// What is subtracted before summing: the running mean.
    pub pilot: Vec<f32>,
}

impl Lanes {
    /// `shards` is the most that a batch is summed in; 0 for prediction.
    pub fn new(lanes: usize, shards: usize) -> Self {
        Self {
            scale: vec![1.0; lanes],
            shift: vec![0.0; lanes],
            floor: vec![f32::NEG_INFINITY; lanes],
            slope: vec![0.0; lanes],
            offset: vec![0.0; lanes],
            sums: vec![0.0; shards * 2 * lanes],
            pilot: vec![0.0; lanes],
        }
    }

    /// How the lanes of a place are read.
    pub fn activation(&self, place: Place) -> Activation<'_> {
        let range = place.range();
        Activation {
            scale: &self.scale[range.clone()],
            shift: &self.shift[range.clone()],
            floor: &self.floor[range],
        }
    }

    /// The sums to write to, and how the lanes of a place are read.
    pub fn sums_and_activation(&mut self, place: Place) -> (&mut [f32], Activation<'_>) {
        let range = place.range();
        let activation = Activation {
            scale: &self.scale[range.clone()],
            shift: &self.shift[range.clone()],
            floor: &self.floor[range],
        };
        (&mut self.sums, activation)
    }

    /// How the gradient of the lanes' raw values follows from that of the activated ones.
    pub fn slope_and_offset(&self, place: Place) -> (&[f32], &[f32]) {
        (&self.slope[place.range()], &self.offset[place.range()])
    }

    fn summed(&self, shards: usize, which: usize, lane: usize) -> f64 {
        let lanes = self.scale.len();
        (0..shards).map(|s| f64::from(self.sums[(2 * s + which) * lanes + lane])).sum()
    }

    fn set(&mut self, lane: usize, mean: f64, variance: f64, shift: f32, norm: &Norm) {
        let scale = 1.0 / (variance + norm.epsilon).sqrt();
        self.scale[lane] = scale as f32;
        self.shift[lane] = (f64::from(shift) - mean * scale) as f32;
        self.floor[lane] = norm.floor;
    }

    /// Before a training step's forward pass: the pilot, near which the means are expected.
    pub fn set_pilot(&mut self, norm: &Norm, place: Place, weights: &Weights, flat: &[f32]) {
        self.pilot[place.range()].copy_from_slice(&flat[weights.parameters[norm.mean].range()]);
    }

    /// After the forward step: scale and shift from the batch's statistics; the running ones move.
    pub fn finish_forward(
        &mut self,
        norm: &Norm,
        place: Place,
        (shards, count): (usize, usize),
        weights: &Weights,
        flat: &mut [f32],
    ) {
        let [shift, mean, variance] =
            [norm.shift, norm.mean, norm.variance].map(|p| weights.parameters[p].start);
        let n = count as f64;
        for (i, lane) in place.range().enumerate() {
            let difference = self.summed(shards, 0, lane) / n;
            let batch_mean = f64::from(self.pilot[lane]) + difference;
            let square = self.summed(shards, 1, lane) / n;
            let batch_variance = (square - difference * difference).max(0.0);
            self.set(lane, batch_mean, batch_variance, flat[shift + i], norm);
            // PyTorch keeps the unbiased variance; of a single value there is only the biased one.
            let unbiased = if count > 1 { batch_variance * n / (n - 1.0) } else { batch_variance };
            let blend = |old: f32, new: f64| {
                (f64::from(old) * (1.0 - norm.momentum) + new * norm.momentum) as f32
            };
            flat[mean + i] = blend(flat[mean + i], batch_mean);
            flat[variance + i] = blend(flat[variance + i], unbiased);
        }
    }

    /// For inference: scale and shift from the running statistics.
    pub fn use_running(&mut self, norm: &Norm, place: Place, weights: &Weights, flat: &[f32]) {
        let [shift, mean, variance] =
            [norm.shift, norm.mean, norm.variance].map(|p| weights.parameters[p].start);
        for (i, lane) in place.range().enumerate() {
            let (mean, variance) = (f64::from(flat[mean + i]), f64::from(flat[variance + i]));
            self.set(lane, mean, variance, flat[shift + i], norm);
        }
    }

    /// When the gradient of the activated lanes is complete: slope and offset of dz, and the
    /// gradient of the shift.
    ///
    /// With scale s, mean m, normalised values x = s (z - m) and means over the batch of g and g x:
    /// dz = s (g - mean(g) - x mean(g x)) (Ioffe and Szegedy 2015), a line in z.
    pub fn finish_backward(
        &mut self,
        place: Place,
        (shards, count): (usize, usize),
        trained_shift: &[f32],
        shift_gradient: &mut [f32],
    ) {
        for (i, lane) in place.range().enumerate() {
            let sum = self.summed(shards, 0, lane);
            // The kernel summed g times x + trained shift.
            let product = self.summed(shards, 1, lane) - f64::from(trained_shift[i]) * sum;
            shift_gradient[i] = sum as f32;
            let (mean_g, mean_gx) = (sum / count as f64, product / count as f64);
            let scale = f64::from(self.scale[lane]);
            let mean_scaled = f64::from(trained_shift[i]) - f64::from(self.shift[lane]);
            self.slope[lane] = (scale * scale * mean_gx) as f32;
            self.offset[lane] = (scale * (mean_g - mean_scaled * mean_gx)) as f32;
        }
    }

    /// Lets no gradient through mean and variance, which are constants where they are frozen: dz = s g.
    pub fn forget_statistics(&mut self, place: Place) {
        self.slope[place.range()].fill(0.0);
        self.offset[place.range()].fill(0.0);
    }
}
