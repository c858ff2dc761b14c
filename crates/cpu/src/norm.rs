//! Batch normalisation between the steps: turns the shards' sums into the scale and shift with
//! which each lane is read, and in the backward pass into the coefficients of each lane's gradient.

use crate::plan::{Buffer, Norm, Plan, Region, Step};
use crate::weights::Weights;
use modiste_kernels::view::Activation;

/// Scale, shift and statistics of each lane of a buffer.
///
/// A lane that is not normalised keeps scale 1, shift 0 and no floor, so that concatenations of
/// normalised and plain parts are read by the same rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    scale: Vec<f32>,
    shift: Vec<f32>,
    floor: Vec<f32>,
    slope: Vec<f32>,
    offset: Vec<f32>,
    /// The batch's means, and the inverses of its deviations. Empty unless a scale is trained.
    centre: Vec<f32>,
    inverse: Vec<f32>,
    /// Two sums per lane and shard: (shard, 2, lanes). In the forward pass, those of z - pilot and
    /// its square; in the backward pass, those of g and of g times the normalised value with its
    /// shift, or with a trained scale (which may be 0), of g times the distance from the mean.
    pub sums: Vec<f32>,
    /// The value subtracted before summing: the running mean.
    pub pilot: Vec<f32>,
}

impl Lanes {
    /// Creates the lanes of each buffer of a plan. `shards` is the largest number of shards; 0 for
    /// prediction.
    pub fn of(plan: &Plan, shards: usize) -> Vec<Self> {
        let scaled = |buffer: usize| {
            let writes = |step: &Step| step.to.buffer == buffer;
            plan.steps.iter().any(|s| writes(s) && s.norm.is_some_and(|n| n.scale.is_some()))
        };
        let new = |(i, b): (usize, &Buffer)| Self::new(b.lanes, shards, shards > 0 && scaled(i));
        plan.buffers.iter().enumerate().map(new).collect()
    }

    fn new(lanes: usize, shards: usize, scaled: bool) -> Self {
        Self {
            scale: vec![1.0; lanes],
            shift: vec![0.0; lanes],
            floor: vec![f32::NEG_INFINITY; lanes],
            slope: vec![0.0; lanes],
            offset: vec![0.0; lanes],
            centre: vec![0.0; if scaled { lanes } else { 0 }],
            inverse: vec![1.0; if scaled { lanes } else { 0 }],
            sums: vec![0.0; shards * 2 * lanes],
            pilot: vec![0.0; lanes],
        }
    }

    /// How the lanes of a place are read.
    pub fn activation(&self, place: Region) -> Activation<'_> {
        let range = place.range();
        Activation {
            scale: &self.scale[range.clone()],
            shift: &self.shift[range.clone()],
            floor: &self.floor[range],
        }
    }

    /// The sums to write to, how the lanes of a place are read, and their means if the sums use
    /// distances from them.
    pub fn sums_and_activation(
        &mut self,
        place: Region,
    ) -> (&mut [f32], Activation<'_>, Option<&[f32]>) {
        let range = place.range();
        let activation = Activation {
            scale: &self.scale[range.clone()],
            shift: &self.shift[range.clone()],
            floor: &self.floor[range],
        };
        (&mut self.sums, activation, self.centre.get(place.range()))
    }

    /// The coefficients that give the gradient of the lanes' raw values from that of the activated ones.
    pub fn slope_and_offset(&self, place: Region) -> (&[f32], &[f32]) {
        (&self.slope[place.range()], &self.offset[place.range()])
    }

    fn summed(&self, shards: usize, which: usize, lane: usize) -> f64 {
        let lanes = self.scale.len();
        (0..shards).map(|s| f64::from(self.sums[(2 * s + which) * lanes + lane])).sum()
    }

    fn set(
        &mut self,
        lane: usize,
        (mean, variance): (f64, f64),
        (trained_scale, shift): (Option<f32>, f32),
        norm: &Norm,
    ) {
        let inverse = 1.0 / (variance + norm.epsilon).sqrt();
        let scale = trained_scale.map_or(inverse, |scale| f64::from(scale) * inverse);
        self.scale[lane] = scale as f32;
        self.shift[lane] = (f64::from(shift) - mean * scale) as f32;
        self.floor[lane] = norm.floor;
        if !self.centre.is_empty() {
            (self.centre[lane], self.inverse[lane]) = (mean as f32, inverse as f32);
        }
    }

    /// Before a training step's forward pass: sets the pilot, near which the means are expected.
    pub fn set_pilot(&mut self, norm: &Norm, place: Region, weights: &Weights, flat: &[f32]) {
        self.pilot[place.range()].copy_from_slice(&flat[weights.parameters[norm.mean].range()]);
    }

    /// After the forward step: computes scale and shift from the batch's statistics, and updates
    /// the running statistics.
    pub fn finish_forward(
        &mut self,
        norm: &Norm,
        place: Region,
        (shards, count): (usize, usize),
        weights: &Weights,
        flat: &mut [f32],
    ) {
        let [shift, mean, variance] =
            [norm.shift, norm.mean, norm.variance].map(|p| weights.parameters[p].start);
        let scale = norm.scale.map(|p| weights.parameters[p].start);
        let n = count as f64;
        for (i, lane) in place.range().enumerate() {
            let difference = self.summed(shards, 0, lane) / n;
            let batch_mean = f64::from(self.pilot[lane]) + difference;
            let square = self.summed(shards, 1, lane) / n;
            let batch_variance = (square - difference * difference).max(0.0);
            let trained = (scale.map(|scale| flat[scale + i]), flat[shift + i]);
            self.set(lane, (batch_mean, batch_variance), trained, norm);
            // PyTorch keeps the unbiased variance; a single value only has the biased one.
            let unbiased = if count > 1 { batch_variance * n / (n - 1.0) } else { batch_variance };
            let blend = |old: f32, new: f64| {
                (f64::from(old) * (1.0 - norm.momentum) + new * norm.momentum) as f32
            };
            flat[mean + i] = blend(flat[mean + i], batch_mean);
            flat[variance + i] = blend(flat[variance + i], unbiased);
        }
    }

    /// For inference: computes scale and shift from the running statistics.
    pub fn use_running(&mut self, norm: &Norm, place: Region, weights: &Weights, flat: &[f32]) {
        let [shift, mean, variance] =
            [norm.shift, norm.mean, norm.variance].map(|p| weights.parameters[p].start);
        let scale = norm.scale.map(|p| weights.parameters[p].start);
        for (i, lane) in place.range().enumerate() {
            let (mean, variance) = (f64::from(flat[mean + i]), f64::from(flat[variance + i]));
            let trained = (scale.map(|scale| flat[scale + i]), flat[shift + i]);
            self.set(lane, (mean, variance), trained, norm);
        }
    }

    /// When the gradient of the activated lanes is complete: computes slope and offset of dz, and
    /// the gradients of the shift and of a trained scale, which go to `gradients`.
    ///
    /// With scale s, mean m, normalised values x = s (z - m) and means over the batch of g and g x:
    /// dz = s (g - mean(g) - x mean(g x)) (Ioffe and Szegedy 2015), a line in z. A trained scale
    /// multiplies the whole.
    pub fn finish_backward(
        &mut self,
        norm: &Norm,
        place: Region,
        (shards, count): (usize, usize),
        weights: &Weights,
        flat: &[f32],
        gradients: &mut [f32],
    ) {
        let shift = weights.parameters[norm.shift].start;
        let trained_scale = norm.scale.map(|p| weights.parameters[p].start);
        for (i, lane) in place.range().enumerate() {
            let sum = self.summed(shards, 0, lane);
            gradients[shift + i] = sum as f32;
            let scale = f64::from(self.scale[lane]);
            let (inverse, mean_scaled, product) = match self.centre.get(lane) {
                // The kernel summed g times x + trained shift.
                None => {
                    let trained_shift = f64::from(flat[shift + i]);
                    let product = self.summed(shards, 1, lane) - trained_shift * sum;
                    (scale, trained_shift - f64::from(self.shift[lane]), product)
                }
                Some(&mean) => {
                    let inverse = f64::from(self.inverse[lane]);
                    let product = self.summed(shards, 1, lane) * inverse;
                    (inverse, f64::from(mean) * inverse, product)
                }
            };
            if let Some(start) = trained_scale {
                gradients[start + i] = product as f32;
            }
            let (mean_g, mean_gx) = (sum / count as f64, product / count as f64);
            self.slope[lane] = (scale * inverse * mean_gx) as f32;
            self.offset[lane] = (scale * (mean_g - mean_scaled * mean_gx)) as f32;
        }
    }

    /// Treats mean and variance as constants, as when they are frozen: dz = s g.
    pub fn forget_statistics(&mut self, place: Region) {
        self.slope[place.range()].fill(0.0);
        self.offset[place.range()].fill(0.0);
    }
}
