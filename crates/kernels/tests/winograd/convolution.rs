//! Forward pass and both gradients of a convolution, computed with the transforms and matrix products.

use crate::common::{
    Floors, Guarded, check_bits, check_close, error, exact, instruction_sets, numbers,
};
use crate::direct::{
    Shape, reference_filter_gradient, reference_forward, reference_input_gradient,
};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::norm::gradient;
use modiste_kernels::view::{Activation, Gradient, Map, NormGradient};
use modiste_kernels::winograd::*;

/// Tolerance relative to the largest output. The transforms lose about one digit against a direct sum in f32.
const TOLERANCE: f64 = 1e-5;

/// The products of all frequencies: (tiles, from) x (from, to) of each.
fn multiply(isa: Isa, block: &Block, left: &[f32], right: &[f32], from: usize) -> Guarded {
    let to = right.len() / FREQUENCIES / from;
    let mut product = Guarded::empty_array(block.len(to));
    for f in 0..FREQUENCIES {
        let tiles = block.tiles_of(f);
        let left = &left[f * block.plane(from) + tiles.start * from..];
        let left = Strided { values: left, row: from, column: 1 };
        let out = &mut product.slice_mut()[f * block.plane(to) + tiles.start * to..];
        gemm(isa, (tiles.len(), to, from), left, &right[f * from * to..], to, out, to, false);
    }
    product
}

/// The filter (3, 3, c, k) in frequencies, optionally with its channels swapped.
fn frequencies(isa: Isa, filter: &[f32], (c, k): (usize, usize), swapped: bool) -> Vec<f32> {
    let at = |t: usize, o: usize, i: usize| filter[(t * c + i) * k + o];
    let filter = match swapped {
        true => (0..9 * k * c).map(|v| at(v / (k * c), v / c % k, v % c)).collect(),
        false => filter.to_vec(),
    };
    let mut u = Guarded::empty_array(FREQUENCIES * c * k);
    transform_filter(isa, &filter, u.slice_mut());
    u.written()
}

/// Outputs of `maps` with `filter` (3, 3, c, k), in bands of these many tile rows.
fn convolve(
    isa: Isa,
    maps: &[Map<'_>],
    activation: Option<Activation<'_>>,
    filter: &[f32],
    bands: &[usize],
) -> Vec<Vec<f32>> {
    convolve_with(isa, maps, activation, filter, bands, None)
}

/// Outputs as in [`convolve`], optionally with a bias and a floor.
pub fn convolve_with(
    isa: Isa,
    maps: &[Map<'_>],
    activation: Option<Activation<'_>>,
    filter: &[f32],
    bands: &[usize],
    biased: Option<Biased<'_>>,
) -> Vec<Vec<f32>> {
    let Map { height, width, channels: c, .. } = maps[0];
    let k = filter.len() / (9 * c);
    let u = frequencies(isa, filter, (c, k), false);
    let (mut first, mut out) = (0, vec![Vec::new(); maps.len()]);
    for &rows in bands {
        let block = Block::new(maps.len(), (height, width), first..first + rows);
        let mut scratch = vec![f32::NAN; block.scratch()];
        let mut v = Guarded::empty_array(block.len(c));
        for (n, &map) in maps.iter().enumerate() {
            transform_input(isa, map, activation, (&block, n), v.slice_mut(), &mut scratch);
        }
        let mut m = multiply(isa, &block, v.slice_mut(), &u, c);
        for (n, out) in out.iter_mut().enumerate() {
            let mut band = Guarded::empty(block.pixel_rows().len(), width, k, k + 1);
            let products = m.slice_mut();
            transform_output(isa, products, (&block, n), band.map_mut(), biased);
            out.extend(band.written());
        }
        first += rows;
    }
    assert_eq!(first, tiles(height));
    out
}

/// Returns the gradient of the filter (3, 3, c, k), summed over all maps, and writes the gradients of the
/// inputs to `dx`, or adds them if `accumulate`.
fn gradients(
    isa: Isa,
    (maps, activation): (&[Map<'_>], Option<Activation<'_>>),
    dy: &[Gradient<'_>],
    filter: &[f32],
    bands: &[usize],
    (dx, accumulate): (&mut [Guarded], bool),
) -> Vec<f32> {
    let Map { height, width, channels: c, .. } = maps[0];
    let k = dy[0].map.channels;
    let u = frequencies(isa, filter, (c, k), true);
    let mut sum = vec![0.0; FREQUENCIES * c * k];
    let mut first = 0;
    for &rows in bands {
        let block = Block::new(maps.len(), (height, width), first..first + rows);
        let mut scratch = vec![f32::NAN; block.scratch()];
        let mut v = Guarded::empty_array(block.len(c));
        let mut d = Guarded::empty_array(block.len(k));
        for n in 0..maps.len() {
            transform_input(isa, maps[n], activation, (&block, n), v.slice_mut(), &mut scratch);
            transform_gradient(isa, dy[n], (&block, n), d.slice_mut(), &mut scratch);
        }
        for f in 0..FREQUENCIES {
            let tiles = block.tiles_of(f);
            let left = &v.slice_mut()[f * block.plane(c) + tiles.start * c..];
            let left = Strided { values: left, row: 1, column: c };
            let right = &d.slice_mut()[f * block.plane(k) + tiles.start * k..];
            let out = &mut sum[f * c * k..][..c * k];
            gemm(isa, (c, k, tiles.len()), left, right, k, out, k, true);
        }
        let mut q = multiply(isa, &block, d.slice_mut(), &u, k);
        for (n, dx) in dx.iter_mut().enumerate() {
            let (q, dx) = (q.slice_mut(), dx.map_mut());
            transform_input_gradient(isa, q, (&block, n), dx, accumulate, &mut scratch);
        }
        first += rows;
    }
    assert_eq!(first, tiles(height));
    let mut gradient = Guarded::empty_array(9 * c * k);
    transform_filter_gradient(isa, &sum, gradient.slice_mut(), sum.len() / 36);
    gradient.written()
}

/// Checks the output and both gradients of one shape; returns the largest error of each.
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
        let mut dx = [Guarded::empty(h, w, c, c + 7)];
        let plain = [Gradient { map: dy.map(), norm: None }];
        let input = (&[x.map()][..], activation);
        let filters = gradients(isa, input, &plain, &filter, &[tiles(h)], (&mut dx, false));
        let [out] = &convolve(isa, input.0, activation, &filter, &[tiles(h)])[..] else { panic!() };
        let got = [out.clone(), dx[0].written(), filters];
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
    println!("largest errors (output, gradient of input, gradient of filter): {worst:?}");
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
fn bits_do_not_depend_on_bands_of_tile_rows() {
    let (h, w, c, k) = (15, 9, 32, 48);
    let (x, dy) = (Guarded::random((h, w, c, c), 1), Guarded::random((h, w, k, k), 4));
    let (filter, floors) = (numbers(9 * c * k, 2), Floors::random(c, 3));
    let input = (&[x.map()][..], Some(floors.activation()));
    let plain = [Gradient { map: dy.map(), norm: None }];
    for isa in instruction_sets() {
        let output = |bands: &[usize]| convolve(isa, input.0, input.1, &filter, bands).remove(0);
        let back = |bands: &[usize]| {
            let mut dx = [Guarded::empty(h, w, c, c)];
            gradients(isa, input, &plain, &filter, bands, (&mut dx, false));
            dx[0].written()
        };
        let (whole, whole_back) = (output(&[4]), back(&[4]));
        for bands in [&[1, 1, 1, 1][..], &[2, 2], &[3, 1], &[1, 3]] {
            let what = format!("{} {bands:?}", isa.name());
            check_bits(&what, &output(bands), &whole);
            check_bits(&what, &back(bands), &whole_back);
        }
    }
}

/// Several maps in one block, with short tiles in neither, one and both directions.
#[test]
fn bits_do_not_depend_on_other_maps_of_the_block() {
    for (h, w) in [(4, 8), (6, 7), (7, 5), (14, 14), (1, 2)] {
        let (c, k) = (32, 48);
        let x: Vec<Guarded> = (0..3).map(|n| Guarded::random((h, w, c, c), n)).collect();
        let dy: Vec<Guarded> = (3..6).map(|n| Guarded::random((h, w, k, k), n)).collect();
        let (filter, floors) = (numbers(9 * c * k, 2), Floors::random(c, 3));
        let maps: Vec<Map<'_>> = x.iter().map(Guarded::map).collect();
        let plain: Vec<Gradient<'_>> =
            dy.iter().map(|dy| Gradient { map: dy.map(), norm: None }).collect();
        let activation = Some(floors.activation());
        for isa in instruction_sets() {
            let what = format!("{} {h}x{w}", isa.name());
            let bands = [tiles(h)];
            let all = convolve(isa, &maps, activation, &filter, &bands);
            let mut dx = vec![Guarded::empty(h, w, c, c); 3];
            gradients(isa, (&maps, activation), &plain, &filter, &bands, (&mut dx, false));
            for n in 0..3 {
                let alone = convolve(isa, &maps[n..=n], activation, &filter, &bands);
                check_bits(&what, &all[n], &alone[0]);
                let mut one = [Guarded::empty(h, w, c, c)];
                let input = (&maps[n..=n], activation);
                gradients(isa, input, &plain[n..=n], &filter, &bands, (&mut one, false));
                check_bits(&what, &dx[n].written(), &one[0].written());
            }
        }
    }
}

#[test]
fn gradients_of_the_input_are_added_if_asked() {
    let (h, w, c, k) = (6, 9, 16, 32);
    let (x, dy) = (Guarded::random((h, w, c, c), 1), Guarded::random((h, w, k, k), 2));
    let (filter, before) = (numbers(9 * c * k, 3), Guarded::random((h, w, c, c + 2), 4));
    let plain = [Gradient { map: dy.map(), norm: None }];
    for isa in instruction_sets() {
        let (mut alone, mut added) = ([Guarded::empty(h, w, c, c)], [before.clone()]);
        for (dx, accumulate) in [(&mut alone, false), (&mut added, true)] {
            gradients(isa, (&[x.map()], None), &plain, &filter, &[2], (dx, accumulate));
        }
        let want: Vec<f64> = exact(&alone[0].written())
            .iter()
            .zip(exact(&before.dense()))
            .map(|(a, b)| a + b)
            .collect();
        let e = error(&added[0].written(), &want);
        assert!(e < 1e-6, "{}: error {e:.2e}", isa.name());
    }
}

/// Going back through the normalisation while reading gives the result of a separate pass.
#[test]
fn gradients_are_carried_through_a_normalisation() {
    let (h, w, k) = (7, 6, 48);
    let (z, dy) = (Guarded::random((h, w, k, k + 4), 1), Guarded::random((h, w, k, k), 2));
    let (floors, slope, offset) = (Floors::random(k, 3), numbers(k, 4), numbers(k, 5));
    let activation = floors.activation();
    let block = Block::new(1, (h, w), 0..tiles(h));
    for isa in instruction_sets() {
        let mut dz = Guarded::empty(h, w, k, k);
        gradient(isa, dy.map(), z.map(), activation, &slope, &offset, dz.map_mut());
        let norm = NormGradient { z: z.map(), activation, slope: &slope, offset: &offset };
        let transformed = |gradient: Gradient<'_>| {
            let mut out = vec![0.0; block.len(k)];
            let mut scratch = vec![f32::NAN; block.scratch()];
            transform_gradient(isa, gradient, (&block, 0), &mut out, &mut scratch);
            out
        };
        let want = transformed(Gradient { map: dz.map(), norm: None });
        let got = transformed(Gradient { map: dy.map(), norm: Some(norm) });
        check_close(isa.name(), &got, &exact(&want), 1e-6);
    }
}

#[test]
fn zeros_stay_zeros_exactly() {
    let zeros = Guarded::of((6, 7, 16, 16), &[0.0; 6 * 7 * 16]);
    let some = Guarded::random((6, 7, 16, 16), 1);
    let filter = numbers(9 * 256, 2);
    for isa in instruction_sets() {
        let back = |x: &Guarded, dy: &Guarded| {
            let mut dx = [Guarded::empty(6, 7, 16, 16)];
            let plain = [Gradient { map: dy.map(), norm: None }];
            let filters =
                gradients(isa, (&[x.map()], None), &plain, &filter, &[2], (&mut dx, false));
            (filters, dx[0].written())
        };
        let results = [
            convolve(isa, &[zeros.map()], None, &filter, &[2]).remove(0),
            convolve(isa, &[some.map()], None, &[0.0; 9 * 256], &[2]).remove(0),
            back(&zeros, &some).0,
            back(&some, &zeros).0,
            back(&some, &zeros).1,
        ];
        assert!(results.iter().flatten().all(|&v| v == 0.0), "{}", isa.name());
    }
}
