//! Compares the normalisation passes on every instruction set with the formulas in f64.

mod common;

use common::{Floors, Guarded, check_bits, check_close, exact, instruction_sets, numbers};
use modiste_kernels::norm::*;
use modiste_kernels::view::Activation;

/// Tolerance relative to the largest value: sums of up to 210 values in f32.
const TOLERANCE: f64 = 3e-6;

/// Heights, widths, channels and strides, including few and odd numbers of channels.
const SHAPES: [(usize, usize, usize, usize); 6] = [
    (1, 1, 16, 16),
    (3, 5, 16, 21),
    (7, 2, 48, 96),
    (15, 14, 64, 64),
    (5, 5, 1, 3),
    (4, 3, 19, 24),
];

/// Adds the sums over the pixels of `term(value index, channel)` to `before`.
fn sums(before: &[f32], values: usize, term: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut sum = exact(before);
    let channels = sum.len();
    (0..values).for_each(|i| sum[i % channels] += term(i, i % channels));
    sum
}

#[test]
fn moments_agree_with_f64() {
    for shape in SHAPES {
        let z = Guarded::random(shape, 1);
        let (channels, values) = (shape.2, exact(&z.dense()));
        let pilot = numbers(channels, 2);
        let before = [numbers(channels, 3), numbers(channels, 4)];
        let from_pilot = |i: usize, c: usize| values[i] - f64::from(pilot[c]);
        let sum = sums(&before[0], values.len(), from_pilot);
        let square = sums(&before[1], values.len(), |i, c| from_pilot(i, c).powi(2));
        for isa in instruction_sets() {
            let mut got = before.clone().map(|values| Guarded::array(&values));
            let [s, q] = &mut got;
            accumulate_moments(isa, z.map(), &pilot, s.slice_mut(), q.slice_mut());
            check_close(isa.name(), &s.written(), &sum, TOLERANCE);
            check_close(isa.name(), &q.written(), &square, TOLERANCE);
        }
    }
}

/// Values of 1000 +- 1: without a pilot, squares in f32 would leave three digits of the variance.
#[test]
fn a_pilot_near_the_mean_saves_the_digits_of_the_variance() {
    let offset: Vec<f32> = numbers(28 * 28 * 16, 5).iter().map(|v| 1000.0 + v).collect();
    let z = Guarded::of((28, 28, 16, 16), &offset);
    let values = exact(&offset);
    let deviation = |i: usize, _| values[i] - 1000.5;
    let want = sums(&[0.0; 16], values.len(), |i, c| deviation(i, c).powi(2));
    for isa in instruction_sets() {
        let (mut sum, mut square) = ([0.0; 16], [0.0; 16]);
        accumulate_moments(isa, z.map(), &[1000.5; 16], &mut sum, &mut square);
        check_close(isa.name(), &square, &want, 1e-5);
    }
}

#[test]
fn activation_agrees_with_f64() {
    for shape in SHAPES {
        let (h, w, c, stride) = shape;
        let (z, floors) = (Guarded::random(shape, 6), Floors::random(c, 7));
        let want = floors.reference_activate(&z.dense());
        for isa in instruction_sets() {
            let mut out = Guarded::empty(h, w, c, stride + 2);
            activate(isa, z.map(), floors.activation(), out.map_mut());
            check_close(isa.name(), &out.written(), &want, 2e-7);
        }
    }
}

#[test]
fn identity_activation_is_exact() {
    let z = Guarded::random((5, 3, 32, 33), 8);
    let (ones, zeros, none) = ([1.0; 32], [0.0; 32], [f32::NEG_INFINITY; 32]);
    let activation = Activation { scale: &ones, shift: &zeros, floor: &none };
    for isa in instruction_sets() {
        let mut out = Guarded::empty(5, 3, 32, 40);
        activate(isa, z.map(), activation, out.map_mut());
        check_bits(isa.name(), &out.written(), &z.dense());
    }
}

/// The gradient before the activation: `da` where x * scale + shift lies over the floor.
fn reference_gate(da: &[f32], z: &[f32], floors: &Floors) -> Vec<f64> {
    let channels = floors.scale.len();
    let gate = |(i, (&da, &z)): (usize, (&f32, &f32))| {
        let c = i % channels;
        let open = floors.line(f64::from(z), c) > f64::from(floors.floor[c]);
        if open { f64::from(da) } else { 0.0 }
    };
    da.iter().zip(z).enumerate().map(gate).collect()
}

#[test]
fn gradient_sums_agree_with_f64() {
    for (h, w, c, stride) in SHAPES {
        let z = Guarded::random((h, w, c, stride), 9);
        let da = Guarded::random((h, w, c, stride + 5), 10);
        let floors = Floors::random(c, 11);
        let g = reference_gate(&da.dense(), &z.dense(), &floors);
        let values = exact(&z.dense());
        let before = [numbers(c, 13), numbers(c, 14)];
        let sum = sums(&before[0], g.len(), |i, _| g[i]);
        let product = sums(&before[1], g.len(), |i, c| g[i] * floors.line(values[i], c));
        for isa in instruction_sets() {
            let mut got = before.clone().map(|values| Guarded::array(&values));
            let [s, p] = &mut got;
            let (s_mut, p_mut) = (s.slice_mut(), p.slice_mut());
            accumulate_gradient_sums(isa, da.map(), z.map(), floors.activation(), s_mut, p_mut);
            check_close(isa.name(), &s.written(), &sum, TOLERANCE);
            check_close(isa.name(), &p.written(), &product, TOLERANCE);
        }
    }
}

#[test]
fn gradient_sums_of_distances_agree_with_f64() {
    for (h, w, c, stride) in SHAPES {
        let z = Guarded::random((h, w, c, stride), 9);
        let da = Guarded::random((h, w, c, stride + 5), 10);
        let (floors, centre) = (Floors::random(c, 11), numbers(c, 12));
        let g = reference_gate(&da.dense(), &z.dense(), &floors);
        let values = exact(&z.dense());
        let before = [numbers(c, 13), numbers(c, 14)];
        let sum = sums(&before[0], g.len(), |i, _| g[i]);
        let product = sums(&before[1], g.len(), |i, c| g[i] * (values[i] - f64::from(centre[c])));
        for isa in instruction_sets() {
            let mut got = before.clone().map(|values| Guarded::array(&values));
            let [s, p] = &mut got;
            let (s_mut, p_mut) = (s.slice_mut(), p.slice_mut());
            let read = floors.activation();
            let (da, z) = (da.map(), z.map());
            accumulate_centred_gradient_sums(isa, da, z, read, &centre, s_mut, p_mut);
            check_close(isa.name(), &s.written(), &sum, TOLERANCE);
            check_close(isa.name(), &p.written(), &product, TOLERANCE);
        }
    }
}

#[test]
fn gradient_agrees_with_f64() {
    for (h, w, c, stride) in SHAPES {
        let z = Guarded::random((h, w, c, stride), 15);
        let da = Guarded::random((h, w, c, stride + 1), 16);
        let (floors, slope, offset) = (Floors::random(c, 17), numbers(c, 19), numbers(c, 20));
        let g = reference_gate(&da.dense(), &z.dense(), &floors);
        let of = |(i, z): (usize, f64)| {
            let [scale, slope, offset] =
                [&floors.scale, &slope, &offset].map(|v| f64::from(v[i % c]));
            g[i] * scale - z * slope - offset
        };
        let want: Vec<f64> = exact(&z.dense()).into_iter().enumerate().map(of).collect();
        for isa in instruction_sets() {
            let mut dz = Guarded::empty(h, w, c, stride + 4);
            let out = dz.map_mut();
            gradient(isa, da.map(), z.map(), floors.activation(), &slope, &offset, out);
            check_close(isa.name(), &dz.written(), &want, 3e-7);
        }
    }
}

/// A value on its floor was cut, so it has no gradient.
#[test]
fn a_value_on_the_floor_has_no_gradient() {
    let (z, da) = (Guarded::array(&[0.0, -1.0, 1.0]), Guarded::array(&[5.0, 6.0, 7.0]));
    let (ones, zeros) = ([1.0; 3], [0.0; 3]);
    let activation = Activation { scale: &ones, shift: &zeros, floor: &zeros };
    for isa in instruction_sets() {
        let (mut sum, mut product) = ([0.0; 3], [0.0; 3]);
        accumulate_gradient_sums(isa, da.map(), z.map(), activation, &mut sum, &mut product);
        assert_eq!((sum, product), ([0.0, 0.0, 7.0], [0.0, 0.0, 7.0]), "{}", isa.name());
        let mut dz = Guarded::empty_array(3);
        gradient(isa, da.map(), z.map(), activation, &zeros, &zeros, dz.map_mut());
        assert_eq!(dz.written(), [0.0, 0.0, 7.0], "{}", isa.name());
    }
}
