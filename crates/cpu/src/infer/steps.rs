//! The steps of a slab: convolutions with bias, sum and ReLU, on one thread or, for a single image,
//! in bands on all threads; other steps image by image on one thread.

use super::{StepThreads, Walk};
use crate::conv::{End, ImageConv, Input, PREDICTION, Skip, TOGETHER, chunks, maps_of};
use crate::machine::share;
use crate::plan::{Buffer, Conv, Method, Region, Step, StepInput, StepKind};
use crate::run::{APART, flatten, move_lanes};
use crate::scratch::Scratch;
use modiste_kernels::pool::Parts;
use modiste_kernels::view::{Map, MapMut};
use modiste_kernels::winograd::{TILE, tiles};
use modiste_kernels::{elementwise, norm, pooling};
use std::array::from_fn;
use std::ops::Range;

impl Walk<'_> {
    /// The range of a place's buffer in the arena of a slab of `n` images.
    pub(super) fn range(&self, place: Region, n: usize) -> Range<usize> {
        let buffer = &self.plan.buffers[place.buffer];
        buffer.start * n..(buffer.start + buffer.image()) * n
    }

    /// Runs the convolution step `i` on the `n` images in the arena.
    pub(super) fn conv(
        &self,
        i: usize,
        conv: &Conv,
        arena: &mut [f32],
        n: usize,
        threads: &mut StepThreads<'_>,
    ) {
        let step = &self.plan.steps[i];
        let buffer = |place: Region| &self.plan.buffers[place.buffer];
        let (from, to) = (step.from.place, step.to);
        let skip = conv.residual.map(|(source, _)| source.place);
        let ranges = [to, from].map(|place| self.range(place, n));
        let skipped = skip.map_or(0..0, |place| self.range(place, n));
        let [out, input, skipped] =
            arena.get_disjoint_mut([ranges[0].clone(), ranges[1].clone(), skipped]).expect(APART);
        let filter = self.folded.filter(i, conv, step);
        let image_conv = ImageConv {
            isa: self.isa,
            method: conv.method,
            c: from.lanes,
            k: to.lanes,
            forward: filter.values,
            backward: &[],
            tuning: PREDICTION,
        };
        // The block's factor is folded into the filters.
        let skip =
            skip.map(|place| Skip { place, buffer: buffer(place), values: skipped, scale: 1.0 });
        let (bias, floor) = (Some(filter.bias), filter.floor);
        let end = End { isa: self.isa, bias, zeros: self.zeros, skip, floor };
        let slab = SlabConv {
            image_conv,
            end,
            from,
            from_buffer: buffer(from),
            input,
            to,
            buffer: buffer(to),
        };
        match threads {
            StepThreads::Alone(scratch) => slab.images(n, out, scratch),
            StepThreads::Team(pool, scratch) => {
                let (threads, row) = (pool.threads(), slab.buffer.width * slab.buffer.lanes);
                let cut = |thread: usize| slab.cut(thread, threads);
                let cuts: Vec<usize> = (0..=threads).map(|thread| cut(thread) * row).collect();
                let (bands, scratch) = (Parts::at(out, &cuts), Parts::new(scratch, 1));
                pool.run(&|thread| {
                    let rows = cut(thread)..cut(thread + 1);
                    if !rows.is_empty() {
                        slab.band(rows, bands.take(thread), scratch.take(thread)[0]);
                    }
                });
            }
        }
    }

    /// Runs a step that is not a convolution.
    pub(super) fn simple(&self, step: &Step, arena: &mut [f32], n: usize) {
        match &step.kind {
            StepKind::Conv(_) => unreachable!("`conv` runs convolutions"),
            StepKind::Copy(copy) => self.images(step, None, arena, n, |x, _, mut y| {
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
            StepKind::MaxPool(window) => self.images(step, None, arena, n, |x, _, y| {
                pooling::max_forward(self.isa, x, None, *window, y);
            }),
            StepKind::MeanPool(kernel) => self.images(step, None, arena, n, |x, _, y| {
                pooling::mean_forward(self.isa, x, *kernel, y);
            }),
            StepKind::Flatten => {
                self.images(step, None, arena, n, |x, _, y| flatten(self.isa, x, y))
            }
            StepKind::Add { other, scale, floor } => {
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
        second: Option<&StepInput>,
        arena: &mut [f32],
        n: usize,
        work: impl Fn(Map<'_>, Map<'_>, MapMut<'_>),
    ) {
        let (to, from) = (step.to, step.from.place);
        let other = second.map(|source| source.place);
        let ranges =
            [self.range(to, n), self.range(from, n), other.map_or(0..0, |p| self.range(p, n))];
        let [out, input, others] = arena.get_disjoint_mut(ranges).expect(APART);
        let buffer = |place: Region| &self.plan.buffers[place.buffer];
        for image in 0..n {
            let of = |place: Region| image * buffer(place).image();
            let x = from.map(buffer(from), &input[of(from)..]);
            let second = other.map_or(x, |place| place.map(buffer(place), &others[of(place)..]));
            work(x, second, to.map_mut(buffer(to), &mut out[of(to)..]));
        }
    }
}

/// A convolution of a slab's images.
struct SlabConv<'a> {
    image_conv: ImageConv<'a>,
    end: End<'a>,
    from: Region,
    from_buffer: &'a Buffer,
    input: &'a [f32],
    to: Region,
    buffer: &'a Buffer,
}

impl SlabConv<'_> {
    fn read(&self, image: usize) -> Input<'_> {
        let values = &self.input[image * self.from_buffer.image()..];
        Input { map: self.from.map(self.from_buffer, values), activation: None, parts: &[] }
    }

    /// Computes all rows of `n` images.
    fn images(&self, n: usize, out: &mut [f32], scratch: &mut Scratch) {
        let height = self.buffer.height;
        if self.image_conv.method == Method::Pointwise {
            // The images are contiguous, so they are treated as one.
            let mut input = self.read(0);
            input.map.height *= n;
            let to = MapMut { height: n * height, ..self.to.map_mut(self.buffer, out) };
            let rows = 0..n * height;
            return self.image_conv.forward(&[input], (0, rows), &mut [to], &self.end, scratch);
        }
        let mut outputs = out.chunks_exact_mut(self.buffer.image());
        for images in chunks(0..n, self.image_conv.together(self.read(0).map)) {
            let count = images.len();
            let inputs: [_; TOGETHER] = from_fn(|i| self.read(images.start + i.min(count - 1)));
            let mut to = maps_of(count, |_| {
                self.to.map_mut(self.buffer, outputs.next().expect("an output for each image"))
            });
            let (at, to) = ((images.start, 0..height), &mut to[..count]);
            self.image_conv.forward(&inputs[..count], at, to, &self.end, scratch);
        }
    }

    /// Computes some rows of a single image.
    fn band(&self, rows: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        let to = MapMut { height: rows.len(), ..self.to.map_mut(self.buffer, out) };
        self.image_conv.forward(&[self.read(0)], (0, rows), &mut [to], &self.end, scratch);
    }

    /// The row at which a thread's band of an image begins. Bands are equal, but made of whole tile
    /// rows with Winograd's method.
    fn cut(&self, thread: usize, threads: usize) -> usize {
        let height = self.buffer.height;
        match self.image_conv.method {
            Method::Winograd => (share(tiles(height), thread, threads).start * TILE).min(height),
            Method::Pointwise | Method::Stem(_) | Method::Patches(_) => {
                share(height, thread, threads).start
            }
        }
    }
}
