//! Compares elementwise kernels on every instruction set with the formulas in f64.

mod common;

use common::{Guarded, check_bits, check_close, exact, instruction_sets, numbers};
use modiste_kernels::elementwise::*;

/// Tolerance relative to the largest value: one or two roundings.
const TOLERANCE: f64 = 2e-7;

const SHAPES: [(usize, usize, usize, usize); 6] = [
    (1, 1, 16, 16),
    (3, 5, 16, 21),
    (7, 2, 48, 96),
    (15, 14, 64, 64),
    (5, 5, 1, 3),
    (4, 3, 19, 24),
];
/// With a ReLU and without.
const FLOORS: [f32; 2] = [0.0, f32::NEG_INFINITY];

/// `f(index, channel)` of every value of a map.
fn reference_map(shape: (usize, usize, usize, usize), f: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..shape.0 * shape.1 * shape.2).map(|i| f(i, i % shape.2)).collect()
}

fn wider(
    (h, w, c, stride): (usize, usize, usize, usize),
    by: usize,
) -> (usize, usize, usize, usize) {
    (h, w, c, stride + by)
}

#[test]
fn bytes_become_the_nearest_float_of_their_255th() {
    let bytes: Vec<u8> = (0..=255).chain(0..77).collect();
    let want: Vec<f32> = bytes.iter().map(|&b| (f64::from(b) / 255.0) as f32).collect();
    for isa in instruction_sets() {
        let mut out = Guarded::empty_array(bytes.len());
        from_bytes(isa, &bytes, out.slice_mut());
        check_bits(isa.name(), &out.written(), &want);
    }
}

#[test]
fn copy_and_sum_of_maps_are_exact() {
    for shape in SHAPES {
        let (from, to) = (Guarded::random(shape, 1), Guarded::random(wider(shape, 2), 2));
        let (a, b) = (from.dense(), to.dense());
        let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        for isa in instruction_sets() {
            let mut out = to.clone();
            add_assign(isa, out.map_mut(), from.map());
            check_bits(isa.name(), &out.written(), &sum);
            let mut out = Guarded::empty(shape.0, shape.1, shape.2, shape.3 + 3);
            copy(isa, out.map_mut(), from.map());
            check_bits(isa.name(), &out.written(), &a);
        }
    }
}

#[test]
fn bias_and_residual_agree_with_f64() {
    for (shape, floor) in SHAPES.into_iter().flat_map(|s| FLOORS.map(|f| (s, f))) {
        let (x, y) = (Guarded::random(shape, 3), Guarded::random(wider(shape, 1), 4));
        let bias = numbers(shape.2, 5);
        let (xs, ys, b) = (exact(&x.dense()), exact(&y.dense()), exact(&bias));
        let least = f64::from(floor);
        let biased = reference_map(shape, |i, c| (ys[i] + b[c]).max(least));
        let scale = f64::from(0.2f32);
        let blocks = reference_map(shape, |i, c| (xs[i] + scale * (ys[i] + b[c])).max(least));
        for isa in instruction_sets() {
            let mut out = y.clone();
            bias_floor(isa, out.map_mut(), &bias, floor);
            check_close(isa.name(), &out.written(), &biased, TOLERANCE);
            let mut out = y.clone();
            residual(isa, out.map_mut(), x.map(), &bias, 0.2, floor);
            check_close(isa.name(), &out.written(), &blocks, TOLERANCE);
        }
    }
}

#[test]
fn neutral_operands_change_no_bit() {
    let (x, y) = (Guarded::random((3, 5, 32, 35), 6), Guarded::random((3, 5, 32, 32), 7));
    let (none, zeros) = (f32::NEG_INFINITY, [0.0; 32]);
    for isa in instruction_sets() {
        let mut out = y.clone();
        bias_floor(isa, out.map_mut(), &zeros, none);
        check_bits(isa.name(), &out.written(), &y.dense());
        residual(isa, out.map_mut(), x.map(), &zeros, 0.0, none);
        check_bits(isa.name(), &out.written(), &x.dense());
        let mut out = Guarded::empty(3, 5, 32, 32);
        relu_gradient(isa, y.map(), x.map(), 1.0, none, out.map_mut());
        check_bits(isa.name(), &out.written(), &y.dense());
    }
}

#[test]
fn relu_gradients_agree_with_f64() {
    for (shape, floor) in SHAPES.into_iter().flat_map(|s| FLOORS.map(|f| (s, f))) {
        let (dy, before) = (Guarded::random(wider(shape, 5), 8), Guarded::random(shape, 9));
        let mut y = numbers(shape.0 * shape.1 * shape.2, 10);
        // The output of a ReLU: values that were cut lie on the floor.
        y.iter_mut().for_each(|v| *v = v.max(floor));
        let map = Guarded::of(shape, &y);
        let (d, old) = (exact(&dy.dense()), exact(&before.dense()));
        let scale = f64::from(0.3f32);
        let want = reference_map(shape, |i, _| if y[i] > floor { scale * d[i] } else { 0.0 });
        let added = reference_map(shape, |i, _| old[i] + want[i]);
        for isa in instruction_sets() {
            let mut out = Guarded::empty(shape.0, shape.1, shape.2, shape.3 + 1);
            relu_gradient(isa, dy.map(), map.map(), 0.3, floor, out.map_mut());
            check_close(isa.name(), &out.written(), &want, TOLERANCE);
            let mut out = before.clone();
            add_relu_gradient(isa, dy.map(), map.map(), 0.3, floor, out.map_mut());
            check_close(isa.name(), &out.written(), &added, TOLERANCE);
        }
    }
}

#[test]
fn channel_sums_agree_with_f64() {
    for shape in SHAPES {
        let (x, before) = (Guarded::random(shape, 11), numbers(shape.2, 12));
        let mut want = exact(&before);
        x.dense().iter().enumerate().for_each(|(i, &v)| want[i % shape.2] += f64::from(v));
        for isa in instruction_sets() {
            let mut sum = Guarded::array(&before);
            accumulate_sums(isa, x.map(), sum.slice_mut());
            check_close(isa.name(), &sum.written(), &want, 2e-6);
        }
    }
}

#[test]
fn products_are_exact() {
    for shape in SHAPES {
        let (y, factors) = (Guarded::random(shape, 13), numbers(shape.0 * shape.1 * shape.2, 14));
        let want: Vec<f32> = y.dense().iter().zip(&factors).map(|(y, f)| y * f).collect();
        for isa in instruction_sets() {
            let mut out = y.clone();
            multiply_rows(isa, out.map_mut(), &factors);
            check_bits(isa.name(), &out.written(), &want);
        }
    }
}

#[test]
fn floors_are_exact() {
    for shape in SHAPES {
        let y = Guarded::random(shape, 18);
        for least in [0.0, 0.25, f32::NEG_INFINITY] {
            let want: Vec<f32> = y.dense().iter().map(|v| v.max(least)).collect();
            for isa in instruction_sets() {
                let mut out = y.clone();
                floor(isa, out.map_mut(), least);
                check_bits(isa.name(), &out.written(), &want);
            }
        }
    }
}
