//! Speed of the matrix product and of the Winograd convolution at the network's sizes.
//!
//! Elements are multiply-adds of the direct convolution (two floating point operations each), so
//! `Gelem/s` is comparable between groups. The benchmark runs one thread on every instruction set:
//! `cargo bench -p modiste-kernels`, or a part of it with `-- winograd/avx2`.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::view::{Activation, Gradient, Map, MapMut, NormGradient};
use modiste_kernels::winograd::*;
use std::hint::black_box;
use std::time::Duration;

/// Sizes to measure: side of the maps, channels of the input, channels of the output.
const SIZES: [(usize, usize, usize); 8] = [
    (28, 32, 32),
    (28, 32, 48),
    (28, 48, 80),
    (28, 80, 96),
    (14, 32, 32),
    (14, 32, 48),
    (14, 48, 80),
    (14, 80, 96),
];

/// `len` values aligned to cache lines, as in an engine.
fn aligned(value: f32, len: usize) -> Memory {
    let mut memory = Memory::zeroed(len).unwrap();
    memory.fill(value);
    memory
}

/// A 3x3 convolution of one image with all its intermediate values.
struct Convolution {
    side: usize,
    c: usize,
    k: usize,
    block: Block,
    x: Memory,           // (side, side, c)
    z: Memory,           // (side, side, k)
    filter: Memory,      // (3, 3, c, k)
    frequencies: Memory, // (36, c, k)
    inputs: Memory,      // tiles of c channels
    products: Memory,    // tiles of k channels
    ones: Memory,        // (c or k)
    scratch: Memory,
}

impl Convolution {
    fn new(isa: Isa, (side, c, k): (usize, usize, usize)) -> Self {
        let block = Block::new(1, (side, side), 0..tiles(side));
        let mut this = Self {
            side,
            c,
            k,
            block,
            x: aligned(0.5, side * side * c),
            z: aligned(0.5, side * side * k),
            filter: aligned(0.1, 9 * c * k),
            frequencies: aligned(0.0, FREQUENCIES * c * k),
            inputs: aligned(0.0, block.len(c)),
            products: aligned(0.0, block.len(k)),
            ones: aligned(1.0, c.max(k)),
            scratch: aligned(0.0, block.scratch()),
        };
        transform_filter(isa, &this.filter, &mut this.frequencies);
        this.forward(isa);
        this
    }

    fn multiply_adds(&self) -> u64 {
        (self.side * self.side * 9 * self.c * self.k) as u64
    }

    fn input(&mut self, isa: Isa) {
        let Self { side, c, ref x, ref block, ref ones, .. } = *self;
        let map = Map { values: x, height: side, width: side, channels: c, stride: c };
        let activation = Activation { scale: ones, shift: ones, floor: ones };
        let (inputs, scratch) = (&mut self.inputs, &mut self.scratch);
        transform_input(isa, map, Some(activation), (block, 0), inputs, scratch);
    }

    fn multiply(&mut self, isa: Isa) {
        let (c, k) = (self.c, self.k);
        for f in 0..FREQUENCIES {
            let tiles = self.block.tiles_of(f);
            let a = &self.inputs[f * self.block.plane(c) + tiles.start * c..];
            let a = Strided { values: a, row: c, column: 1 };
            let b = &self.frequencies[f * c * k..][..c * k];
            let product = &mut self.products[f * self.block.plane(k) + tiles.start * k..];
            gemm(isa, (tiles.len(), k, c), a, b, k, product, k, false);
        }
    }

    fn output(&mut self, isa: Isa) {
        let Self { side, k, ref block, ref products, .. } = *self;
        let z = &mut self.z;
        let map = MapMut { values: z, height: side, width: side, channels: k, stride: k };
        transform_output(isa, products, (block, 0), map, None);
    }

    fn forward(&mut self, isa: Isa) {
        self.input(isa);
        self.multiply(isa);
        self.output(isa);
    }

    /// Transforms the gradient of the output to frequencies.
    fn gradient(&mut self, isa: Isa) {
        let Self { side, k, ref z, ref block, ref ones, .. } = *self;
        let map = Map { values: z, height: side, width: side, channels: k, stride: k };
        let activation = Activation { scale: ones, shift: ones, floor: ones };
        let norm = NormGradient { z: map, activation, slope: ones, offset: ones };
        let gradient = Gradient { map, norm: Some(norm) };
        transform_gradient(isa, gradient, (block, 0), &mut self.products, &mut self.scratch);
    }

    /// Transforms the gradient of the input back from frequencies.
    fn input_gradient(&mut self, isa: Isa) {
        let Self { side, c, ref block, ref inputs, .. } = *self;
        let x = &mut self.x;
        let map = MapMut { values: x, height: side, width: side, channels: c, stride: c };
        transform_input_gradient(isa, inputs, (block, 0), map, false, &mut self.scratch);
    }

    /// Both products of the backward pass.
    fn multiply_back(&mut self, isa: Isa) {
        let (c, k) = (self.c, self.k);
        for f in 0..FREQUENCIES {
            let tiles = self.block.tiles_of(f);
            let t = tiles.len();
            let v = &mut self.inputs[f * self.block.plane(c) + tiles.start * c..][..t * c];
            let d = &self.products[f * self.block.plane(k) + tiles.start * k..][..t * k];
            let a = Strided { values: v, row: 1, column: c };
            let gradient = &mut self.frequencies[f * c * k..][..c * k];
            gemm(isa, (c, k, t), a, d, k, gradient, k, false);
            let a = Strided { values: d, row: k, column: 1 };
            gemm(isa, (t, c, k), a, gradient, c, v, c, false);
        }
    }
}

/// Measures `work` on every instruction set and size.
fn each(group: &mut BenchmarkGroup<'_, WallTime>, work: impl Fn(&mut Convolution, Isa)) {
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(150));
    for (isa, size) in Isa::available().into_iter().flat_map(|isa| SIZES.map(|s| (isa, s))) {
        let mut convolution = Convolution::new(isa, size);
        group.throughput(Throughput::Elements(convolution.multiply_adds()));
        let (side, c, k) = size;
        let id = BenchmarkId::new(isa.name(), format!("{side}x{side} {c}->{k}"));
        group.bench_function(id, |b| b.iter(|| work(black_box(&mut convolution), isa)));
    }
}

fn winograd(criterion: &mut Criterion) {
    each(&mut criterion.benchmark_group("winograd"), Convolution::forward);
    each(&mut criterion.benchmark_group("winograd input"), Convolution::input);
    each(&mut criterion.benchmark_group("winograd gemm"), Convolution::multiply);
    each(&mut criterion.benchmark_group("winograd output"), Convolution::output);
    each(&mut criterion.benchmark_group("winograd gradient"), Convolution::gradient);
    each(&mut criterion.benchmark_group("winograd gemm back"), Convolution::multiply_back);
    each(&mut criterion.benchmark_group("winograd input gradient"), Convolution::input_gradient);
}

/// The nine taps as matrix products over all pixels: the work of the direct convolution without its
/// edges, and the peak speed to compare `winograd` with.
fn direct(criterion: &mut Criterion) {
    each(&mut criterion.benchmark_group("gemm"), |convolution, isa| {
        let Convolution { side, c, k, .. } = *convolution;
        let (pixels, z) = (side * side, &mut convolution.z);
        for tap in 0..9 {
            let a = Strided { values: &convolution.x, row: c, column: 1 };
            let b = &convolution.filter[tap * c * k..][..c * k];
            gemm(isa, (pixels, k, c), a, b, k, z, k, tap > 0);
        }
    });
}

criterion_group!(benches, direct, winograd);
criterion_main!(benches);
