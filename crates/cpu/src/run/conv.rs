//! Convolutions over a batch, with the operations fused into their steps.
//!
//! Neighbouring 1x1 convolutions that read the same maps (the heads of a block's branches) run as
//! one group, image by image, so that the maps are loaded from memory only once.

use super::simple::relu_back;
use super::sums::{add_gradient_sums, add_moments, begin_sums};
use super::{APART, Run};
use crate::conv::{End, ImageConv, Input, Skip, TOGETHER, chunks, maps_of};
use crate::machine::Machine;
use crate::norm::Lanes;
use crate::plan::{Buffer, Conv, GROUP, Method, Region, Step, StepInput, StepKind};
use crate::scratch::Scratch;
use modiste_kernels::isa::Isa;
use modiste_kernels::pool::Parts;
use modiste_kernels::view::{Gradient, Map, MapMut, NormGradient};
use modiste_kernels::{elementwise, norm};
use std::array::from_fn;
use std::ops::Range;

fn conv_of(step: &Step) -> &Conv {
    match &step.kind {
        StepKind::Conv(conv) => conv,
        StepKind::Copy(_)
        | StepKind::MaxPool(_)
        | StepKind::MeanPool(_)
        | StepKind::Flatten
        | StepKind::Add { .. } => {
            unreachable!("a group holds convolutions")
        }
    }
}

impl Run<'_> {
    /// The forward pass of a group of convolutions.
    pub(super) fn convs_forward(&mut self, steps: &[Step]) {
        let from = steps[0].from;
        let skip = conv_of(&steps[0]).residual.map(|(skip, _)| skip.place);
        let ranges: [Range<usize>; GROUP + 2] = from_fn(|i| match i {
            0 => self.values(from.place),
            1 => skip.map_or(0..0, |place| self.values(place)),
            _ => steps.get(i - 2).map_or(0..0, |step| self.values(step.to)),
        });
        let mut lanes = self.take_lanes(steps);
        let (plan, extent, weights, flat) = (self.plan, self.extent, self.weights, &*self.flat);
        let from_buffer = &plan.buffers[from.place.buffer];
        let Machine { isa, pool, scratch, zeros } = &mut *self.machine;
        let isa = *isa;
        let [input, skipped, outputs @ ..] = self.arena.get_disjoint_mut(ranges).expect(APART);
        let (input, skipped) = (&*input, &*skipped);
        let from_lanes = &self.lanes[from.place.buffer];
        let activation = from.deferred.then(|| from_lanes.activation(from.place));
        let mut fronts =
            outputs.into_iter().zip(&mut lanes).enumerate().map(|(i, (out, lanes))| {
                let step = steps.get(i)?;
                let conv = conv_of(step);
                let buffer = &plan.buffers[step.to.buffer];
                let Lanes { sums, pilot, .. } = lanes;
                let moments = step.norm.is_some();
                Some(ForwardConv {
                    to: step.to,
                    outputs: Parts::new(out, buffer.image()),
                    sums: moments.then(|| Parts::new(sums, 2 * buffer.lanes)),
                    buffer,
                    pilot: &pilot[step.to.range()],
                    image_conv: ImageConv::new(isa, weights, conv, flat),
                    from_image: from_buffer.image(),
                    end: End {
                        isa,
                        bias: conv.bias.map(|b| &flat[weights.parameters[b].range()]),
                        zeros,
                        skip: conv.residual.map(|(source, scale)| {
                            let buffer = &plan.buffers[source.place.buffer];
                            Skip { place: source.place, buffer, values: skipped, scale }
                        }),
                        floor: conv.floor,
                    },
                })
            });
        let members: [Option<ForwardConv<'_>>; GROUP] = from_fn(|_| fronts.next().flatten());
        drop(fronts);
        let scratch = Parts::new(scratch, 1);
        let parts = conv_of(&steps[0]).parts.as_slice();
        let read = |i: usize| {
            let map = from.place.map(from_buffer, &input[i * from_buffer.image()..]);
            Input { map, activation, parts }
        };
        let together = members[0].as_ref().map_or(1, |m| m.image_conv.together(read(0).map));
        let queue = extent.queue();
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            for shard in queue.shards() {
                let mut sums: [Option<&mut [f32]>; GROUP] =
                    from_fn(|m| members[m].as_ref().and_then(|member| member.begin(shard)));
                for images in chunks(extent.images_of(shard), together) {
                    let inputs: [_; TOGETHER] =
                        from_fn(|n| read(images.start + n.min(images.len() - 1)));
                    for (member, sums) in members.iter().flatten().zip(&mut sums) {
                        let inputs = &inputs[..images.len()];
                        member.images(inputs, images.start, sums.as_deref_mut(), scratch);
                    }
                }
            }
        });
        self.put_lanes(steps, lanes);
    }

    /// The backward pass of a group of convolutions.
    pub(super) fn convs_backward(&mut self, steps: &[Step], gradients: &mut [f32]) {
        let from = steps[0].from;
        let skip = conv_of(&steps[0]).residual.map(|(skip, _)| skip);
        let ranges: [Range<usize>; 2 * GROUP + 3] = from_fn(|i| match i {
            0 => self.values(from.place),
            1 => self.gradients(from.place),
            2 => skip.map_or(0..0, |skip| self.gradients(skip.place)),
            _ => match (steps.get((i - 3) / 2), i % 2) {
                (Some(step), 1) => self.values(step.to),
                (Some(step), _) => self.gradients(step.to),
                (None, _) => 0..0,
            },
        });
        let lanes = self.take_lanes(steps);
        let (plan, extent, weights, flat) = (self.plan, self.extent, self.weights, &*self.flat);
        let from_buffer = &plan.buffers[from.place.buffer];
        let Machine { isa, pool, scratch, .. } = &mut *self.machine;
        let isa = *isa;
        let [input, d_input, d_skipped, outputs @ ..] =
            self.arena.get_disjoint_mut(ranges).expect(APART);
        let (input, outputs) = (&*input, outputs.map(|slice| &*slice));
        let skip_buffer = skip.map(|skip| &plan.buffers[skip.place.buffer]);
        let d_skips = Parts::new(d_skipped, skip_buffer.map_or(1, Buffer::image));
        let from_lanes = &mut self.lanes[from.place.buffer];
        let (sums, activation, centre) = from_lanes.sums_and_activation(from.place);
        let members: [Option<BackwardConv<'_>>; GROUP] = from_fn(|m| {
            let step = steps.get(m)?;
            let conv = conv_of(step);
            Some(BackwardConv {
                isa,
                step,
                conv,
                buffer: &plan.buffers[step.to.buffer],
                lanes: &lanes[m],
                skip: skip.zip(skip_buffer),
                d_skips: &d_skips,
                image_conv: ImageConv::new(isa, weights, conv, flat),
                from_image: from_buffer.image(),
                weights: weights.parameters[weights.convs[conv.weights].parameter].range(),
                bias: conv.bias.map(|b| weights.parameters[b].range()),
                output: outputs[2 * m],
                d_output: outputs[2 * m + 1],
            })
        });
        let parts = conv_of(&steps[0]).parts.as_slice();
        let sums = Parts::new(sums, 2 * from_buffer.lanes);
        let completes = steps.iter().any(|step| step.from.completes);
        let d_inputs = Parts::new(d_input, from_buffer.image());
        let shards = Parts::new(gradients, weights.trainable);
        let scratch = Parts::new(scratch, 1);
        let read = |i: usize| {
            let map = from.place.map(from_buffer, &input[i * from_buffer.image()..]);
            Input { map, activation: from.deferred.then_some(activation), parts }
        };
        let together = members[0].as_ref().map_or(1, |member| member.together(read(0).map));
        let queue = extent.queue();
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            for shard in queue.shards() {
                let gradient = shards.take(shard);
                let mut shard_sums = completes.then(|| sums.take(shard));
                if let Some(sums) = &mut shard_sums {
                    begin_sums(sums, from.place);
                }
                let images = extent.images_of(shard);
                let whole = members.each_ref().map(|member| {
                    member
                        .as_ref()
                        .is_some_and(|m| m.is_one_block(read(images.start).map, images.len()))
                });
                for (member, whole) in members.iter().flatten().zip(whole) {
                    member.begin(gradient, whole, scratch);
                }
                for images in chunks(images, together) {
                    let count = images.len();
                    let mut dx: [&mut [f32]; TOGETHER] = from_fn(|n| match n < count {
                        true if from_buffer.trained => d_inputs.take(images.start + n),
                        _ => &mut [],
                    });
                    let inputs: [_; TOGETHER] = from_fn(|n| read(images.start + n.min(count - 1)));
                    for (member, whole) in members.iter().zip(whole).rev() {
                        let Some(member) = member else { continue };
                        let wanted = if from_buffer.trained { count } else { 0 };
                        let mut dx = dx.each_mut().map(Some);
                        let map = |n: usize| {
                            let dx = dx[n].take().expect("each image is asked for once");
                            from.place.map_mut(from_buffer, dx)
                        };
                        let mut maps = maps_of(wanted, map);
                        let (inputs, maps) = (&inputs[..count], &mut maps[..wanted]);
                        member.images(images.start, inputs, maps, (gradient, whole), scratch);
                    }
                    let Some(sums) = &mut shard_sums else { continue };
                    for (i, dx) in images.zip(&dx) {
                        for place in from.place.divided(parts) {
                            let z = place.map(from_buffer, &input[i * from_buffer.image()..]);
                            let da = place.map(from_buffer, dx);
                            let first = place.offset - from.place.offset;
                            let lanes = first..first + place.lanes;
                            let centre = centre.map(|centre| &centre[lanes.clone()]);
                            let read = (activation.lanes(lanes), centre);
                            let small = &mut scratch.small;
                            add_gradient_sums(isa, da, z, read, place, sums, small);
                        }
                    }
                }
                for (member, whole) in members.iter().flatten().zip(whole) {
                    member.end(gradient, whole, scratch);
                }
            }
        });
        self.put_lanes(steps, lanes);
    }

    /// Moves the outputs' lanes out, so that several can be changed at once.
    fn take_lanes(&mut self, steps: &[Step]) -> [Lanes; GROUP] {
        from_fn(|i| match steps.get(i) {
            Some(step) => std::mem::take(&mut self.lanes[step.to.buffer]),
            None => Lanes::default(),
        })
    }

    fn put_lanes(&mut self, steps: &[Step], lanes: [Lanes; GROUP]) {
        for (step, lanes) in steps.iter().zip(lanes) {
            self.lanes[step.to.buffer] = lanes;
        }
    }
}

/// One convolution of a group in the forward pass.
struct ForwardConv<'a> {
    to: Region,
    buffer: &'a Buffer,
    outputs: Parts<'a, f32>,
    /// The sums of moments, if a normalisation follows.
    sums: Option<Parts<'a, f32>>,
    pilot: &'a [f32],
    image_conv: ImageConv<'a>,
    end: End<'a>,
    /// Values of an image of the input.
    from_image: usize,
}

impl ForwardConv<'_> {
    /// Clears and returns the sums of a shard.
    fn begin(&self, shard: usize) -> Option<&mut [f32]> {
        let sums = self.sums.as_ref()?.take(shard);
        begin_sums(sums, self.to);
        Some(sums)
    }

    /// Computes whole images from `first` on.
    fn images(
        &self,
        inputs: &[Input<'_>],
        first: usize,
        mut sums: Option<&mut [f32]>,
        scratch: &mut Scratch,
    ) {
        let count = inputs.len();
        let mut maps =
            maps_of(count, |n| self.to.map_mut(self.buffer, self.outputs.take(first + n)));
        let maps = &mut maps[..count];
        scratch.ahead.clear();
        for (input, map) in inputs.iter().zip(&*maps) {
            scratch.ahead.add(input.map, count * self.from_image);
            scratch.ahead.add(map.as_map(), count * self.buffer.image());
        }
        self.image_conv.forward(inputs, (first, 0..self.buffer.height), maps, &self.end, scratch);
        if let Some(sums) = &mut sums {
            for map in maps {
                let z = map.as_map();
                add_moments(self.end.isa, z, self.pilot, self.to, sums, &mut scratch.small);
            }
        }
    }
}

/// One convolution of a group in the backward pass.
struct BackwardConv<'a> {
    isa: Isa,
    step: &'a Step,
    conv: &'a Conv,
    buffer: &'a Buffer,
    lanes: &'a Lanes,
    skip: Option<(StepInput, &'a Buffer)>,
    d_skips: &'a Parts<'a, f32>,
    image_conv: ImageConv<'a>,
    /// Values of an image of the input.
    from_image: usize,
    /// The ranges of the gradients of weights and bias in a shard's gradient.
    weights: Range<usize>,
    bias: Option<Range<usize>>,
    output: &'a [f32],
    d_output: &'a [f32],
}

impl BackwardConv<'_> {
    fn begin(&self, gradient: &mut [f32], whole: bool, scratch: &mut Scratch) {
        if !whole {
            self.image_conv.begin_shard(&mut gradient[self.weights.clone()], scratch);
        }
        if let Some(bias) = &self.bias {
            gradient[bias.clone()].fill(0.0);
        }
    }

    fn end(&self, gradient: &mut [f32], whole: bool, scratch: &mut Scratch) {
        if !whole {
            self.image_conv.end_shard(&mut gradient[self.weights.clone()], scratch);
        }
    }

    /// Whether the images of a shard are one block, so that nothing is summed across blocks.
    fn is_one_block(&self, map: Map<'_>, images: usize) -> bool {
        self.carries() && self.image_conv.is_one_block(map, images)
    }

    /// The best number of images to take at once.
    fn together(&self, map: Map<'_>) -> usize {
        if self.carries() { self.image_conv.together(map) } else { 1 }
    }

    /// Whether the gradient passes through the normalisation as it is read; otherwise the gradient
    /// of the raw output is stored in scratch memory, one image at a time.
    fn carries(&self) -> bool {
        self.conv.method == Method::Winograd && self.norm_alone()
    }

    /// Whether the output is only normalised.
    fn norm_alone(&self) -> bool {
        self.step.norm.is_some() && self.bias.is_none()
    }

    /// Computes the gradients of images from `first` on; `dx` is empty if no gradient of the input
    /// is needed. The gradient of the weights is that of the shard; the flag says whether the
    /// images are the whole shard and one block.
    fn images(
        &self,
        first: usize,
        inputs: &[Input<'_>],
        dx: &mut [MapMut<'_>],
        (gradient, whole): (&mut [f32], bool),
        scratch: &mut Scratch,
    ) {
        let accumulate = self.step.from.accumulate;
        if self.carries() {
            let gradients: [_; TOGETHER] =
                from_fn(|n| self.gradient(first + n.min(inputs.len() - 1)));
            let gradients = &gradients[..inputs.len()];
            scratch.ahead.clear();
            let (distance, from_distance) =
                (inputs.len() * self.buffer.image(), inputs.len() * self.from_image);
            for (input, gradient) in inputs.iter().zip(gradients) {
                scratch.ahead.add(input.map, from_distance);
                scratch.ahead.add(gradient.map, distance);
                gradient.norm.iter().for_each(|norm| scratch.ahead.add(norm.z, distance));
            }
            dx.iter().for_each(|dx| scratch.ahead.add(dx.as_map(), from_distance));
            let whole = whole.then(|| &mut gradient[self.weights.clone()]);
            let conv = &self.image_conv;
            return conv.winograd_gradients(inputs, gradients, whole, dx, accumulate, scratch);
        }
        for (n, &input) in inputs.iter().enumerate() {
            if let (Method::Stem(stride), true) = (self.conv.method, self.norm_alone()) {
                let (dy, weights) = (self.gradient(first + n), &mut gradient[self.weights.clone()]);
                self.image_conv.stem_gradient(input, stride, dy, weights, scratch);
                continue;
            }
            let mut raw = std::mem::take(&mut scratch.raw);
            let dz = self.raw_gradient(first + n, &mut raw);
            if let Some(bias) = &self.bias {
                elementwise::accumulate_sums(self.isa, dz, &mut gradient[bias.clone()]);
            }
            let dx = dx.get_mut(n..=n).unwrap_or_default();
            if self.conv.method == Method::Winograd {
                let dz = [Gradient { map: dz, norm: None }];
                self.image_conv.winograd_gradients(&[input], &dz, None, dx, accumulate, scratch);
            } else {
                let weights = &mut gradient[self.weights.clone()];
                self.image_conv.weight_gradient(input, dz, weights, scratch);
                for dx in dx {
                    let parts = &self.conv.parts;
                    self.image_conv.input_gradient(dz, dx.reborrow(), parts, accumulate, scratch);
                }
            }
            scratch.raw = raw;
        }
    }

    /// The gradient of image `i`'s normalised output, to be converted to that of the raw one on reading.
    fn gradient(&self, i: usize) -> Gradient<'_> {
        let (to, buffer) = (self.step.to, self.buffer);
        let (slope, offset) = self.lanes.slope_and_offset(to);
        let z = to.map(buffer, &self.output[i * buffer.image()..]);
        let norm = NormGradient { z, activation: self.lanes.activation(to), slope, offset };
        let map = to.map(buffer, &self.d_output[i * buffer.image()..]);
        Gradient { map, norm: Some(norm) }
    }

    /// The gradient of image `i`'s raw output; also passes on the gradient of a skipped input.
    fn raw_gradient<'b>(&'b self, i: usize, raw: &'b mut [f32]) -> Map<'b> {
        let (to, buffer, isa) = (self.step.to, self.buffer, self.isa);
        let y = to.map(buffer, &self.output[i * buffer.image()..]);
        let dy = to.map(buffer, &self.d_output[i * buffer.image()..]);
        let floor = self.conv.floor;
        let mut scale = 1.0;
        if let (Some((_, factor)), Some((skip, skip_buffer))) = (self.conv.residual, self.skip) {
            let dx = skip.place.map_mut(skip_buffer, self.d_skips.take(i));
            relu_back(isa, dy, y, 1.0, floor, dx, skip.accumulate);
            scale = factor;
        }
        let mut dz = MapMut { values: raw, stride: to.lanes, ..y.shape() };
        if self.step.norm.is_some() {
            let (slope, offset) = self.lanes.slope_and_offset(to);
            let activation = self.lanes.activation(to);
            norm::gradient(isa, dy, y, activation, slope, offset, dz.reborrow());
        } else if self.conv.residual.is_some() || floor > f32::NEG_INFINITY {
            elementwise::relu_gradient(isa, dy, y, scale, floor, dz.reborrow());
        } else {
            return dy;
        }
        dz.into_map()
    }
}
