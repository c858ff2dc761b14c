//! The steps that are no convolutions, image by image on one thread.

use super::Walk;
use crate::plan::{Kind, Place, Source, Step};
use crate::run::{APART, move_lanes};
use modiste_kernels::view::{Map, MapMut};
use modiste_kernels::{elementwise, norm, pooling};
use std::ops::Range;

impl Walk<'_> {
    /// Where the values of a place's buffer lie in the arena of a slab of `n` images.
    pub(super) fn range(&self, place: Place, n: usize) -> Range<usize> {
        let buffer = &self.plan.buffers[place.buffer];
        buffer.start * n..(buffer.start + buffer.image()) * n
    }

    /// A step that is no convolution.
    pub(super) fn simple(&self, step: &Step, arena: &mut [f32], n: usize) {
        match &step.kind {
            Kind::Conv(_) => unreachable!("convolutions have a way of their own"),
            Kind::Copy(copy) => self.images(step, None, arena, n, |x, _, mut y| {
                let activation = step.norm.map(|_| self.lanes[step.to.buffer].activation(step.to));
                match (&copy.moves, activation) {
                    (Some(moves), activation) => move_lanes(x, activation, moves, y.reborrow()),
                    (None, Some(activation)) => {
                        norm::activate(self.isa, x, activation, y.reborrow())
                    }
                    (None, None) => elementwise::copy(self.isa, y.reborrow(), x),
                }
                if copy.floor > f32::NEG_INFINITY {
                    elementwise::floor(self.isa, y, copy.floor);
                }
            }),
            Kind::MaxPool(window) => self.images(step, None, arena, n, |x, _, y| {
                pooling::max_forward(self.isa, x, *window, y);
            }),
            Kind::MeanPool(kernel) => self.images(step, None, arena, n, |x, _, y| {
                pooling::mean_forward(self.isa, x, *kernel, y);
            }),
            Kind::Add { other, scale, floor } => {
                self.images(step, Some(other), arena, n, |x, second, mut y| {
                    elementwise::copy(self.isa, y.reborrow(), second);
                    let zeros = &self.zeros[..x.channels];
                    elementwise::residual(self.isa, y, x, zeros, *scale, *floor);
                });
            }
        }
    }

    /// Calls `work(input, second input or the first again, output)` for each image.
    fn images(
        &self,
        step: &Step,
        second: Option<&Source>,
        arena: &mut [f32],
        n: usize,
        work: impl Fn(Map<'_>, Map<'_>, MapMut<'_>),
    ) {
        let (to, from) = (step.to, step.from.place);
        let other = second.map(|source| source.place);
        let ranges =
            [self.range(to, n), self.range(from, n), other.map_or(0..0, |p| self.range(p, n))];
        let [out, input, others] = arena.get_disjoint_mut(ranges).expect(APART);
        let buffer = |place: Place| &self.plan.buffers[place.buffer];
        for image in 0..n {
            let of = |place: Place| image * buffer(place).image();
            let x = from.map(buffer(from), &input[of(from)..]);
            let second = other.map_or(x, |place| place.map(buffer(place), &others[of(place)..]));
            work(x, second, to.map_mut(buffer(to), &mut out[of(to)..]));
        }
    }
}
