//! Forward pass and both gradients of a convolution, made of the transforms and matrix products.

use crate::common::{Floors, Guarded, check_bits, error, exact, instruction_sets, numbers};
use crate::direct::{
    Shape, reference_filter_gradient, reference_forward, reference_input_gradient,
};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::simd::Isa;
use modiste_kernels::view::{Activation, Map};
use modiste_kernels::winograd::*;

/// Of the largest output. The transforms cost about one digit against a direct sum in f32.
const TOLERANCE: f64 = 1e-5;

/// Output of `x` and `filter` (3, 3, c, k), in bands of these many tile rows.
fn convolve(
    isa: Isa,
    x: Map<'_>,
    activation: Option<Activation<'_>>,
    filter: &[f32],
    bands: &[usize],
) -> Vec<f32> {
    let (h, w, c) = (x.height, x.width, x.channels);
    let k = filter.len() / (9 * c);
    let mut u = Guarded::empty_array(FREQUENCIES * c * k);
    transform_filter(isa, filter, u.slice_mut());
    let u = u.written();
    let (mut first, mut out) = (0, Vec::new());
    for &rows in bands {
        let t = rows * tiles(w);
        let mut v = Guarded::empty_array(FREQUENCIES * t * c);
        transform_input(isa, x, activation, (first, rows), v.slice_mut());
        let v = v.written();
        let mut m = Guarded::empty_array(FREQUENCIES * t * k);
        for f in 0..FREQUENCIES {
            let left = Strided { values: &v[f * t * c..][..t * c], row: c, column: 1 };
            let product = &mut m.slice_mut()[f * t * k..][..t * k];
            gemm(isa, (t, k, c), left, &u[f * c * k..], k, product, k, false);
        }
        let height = (h - first * TILE).min(rows * TILE);
        let mut band = Guarded::empty(height, w, k, k + 1);
        transform_output(isa, &m.written(), (first, rows), h, band.map_mut(), false);
        out.extend(band.written());
        first += rows;
    }
    assert_eq!(first, tiles(h));
    out
}

/// Gradient (3, 3, c, k) of the filter from maps of the input and of the output's gradient.
fn filter_gradient(
    isa: Isa,
    x: Map<'_>,
    activation: Option<Activation<'_>>,
    dy: Map<'_>,
) -> Vec<f32> {
    let (t, c, k) = (tiles(x.height) * tiles(x.width), x.channels, dy.channels);
    let mut v = Guarded::empty_array(FREQUENCIES * t * c);
    transform_input(isa, x, activation, (0, tiles(x.height)), v.slice_mut());
    let mut m = Guarded::empty_array(FREQUENCIES * t * k);
    transform_gradient(isa, dy, m.slice_mut());
    let (v, m) = (v.written(), m.written());
    let mut u = Guarded::empty_array(FREQUENCIES * c * k);
    for f in 0..FREQUENCIES {
        let left = Strided { values: &v[f * t * c..][..t * c], row: 1, column: c };
        let product = &mut u.slice_mut()[f * c * k..][..c * k];
        gemm(isa, (c, k, t), left, &m[f * t * k..], k, product, k, false);
    }
    let mut gradient = Guarded::empty_array(9 * c * k);
    transform_filter_gradient(isa, &u.written(), gradient.slice_mut());
    gradient.written()
}

/// The filter (3, 3, k, c) of the input's gradient: taps in reverse order, channels swapped.
fn turned(filter: &[f32], c: usize, k: usize) -> Vec<f32> {
    let at = |t: usize, o: usize, i: usize| filter[((8 - t) * c + i) * k + o];
    (0..9 * k * c).map(|v| at(v / (k * c), v / c % k, v % c)).collect()
}

/// Checks output and both gradients of one shape; gives the largest error of each.
fn check((h, w, c, k): Shape, activate: bool) -> [f64; 3] {
    let shape = (h, w, c, k);
    let seed = (h * 31 + w) as u32 * 7;
    let (x, dy) =
        (Guarded::random((h, w, c, c + 3), seed), Guarded::random((h, w, k, k + 9), seed + 1));
    let filter = numbers(9 * c * k, seed + 2);
    let floors = Floors::random(c, seed + 3);
    let activation = activate.then(|| floors.activation());
    let input = if activate { floors.reference_activate(&x.dense()) } else { exact(&x.dense()) };
    let (f, d) = (exact(&filter), exact(&dy.dense()));
    let want = [
        reference_forward(shape, &input, &f),
        reference_input_gradient(shape, &d, &f),
        reference_filter_gradient(shape, &input, &d),
    ];
    let mut worst = [0.0; 3];
    for isa in instruction_sets() {
        let got = [
            convolve(isa, x.map(), activation, &filter, &[tiles(h)]),
            convolve(isa, dy.map(), None, &turned(&filter, c, k), &[tiles(h)]),
            filter_gradient(isa, x.map(), activation, dy.map()),
        ];
        for i in 0..3 {
            let e = error(&got[i], &want[i]);
            assert!(e <= TOLERANCE, "{} {shape:?} {activate} [{i}]: error {e:.2e}", isa.name());
            worst[i] = e.max(worst[i]);
        }
    }
    worst
}

fn check_all(shapes: impl Iterator<Item = Shape>) {
    let mut worst = [0.0f64; 3];
    for shape in shapes {
        for activate in [false, true] {
            let errors = check(shape, activate);
            worst = std::array::from_fn(|i| worst[i].max(errors[i]));
        }
    }
    println!("largest errors (output, input's, filter's gradient): {worst:?}");
}

#[test]
fn maps_of_every_small_size_agree_with_f64() {
    check_all((1..=15).flat_map(|h| (1..=13).map(move |w| (h, w, 16, 16))));
}

#[test]
fn maps_of_several_widths_agree_with_f64() {
    let channels = [(16, 48), (48, 16), (32, 48), (48, 32), (32, 32), (48, 48), (16, 32)];
    let sides = [(1, 1), (2, 3), (4, 4), (5, 9), (7, 6), (14, 14), (15, 13)];
    check_all(channels.into_iter().flat_map(|(c, k)| sides.map(|(h, w)| (h, w, c, k))));
}

#[test]
fn maps_of_the_networks_size_agree_with_f64() {
    check_all([(28, 28, 16, 32), (28, 28, 32, 48)].into_iter());
}

#[test]
fn bands_of_tile_rows_have_the_same_bits_as_the_whole() {
    let (h, w, c, k) = (15, 9, 32, 48);
    let (x, filter) = (Guarded::random((h, w, c, c), 1), numbers(9 * c * k, 2));
    let floors = Floors::random(c, 3);
    for isa in instruction_sets() {
        let output =
            |bands: &[usize]| convolve(isa, x.map(), Some(floors.activation()), &filter, bands);
        let whole = output(&[4]);
        for bands in [&[1, 1, 1, 1][..], &[2, 2], &[3, 1], &[1, 3]] {
            check_bits(&format!("{} {bands:?}", isa.name()), &output(bands), &whole);
        }
    }
}

#[test]
fn zeros_stay_zeros_exactly() {
    let zeros = Guarded::of((6, 7, 16, 16), &[0.0; 6 * 7 * 16]);
    let some = Guarded::random((6, 7, 16, 16), 1);
    let filter = numbers(9 * 256, 2);
    for isa in instruction_sets() {
        let results = [
            convolve(isa, zeros.map(), None, &filter, &[2]),
            convolve(isa, some.map(), None, &[0.0; 9 * 256], &[2]),
            filter_gradient(isa, zeros.map(), None, some.map()),
            filter_gradient(isa, some.map(), None, zeros.map()),
        ];
        assert!(results.iter().flatten().all(|&v| v == 0.0), "{}", isa.name());
    }
}
