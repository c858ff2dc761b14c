//! Speed of the matrix product and of the convolution by Winograd at the network's sizes.
//!
//! Elements are multiply-adds of the direct convolution, so that `Gelem/s` of all groups compare;
//! two floating point operations each. One thread, every instruction set:
//! `cargo bench -p modiste-kernels`, or a part of it with `-- winograd/avx2`.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::simd::Isa;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_kernels::winograd::*;
use std::hint::black_box;
use std::time::Duration;

/// Side of the maps, channels in and out.
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

/// A convolution 3x3 of one image with all its intermediate values.
struct Convolution {
    side: usize,
    c: usize,
    k: usize,
    x: Vec<f32>,           // (side, side, c)
    z: Vec<f32>,           // (side, side, k)
    filter: Vec<f32>,      // (3, 3, c, k)
    frequencies: Vec<f32>, // (36, c, k)
    inputs: Vec<f32>,      // (36, tiles, c)
    products: Vec<f32>,    // (36, tiles, k)
    ones: Vec<f32>,        // (c)
}

impl Convolution {
    fn new(isa: Isa, (side, c, k): (usize, usize, usize)) -> Self {
        let t = tiles(side) * tiles(side);
        let mut this = Self {
            side,
            c,
            k,
            x: vec![0.5; side * side * c],
            z: vec![0.5; side * side * k],
            filter: vec![0.1; 9 * c * k],
            frequencies: vec![0.0; FREQUENCIES * c * k],
            inputs: vec![0.0; FREQUENCIES * t * c],
            products: vec![0.0; FREQUENCIES * t * k],
            ones: vec![1.0; c],
        };
        transform_filter(isa, &this.filter, &mut this.frequencies);
        this.forward(isa);
        this
    }

    fn tiles(&self) -> usize {
        tiles(self.side) * tiles(self.side)
    }

    fn multiply_adds(&self) -> u64 {
        (self.side * self.side * 9 * self.c * self.k) as u64
    }

    fn input(&mut self, isa: Isa) {
        let Self { side, c, .. } = *self;
        let map = Map { values: &self.x, height: side, width: side, channels: c, stride: c };
        let ones = &self.ones;
        let activation = Activation { scale: ones, shift: ones, floor: ones };
        transform_input(isa, map, Some(activation), (0, tiles(side)), &mut self.inputs);
    }

    fn multiply(&mut self, isa: Isa) {
        let (t, c, k) = (self.tiles(), self.c, self.k);
        for f in 0..FREQUENCIES {
            let a = Strided { values: &self.inputs[f * t * c..][..t * c], row: c, column: 1 };
            let b = &self.frequencies[f * c * k..][..c * k];
            let product = &mut self.products[f * t * k..][..t * k];
            gemm(isa, (t, k, c), a, b, k, product, k, false);
        }
    }

    fn output(&mut self, isa: Isa) {
        let Self { side, k, .. } = *self;
        let z = &mut self.z;
        let map = MapMut { values: z, height: side, width: side, channels: k, stride: k };
        transform_output(isa, &self.products, (0, tiles(side)), side, map, false);
    }

    fn forward(&mut self, isa: Isa) {
        self.input(isa);
        self.multiply(isa);
        self.output(isa);
    }

    /// The filter's gradient, the transformed input being at hand from the forward pass.
    fn filter_gradient(&mut self, isa: Isa) {
        let (side, t, c, k) = (self.side, self.tiles(), self.c, self.k);
        let map = Map { values: &self.z, height: side, width: side, channels: k, stride: k };
        transform_gradient(isa, map, &mut self.products);
        for f in 0..FREQUENCIES {
            let a = Strided { values: &self.inputs[f * t * c..][..t * c], row: 1, column: c };
            let b = &self.products[f * t * k..][..t * k];
            let gradient = &mut self.frequencies[f * c * k..][..c * k];
            gemm(isa, (c, k, t), a, b, k, gradient, k, false);
        }
        transform_filter_gradient(isa, &self.frequencies, &mut self.filter);
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
    each(&mut criterion.benchmark_group("winograd filter gradient"), Convolution::filter_gradient);
}

/// The nine taps as matrix products over all pixels: the direct convolution's work without its
/// edges, and the peak that `winograd` is to be held against.
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
