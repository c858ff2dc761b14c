//! Convolutions over a batch, with what their steps take along.

use super::bands::{Bands, band_map};
use super::simple::relu_back;
use super::sums::{add_gradient_sums, add_moments, begin_sums};
use super::{APART, Run};
use crate::conv::ImageConv;
use crate::machine::{Machine, Scratch, share};
use crate::norm::Lanes;
use crate::plan::{Buffer, Conv, Source, Step};
use modiste_kernels::pool::Parts;
use modiste_kernels::simd::Isa;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_kernels::{elementwise, norm};
use std::ops::Range;

/// What ends a convolution in the forward pass.
struct End<'a> {
    isa: Isa,
    bias: Option<&'a [f32]>,
    zeros: &'a [f32],
    residual: Option<(Source, f32)>,
    skip_buffer: Option<&'a Buffer>,
    skipped: &'a [f32],
    floor: f32,
}

impl End<'_> {
    /// Bias, sum and ReLU on the rows `rows` of image `i`.
    fn apply(&self, i: usize, rows: &Range<usize>, out: MapMut<'_>) {
        let bias = self.bias.unwrap_or(self.zeros);
        if let (Some((skip, scale)), Some(buffer)) = (&self.residual, self.skip_buffer) {
            let start = i * buffer.image() + rows.start * buffer.width * buffer.lanes;
            let x = Map { height: rows.len(), ..skip.place.map(buffer, &self.skipped[start..]) };
            elementwise::residual(self.isa, out, x, bias, *scale, self.floor);
        } else if self.bias.is_some() || self.floor > f32::NEG_INFINITY {
            elementwise::bias_floor(self.isa, out, bias, self.floor);
        }
    }
}

impl Run<'_> {
    pub(super) fn conv_forward(&mut self, step: &Step, conv: &Conv) {
        let (to, from) = (step.to, step.from);
        let skip = conv.residual.map(|(skip, _)| skip.place);
        let skip_values = skip.map_or(0..0, |place| self.values(place));
        let ranges = [self.values(to), self.values(from.place), skip_values];
        let (plan, extent, weights, flat) = (self.plan, self.extent, self.weights, &*self.flat);
        let [to_buffer, from_buffer] = [to, from.place].map(|p| &plan.buffers[p.buffer]);
        let with_moments = step.norm.is_some() && self.training.is_some();
        let Machine { isa, pool, scratch, zeros } = &mut *self.machine;
        let (isa, threads) = (*isa, pool.threads());
        let [output, input, skipped] = self.arena.get_disjoint_mut(ranges).expect(APART);
        let (input, skipped) = (&*input, &*skipped);
        let [to_lanes, from_lanes] =
            self.lanes.get_disjoint_mut([to.buffer, from.place.buffer]).expect(APART);
        let Lanes { sums, pilot, .. } = to_lanes;
        let pilot = &pilot[to.range()];
        let sums = with_moments.then(|| Parts::new(sums, 2 * to_buffer.lanes));
        let activation = from.deferred.then(|| from_lanes.activation(from.place));
        let image_conv = ImageConv::new(isa, weights, conv, flat);
        let end = End {
            isa,
            bias: conv.bias.map(|b| &flat[weights.parameters[b].range()]),
            zeros,
            residual: conv.residual,
            skip_buffer: skip.map(|place| &plan.buffers[place.buffer]),
            skipped,
            floor: conv.floor,
        };
        let bands = Bands::new(to_buffer, extent.bands);
        let outputs = Parts::new(output, bands.values(to_buffer));
        let scratch = Parts::new(scratch, 1);
        let work = |i: usize, band: usize, scratch: &mut Scratch| {
            let values = outputs.take(i * bands.count + band);
            let (rows, height) = (bands.range(band, to_buffer.height), to_buffer.height);
            let x = from.place.map(from_buffer, &input[i * from_buffer.image()..]);
            let mut out = band_map(to, to_buffer, rows.len(), values);
            image_conv.forward((x, activation), rows.clone(), height, out.reborrow(), scratch);
            end.apply(i, &rows, out);
            values
        };
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            if extent.bands > 1 {
                for band in share(bands.count, thread, threads) {
                    work(0, band, scratch);
                }
                return;
            }
            for shard in extent.shards_of(thread, threads) {
                let mut shard_sums = sums.as_ref().map(|s| s.take(shard));
                if let Some(sums) = &mut shard_sums {
                    begin_sums(sums, to);
                }
                for i in extent.images_of(shard) {
                    let image = work(i, 0, scratch);
                    if let Some(sums) = &mut shard_sums {
                        let z = to.map(to_buffer, image);
                        add_moments(isa, z, pilot, to, sums, &mut scratch.small);
                    }
                }
            }
        });
    }

    pub(super) fn conv_backward(&mut self, step: &Step, conv: &Conv, gradients: &mut [f32]) {
        let (to, from) = (step.to, step.from);
        let skip = conv.residual.map(|(skip, _)| skip);
        let ranges = [
            self.values(to),
            self.gradients(to),
            self.values(from.place),
            self.gradients(from.place),
            skip.map_or(0..0, |skip| self.gradients(skip.place)),
        ];
        let (plan, extent, weights, flat) = (self.plan, self.extent, self.weights, &*self.flat);
        let [to_buffer, from_buffer] = [to, from.place].map(|p| &plan.buffers[p.buffer]);
        let Machine { isa, pool, scratch, .. } = &mut *self.machine;
        let (isa, threads) = (*isa, pool.threads());
        let [output, d_output, input, d_input, d_skipped] =
            self.arena.get_disjoint_mut(ranges).expect(APART);
        let [to_lanes, from_lanes] =
            self.lanes.get_disjoint_mut([to.buffer, from.place.buffer]).expect(APART);
        let (sums, activation) = from_lanes.sums_and_activation(from.place);
        let back = Back {
            isa,
            step,
            conv,
            to_buffer,
            from_buffer,
            skip_buffer: skip.map(|skip| &plan.buffers[skip.place.buffer]),
            to_lanes,
            activation,
            image_conv: ImageConv::new(isa, weights, conv, flat),
            weights: weights.parameters[weights.convs[conv.weights].parameter].range(),
            bias: conv.bias.map(|b| weights.parameters[b].range()),
            output,
            d_output,
            input,
            d_inputs: Parts::new(d_input, from_buffer.image()),
            d_skips: Parts::new(
                d_skipped,
                skip.map_or(1, |s| plan.buffers[s.place.buffer].image()),
            ),
        };
        let sums = Parts::new(sums, 2 * from_buffer.lanes);
        let shards = Parts::new(gradients, weights.trainable);
        let scratch = Parts::new(scratch, 1);
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            for shard in extent.shards_of(thread, threads) {
                let sums = from.completes.then(|| sums.take(shard));
                back.shard(extent.images_of(shard), shards.take(shard), sums, scratch);
            }
        });
    }
}

/// A convolution's backward pass, shard by shard.
struct Back<'a> {
    isa: Isa,
    step: &'a Step,
    conv: &'a Conv,
    to_buffer: &'a Buffer,
    from_buffer: &'a Buffer,
    skip_buffer: Option<&'a Buffer>,
    to_lanes: &'a Lanes,
    /// How the input is read.
    activation: Activation<'a>,
    image_conv: ImageConv<'a>,
    /// Where the gradients of weights and bias lie in a shard's.
    weights: Range<usize>,
    bias: Option<Range<usize>>,
    output: &'a [f32],
    d_output: &'a [f32],
    input: &'a [f32],
    d_inputs: Parts<'a, f32>,
    d_skips: Parts<'a, f32>,
}

impl Back<'_> {
    fn shard(
        &self,
        images: Range<usize>,
        gradient: &mut [f32],
        mut sums: Option<&mut [f32]>,
        scratch: &mut Scratch,
    ) {
        let from = self.step.from;
        self.image_conv.begin_shard(&mut gradient[self.weights.clone()], scratch);
        if let Some(bias) = &self.bias {
            gradient[bias.clone()].fill(0.0);
        }
        if let Some(sums) = &mut sums {
            begin_sums(sums, from.place);
        }
        let mut raw = std::mem::take(&mut scratch.raw);
        for i in images {
            let dz = self.raw_gradient(i, &mut raw);
            if let Some(bias) = &self.bias {
                elementwise::accumulate_sums(self.isa, dz, &mut gradient[bias.clone()]);
            }
            let x = from.place.map(self.from_buffer, &self.input[i * self.from_buffer.image()..]);
            let read = (x, from.deferred.then_some(self.activation));
            let weights = &mut gradient[self.weights.clone()];
            self.image_conv.weight_gradient(read, dz, weights, scratch);
            if !self.from_buffer.trained {
                continue;
            }
            let dx = self.d_inputs.take(i);
            let map = from.place.map_mut(self.from_buffer, dx);
            self.image_conv.input_gradient(dz, map, from.accumulate, scratch);
            if let Some(sums) = &mut sums {
                let (da, small) = (from.place.map(self.from_buffer, dx), &mut scratch.small);
                add_gradient_sums(self.isa, da, x, self.activation, from.place, sums, small);
            }
        }
        scratch.raw = raw;
        self.image_conv.end_shard(&mut gradient[self.weights.clone()], scratch);
    }

    /// The gradient of image `i`'s raw output; that of a skipped input goes on from here.
    fn raw_gradient<'b>(&'b self, i: usize, raw: &'b mut [f32]) -> Map<'b> {
        let (to, buffer, isa) = (self.step.to, self.to_buffer, self.isa);
        let y = to.map(buffer, &self.output[i * buffer.image()..]);
        let dy = to.map(buffer, &self.d_output[i * buffer.image()..]);
        let floor = self.conv.floor;
        let mut scale = 1.0;
        if let (Some((skip, factor)), Some(skip_buffer)) = (self.conv.residual, self.skip_buffer) {
            let dx = skip.place.map_mut(skip_buffer, self.d_skips.take(i));
            relu_back(isa, dy, y, 1.0, floor, dx, skip.accumulate);
            scale = factor;
        }
        let mut dz = MapMut { values: raw, stride: to.lanes, ..y.shape() };
        if self.step.norm.is_some() {
            let (slope, offset) = self.to_lanes.slope_and_offset(to);
            let activation = self.to_lanes.activation(to);
            norm::gradient(isa, dy, y, activation, slope, offset, dz.reborrow());
        } else if self.conv.residual.is_some() || floor > f32::NEG_INFINITY {
            elementwise::relu_gradient(isa, dy, y, scale, floor, dz.reborrow());
        } else {
            return dy;
        }
        dz.into_map()
    }
}
