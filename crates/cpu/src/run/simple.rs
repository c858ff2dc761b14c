//! Steps that treat each image separately: copies, pools, sums.

use super::dropout::apply_mask;
use super::sums::{add_gradient_sums, begin_sums};
use super::{APART, Run};
use crate::conv::clear;
use crate::machine::Machine;
use crate::norm::Lanes;
use crate::plan::{Copy, Step, StepInput};
use crate::scratch::Scratch;
use modiste_kernels::isa::Isa;
use modiste_kernels::patches::Window;
use modiste_kernels::pool::Parts;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_kernels::{elementwise, norm, pooling};

/// One image of a step's forward pass.
struct Forward<'a> {
    isa: Isa,
    image: usize,
    x: Map<'a>,
    /// The second input of a sum.
    second: Option<Map<'a>>,
    activation: Option<Activation<'a>>,
    second_activation: Option<Activation<'a>>,
    y: MapMut<'a>,
    /// A bias of zeros.
    zeros: &'a [f32],
    scratch: &'a mut Scratch,
}

/// One image of a step's backward pass.
struct Backward<'a> {
    isa: Isa,
    image: usize,
    x: Map<'a>,
    /// How the input is read.
    activation: Option<Activation<'a>>,
    y: Map<'a>,
    dy: Map<'a>,
    /// The normalisation of the output: how it is read, slope and offset of the gradient.
    norm: Option<(Activation<'a>, &'a [f32], &'a [f32])>,
    dx: MapMut<'a>,
    accumulate: bool,
    scratch: &'a mut Scratch,
}

impl Run<'_> {
    fn images_forward(
        &mut self,
        step: &Step,
        second: Option<StepInput>,
        work: &(dyn Fn(Forward<'_>) + Sync),
    ) {
        let (to, from) = (step.to, step.from);
        let none = || 0..0;
        let ranges = [
            self.values(to),
            self.values(from.place),
            second.map_or_else(none, |source| self.values(source.place)),
        ];
        let (plan, extent) = (self.plan, self.extent);
        let [to_buffer, from_buffer] = [to, from.place].map(|p| &plan.buffers[p.buffer]);
        let with_moments = step.norm.is_some();
        let Machine { isa, pool, scratch, zeros } = &mut *self.machine;
        let zeros = &*zeros;
        let isa = *isa;
        let [output, input, other] = self.arena.get_disjoint_mut(ranges).expect(APART);
        let (input, other) = (&*input, &*other);
        // Moved out, so that the others can be read.
        let mut to_lanes = std::mem::take(&mut self.lanes[to.buffer]);
        let lanes = &*self.lanes;
        let activation = |source: StepInput| {
            source.deferred.then(|| lanes[source.place.buffer].activation(source.place))
        };
        let second_activation = second.and_then(activation);
        let activation = activation(from);
        let Lanes { sums, pilot, .. } = &mut to_lanes;
        let pilot = &pilot[to.range()];
        let sums = with_moments.then(|| Parts::new(sums, 2 * to_buffer.lanes));
        let outputs = Parts::new(output, to_buffer.image());
        let scratch = Parts::new(scratch, 1);
        let queue = extent.queue();
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            for shard in queue.shards() {
                let mut shard_sums = sums.as_ref().map(|s| s.take(shard));
                if let Some(sums) = &mut shard_sums {
                    begin_sums(sums, to);
                }
                for image in extent.images_of(shard) {
                    let out = outputs.take(image);
                    let x = from.place.map(from_buffer, &input[image * from_buffer.image()..]);
                    let second = second.map(|StepInput { place, .. }| {
                        let buffer = &plan.buffers[place.buffer];
                        place.map(buffer, &other[image * buffer.image()..])
                    });
                    let y = to.map_mut(to_buffer, out);
                    work(Forward {
                        isa,
                        image,
                        x,
                        second,
                        activation,
                        second_activation,
                        y,
                        zeros,
                        scratch,
                    });
                    if let Some(sums) = &mut shard_sums {
                        let (z, small) = (to.map(to_buffer, out), &mut scratch.small);
                        super::sums::add_moments(isa, z, pilot, to, sums, small);
                    }
                }
            }
        });
        self.lanes[to.buffer] = to_lanes;
    }

    /// The backward pass to one of the step's sources.
    fn images_backward(
        &mut self,
        step: &Step,
        source: &StepInput,
        work: &(dyn Fn(Backward<'_>) + Sync),
    ) {
        let (to, from) = (step.to, *source);
        let ranges = [
            self.values(to),
            self.gradients(to),
            self.values(from.place),
            self.gradients(from.place),
        ];
        let (plan, extent) = (self.plan, self.extent);
        let [to_buffer, from_buffer] = [to, from.place].map(|p| &plan.buffers[p.buffer]);
        if !from_buffer.trained {
            return;
        }
        let Machine { isa, pool, scratch, .. } = &mut *self.machine;
        let isa = *isa;
        let [output, d_output, input, d_input] = self.arena.get_disjoint_mut(ranges).expect(APART);
        let (output, d_output, input) = (&*output, &*d_output, &*input);
        let [to_lanes, from_lanes] =
            self.lanes.get_disjoint_mut([to.buffer, from.place.buffer]).expect(APART);
        let norm = step.norm.is_some().then(|| {
            let (slope, offset) = to_lanes.slope_and_offset(to);
            (to_lanes.activation(to), slope, offset)
        });
        let (sums, activation, centre) = from_lanes.sums_and_activation(from.place);
        let sums = Parts::new(sums, 2 * from_buffer.lanes);
        let d_inputs = Parts::new(d_input, from_buffer.image());
        let scratch = Parts::new(scratch, 1);
        let queue = extent.queue();
        pool.run(&|thread| {
            let scratch = &mut scratch.take(thread)[0];
            for shard in queue.shards() {
                let mut shard_sums = from.completes.then(|| sums.take(shard));
                if let Some(sums) = &mut shard_sums {
                    begin_sums(sums, from.place);
                }
                for image in extent.images_of(shard) {
                    let x = from.place.map(from_buffer, &input[image * from_buffer.image()..]);
                    let y = to.map(to_buffer, &output[image * to_buffer.image()..]);
                    let dy = to.map(to_buffer, &d_output[image * to_buffer.image()..]);
                    let gradient = d_inputs.take(image);
                    let dx = from.place.map_mut(from_buffer, gradient);
                    let (accumulate, read) = (from.accumulate, from.deferred.then_some(activation));
                    work(Backward {
                        isa,
                        image,
                        x,
                        activation: read,
                        y,
                        dy,
                        norm,
                        dx,
                        accumulate,
                        scratch,
                    });
                    if let Some(sums) = &mut shard_sums {
                        let (da, small) =
                            (from.place.map(from_buffer, gradient), &mut scratch.small);
                        let read = (activation, centre);
                        add_gradient_sums(isa, da, x, read, from.place, sums, small);
                    }
                }
            }
        });
    }

    pub(super) fn copy_forward(&mut self, step: &Step, copy: &Copy) {
        let (key, first) = (self.key, self.extent.first);
        let buffer = &self.plan.buffers[step.to.buffer];
        self.images_forward(step, None, &|Forward {
                                              isa,
                                              image,
                                              x,
                                              activation,
                                              mut y,
                                              scratch,
                                              ..
                                          }| {
            match (&copy.moves, activation) {
                (Some(moves), activation) => move_lanes(x, activation, moves, y.reborrow()),
                (None, Some(activation)) => norm::activate(isa, x, activation, y.reborrow()),
                (None, None) => elementwise::copy(isa, y.reborrow(), x),
            }
            if copy.floor > f32::NEG_INFINITY {
                elementwise::floor(isa, y.reborrow(), copy.floor);
            }
            if let Some(dropout) = &copy.dropout {
                apply_mask(isa, dropout, key, first + image, buffer, y, &mut scratch.small);
            }
        });
    }

    pub(super) fn copy_backward(&mut self, step: &Step, copy: &Copy) {
        let (key, first) = (self.key, self.extent.first);
        let buffer = &self.plan.buffers[step.to.buffer];
        self.images_backward(step, &step.from, &|b: Backward<'_>| {
            let Backward { isa, image, y, dy, norm, mut dx, accumulate, scratch, .. } = b;
            if norm.is_none() && copy.dropout.is_none() && copy.moves.is_none() {
                return relu_back(isa, dy, y, 1.0, copy.floor, dx, accumulate);
            }
            let mut raw = std::mem::take(&mut scratch.raw);
            let len = y.pixels() * y.channels;
            let mut g = MapMut { values: &mut raw[..len], stride: y.channels, ..y.shape() };
            match norm {
                Some((activation, slope, offset)) => {
                    norm::gradient(isa, dy, y, activation, slope, offset, g.reborrow());
                }
                None => elementwise::relu_gradient(isa, dy, y, 1.0, copy.floor, g.reborrow()),
            }
            if let Some(dropout) = &copy.dropout {
                let mask = &mut scratch.small;
                apply_mask(isa, dropout, key, first + image, buffer, g.reborrow(), mask);
            }
            match (&copy.moves, accumulate) {
                (Some(moves), _) => {
                    if !accumulate {
                        clear(&mut dx);
                    }
                    add_moved(g.as_map(), moves, dx);
                }
                (None, true) => elementwise::add_assign(isa, dx, g.as_map()),
                (None, false) => elementwise::copy(isa, dx, g.as_map()),
            }
            scratch.raw = raw;
        });
    }

    pub(super) fn max_forward(&mut self, step: &Step, window: Window) {
        let work = |f: Forward<'_>| pooling::max_forward(f.isa, f.x, f.activation, window, f.y);
        self.images_forward(step, None, &work);
    }

    pub(super) fn max_backward(&mut self, step: &Step, window: Window) {
        self.images_backward(step, &step.from, &|mut b: Backward<'_>| {
            b.clear_unless_accumulating();
            pooling::max_backward(b.isa, b.x, b.activation, (b.y, b.dy), window, b.dx);
        });
    }

    pub(super) fn mean_forward(&mut self, step: &Step, kernel: (usize, usize)) {
        let work = |f: Forward<'_>| pooling::mean_forward(f.isa, f.x, kernel, f.y);
        self.images_forward(step, None, &work);
    }

    pub(super) fn mean_backward(&mut self, step: &Step, kernel: (usize, usize)) {
        self.images_backward(step, &step.from, &|mut b: Backward<'_>| {
            b.clear_unless_accumulating();
            pooling::mean_backward(b.isa, b.dy, kernel, b.dx);
        });
    }

    pub(super) fn flatten_forward(&mut self, step: &Step) {
        self.images_forward(step, None, &|f: Forward<'_>| flatten(f.isa, f.x, f.y));
    }

    pub(super) fn flatten_backward(&mut self, step: &Step) {
        self.images_backward(step, &step.from, &|b: Backward<'_>| {
            let dy = Map { values: b.dy.values, stride: b.dx.channels, ..b.x };
            match b.accumulate {
                true => elementwise::add_assign(b.isa, b.dx, dy),
                false => elementwise::copy(b.isa, b.dx, dy),
            }
        });
    }

    pub(super) fn add_forward(&mut self, step: &Step, other: StepInput, scale: f32, floor: f32) {
        self.images_forward(step, Some(other), &|mut f: Forward<'_>| {
            let Some(second) = f.second else { return };
            match f.second_activation {
                Some(activation) => norm::activate(f.isa, second, activation, f.y.reborrow()),
                None => elementwise::copy(f.isa, f.y.reborrow(), second),
            }
            elementwise::residual(f.isa, f.y, f.x, f.zeros, scale, floor);
        });
    }

    pub(super) fn add_backward(&mut self, step: &Step, other: &StepInput, scale: f32, floor: f32) {
        for (source, factor) in [(&step.from, 1.0), (other, scale)] {
            self.images_backward(step, source, &|b: Backward<'_>| {
                relu_back(b.isa, b.dy, b.y, factor, floor, b.dx, b.accumulate);
            });
        }
    }
}

impl Backward<'_> {
    fn clear_unless_accumulating(&mut self) {
        if !self.accumulate {
            clear(&mut self.dx);
        }
    }
}

/// dx = or += factor * dy where y is above the floor.
pub(super) fn relu_back(
    isa: Isa,
    dy: Map<'_>,
    y: Map<'_>,
    factor: f32,
    floor: f32,
    dx: MapMut<'_>,
    accumulate: bool,
) {
    match accumulate {
        true => elementwise::add_relu_gradient(isa, dy, y, factor, floor, dx),
        false => elementwise::relu_gradient(isa, dy, y, factor, floor, dx),
    }
}

/// Copies all lanes of all pixels of `x` to the single pixel of `y`.
pub(crate) fn flatten(isa: Isa, x: Map<'_>, y: MapMut<'_>) {
    if x.pixels() * x.channels < y.channels {
        // The image, which has no padding.
        let (values, padding) = y.values[..y.channels].split_at_mut(x.pixels() * x.channels);
        values.copy_from_slice(&x.values[..values.len()]);
        return padding.fill(0.0);
    }
    let rows = MapMut { values: y.values, stride: x.channels, ..x.shape() };
    elementwise::copy(isa, rows, x);
}

/// Copies single lanes, activated if requested; the other lanes become zero.
pub(crate) fn move_lanes(
    x: Map<'_>,
    activation: Option<Activation<'_>>,
    moves: &[(usize, usize)],
    mut y: MapMut<'_>,
) {
    clear(&mut y);
    for pixel in 0..x.pixels() {
        for &(from, to) in moves {
            let value = x.values[pixel * x.stride + from];
            y.values[pixel * y.stride + to] = match &activation {
                Some(a) => (value * a.scale[from] + a.shift[from]).max(a.floor[from]),
                None => value,
            };
        }
    }
}

/// The backward pass of [`move_lanes`].
fn add_moved(g: Map<'_>, moves: &[(usize, usize)], dx: MapMut<'_>) {
    for pixel in 0..g.pixels() {
        for &(from, to) in moves {
            dx.values[pixel * dx.stride + from] += g.values[pixel * g.stride + to];
        }
    }
}
