//! Each transform against its matrix, and the limits of each.

use crate::common::{
    Floors, Guarded, check_bits, check_close, exact, instruction_sets, numbers, whole_numbers,
};
use modiste_kernels::simd::Isa;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_kernels::winograd::*;

/// B' of Lavin and Gray, section 4.1.
const INPUT: [[f64; 6]; 6] = [
    [4.0, 0.0, -5.0, 0.0, 1.0, 0.0],
    [0.0, -4.0, -4.0, 1.0, 1.0, 0.0],
    [0.0, 4.0, -4.0, -1.0, 1.0, 0.0],
    [0.0, -2.0, -1.0, 2.0, 1.0, 0.0],
    [0.0, 2.0, -1.0, -2.0, 1.0, 0.0],
    [0.0, 4.0, 0.0, -5.0, 0.0, 1.0],
];
/// A'.
const OUTPUT: [[f64; 6]; 4] = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0, 2.0, -2.0, 0.0],
    [0.0, 1.0, 1.0, 4.0, 4.0, 0.0],
    [0.0, 1.0, -1.0, 8.0, -8.0, 1.0],
];
/// 24 G.
const FILTER: [[f64; 3]; 6] = [
    [6.0, 0.0, 0.0],
    [-4.0, -4.0, -4.0],
    [-4.0, 4.0, -4.0],
    [1.0, 2.0, 4.0],
    [1.0, -2.0, 4.0],
    [0.0, 0.0, 24.0],
];

fn transposed<const R: usize, const C: usize>(m: [[f64; C]; R]) -> [[f64; R]; C] {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

/// M x M' of every plane position: `x` is (C, C, values), the result (R, R, values).
fn reference_transform<const R: usize, const C: usize>(m: [[f64; C]; R], x: &[f64]) -> Vec<f64> {
    let values = x.len() / (C * C);
    let mut out = vec![0.0; R * R * values];
    for (i, j, p, q) in quadruples(R, C) {
        let factor = m[i][p] * m[j][q];
        for v in 0..values {
            out[(i * R + j) * values + v] += factor * x[(p * C + q) * values + v];
        }
    }
    out
}

fn quadruples(r: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..r * r * c * c).map(move |at| (at / (r * c * c), at / (c * c) % r, at / c % c, at % c))
}

/// The windows of `side` x `side` values every four pixels from -`edge` on: (side, side, tiles, c).
fn windows(x: &[f32], (h, w, c): (usize, usize, usize), side: usize, edge: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for (i, j) in (0..side * side).map(|at| (at / side, at % side)) {
        for (ty, tx) in (0..tiles(h) * tiles(w)).map(|t| (t / tiles(w), t % tiles(w))) {
            let (y, u) = ((ty * TILE + i).wrapping_sub(edge), (tx * TILE + j).wrapping_sub(edge));
            match y < h && u < w {
                true => out.extend(exact(&x[(y * w + u) * c..][..c])),
                false => out.extend(vec![0.0; c]),
            }
        }
    }
    out
}

#[test]
fn input_and_gradient_transforms_are_exact_on_whole_numbers() {
    for (h, w, c) in [(1, 1, 16), (3, 5, 32), (4, 8, 16), (9, 6, 48), (13, 15, 16)] {
        let x = whole_numbers(h * w * c, 40, (h * w) as u32);
        let map = Guarded::of((h, w, c, c + 5), &x);
        let inputs = reference_transform(INPUT, &windows(&x, (h, w, c), 6, 1));
        let gradients = reference_transform(transposed(OUTPUT), &windows(&x, (h, w, c), 4, 0));
        for isa in instruction_sets() {
            let mut out = Guarded::empty_array(inputs.len());
            transform_input(isa, map.map(), None, (0, tiles(h)), out.slice_mut());
            check_close(isa.name(), &out.written(), &inputs, 0.0);
            let mut out = Guarded::empty_array(gradients.len());
            transform_gradient(isa, map.map(), out.slice_mut());
            check_close(isa.name(), &out.written(), &gradients, 0.0);
        }
    }
}

#[test]
fn output_transform_is_exact_on_whole_numbers() {
    for (h, w, c) in [(1, 1, 16), (3, 5, 32), (4, 8, 16), (9, 6, 48)] {
        let plane = tiles(h) * tiles(w) * c;
        let products = whole_numbers(FREQUENCIES * plane, 40, (h * w) as u32);
        let blocks = reference_transform(OUTPUT, &exact(&products));
        let want: Vec<f64> = (0..h * w * c)
            .map(|at| {
                let (y, x) = (at / c / w, at / c % w);
                let tile = y / TILE * tiles(w) + x / TILE;
                blocks[(y % TILE * TILE + x % TILE) * plane + tile * c + at % c]
            })
            .collect();
        for isa in instruction_sets() {
            let mut out = Guarded::empty(h, w, c, c + 3);
            transform_output(isa, &products, (0, tiles(h)), h, out.map_mut(), false);
            check_close(isa.name(), &out.written(), &want, 0.0);
            transform_output(isa, &products, (0, tiles(h)), h, out.map_mut(), true);
            let twice: Vec<f64> = want.iter().map(|w| 2.0 * w).collect();
            check_close(isa.name(), &out.written(), &twice, 0.0);
        }
    }
}

/// The sixths of G are rounded: 2e-7 of the largest value a direction.
#[test]
fn filter_transforms_are_their_matrices() {
    let forward = FILTER.map(|row| row.map(|g| g / 24.0));
    for values in [16, 16 * 48, 32 * 32] {
        let (filter, frequencies) = (numbers(9 * values, 1), numbers(36 * values, 2));
        let there = reference_transform(forward, &exact(&filter));
        let back = reference_transform(transposed(forward), &exact(&frequencies));
        for isa in instruction_sets() {
            let mut out = Guarded::empty_array(36 * values);
            transform_filter(isa, &filter, out.slice_mut());
            check_close(isa.name(), &out.written(), &there, 4e-7);
            let mut out = Guarded::empty_array(9 * values);
            transform_filter_gradient(isa, &frequencies, out.slice_mut());
            check_close(isa.name(), &out.written(), &back, 4e-7);
        }
    }
}

/// The activation is applied to what is inside the map only, even where it makes zeros positive.
#[test]
fn padding_stays_zero_under_an_activation() {
    for (h, w, c) in [(1, 1, 16), (5, 3, 32), (12, 9, 48)] {
        let x = Guarded::random((h, w, c, c + 1), 7);
        let mut floors = Floors::random(c, 8);
        floors.shift.iter_mut().for_each(|s| *s = s.abs() + 1.0);
        let activated = floors.reference_activate(&x.dense());
        let rounded: Vec<f32> = activated.iter().map(|&v| v as f32).collect();
        let want = reference_transform(INPUT, &windows(&rounded, (h, w, c), 6, 1));
        for isa in instruction_sets() {
            let mut out = Guarded::empty_array(want.len());
            let activation = Some(floors.activation());
            transform_input(isa, x.map(), activation, (0, tiles(h)), out.slice_mut());
            check_close(isa.name(), &out.written(), &want, 1e-6);
        }
    }
}

#[test]
fn bands_of_tile_rows_have_the_same_bits_as_the_whole() {
    let (h, w, c) = (15, 7, 32);
    let (x, floors) = (Guarded::random((h, w, c, c), 9), Floors::random(c, 10));
    let across = tiles(w);
    let products = numbers(FREQUENCIES * tiles(h) * across * c, 11);
    // One plane's part of a band lies within the plane of the whole.
    let part = |whole: &[f32], first: usize, rows: usize| -> Vec<f32> {
        let plane = whole.len() / FREQUENCIES;
        let of = |p| &whole[p * plane + first * across * c..][..rows * across * c];
        (0..FREQUENCIES).flat_map(of).copied().collect()
    };
    for isa in instruction_sets() {
        let mut whole = vec![f32::NAN; products.len()];
        let activation = Some(floors.activation());
        transform_input(isa, x.map(), activation, (0, tiles(h)), &mut whole);
        let mut out = Guarded::empty(h, w, c, c);
        transform_output(isa, &products, (0, tiles(h)), h, out.map_mut(), false);
        for (first, rows) in [(0, 1), (1, 2), (3, 1), (0, 4), (2, 2)] {
            let what = format!("{} rows {first}, {rows}", isa.name());
            let mut band = Guarded::empty_array(FREQUENCIES * rows * across * c);
            transform_input(isa, x.map(), activation, (first, rows), band.slice_mut());
            check_bits(&what, &band.written(), &part(&whole, first, rows));

            let height = (h - first * TILE).min(rows * TILE);
            let mut band = Guarded::empty(height, w, c, c);
            let products = part(&products, first, rows);
            transform_output(isa, &products, (first, rows), h, band.map_mut(), false);
            let want = &out.written()[first * TILE * w * c..][..height * w * c];
            check_bits(&what, &band.written(), want);
        }
    }
}

/// A map (5, 5, 16) transformed with these sizes changed.
fn input_of(values: usize, channels: usize, stride: usize, rows: (usize, usize), out: usize) {
    let values = vec![0.0; values];
    let map = Map { values: &values, height: 5, width: 5, channels, stride };
    transform_input(Isa::best(), map, None, rows, &mut vec![0.0; out]);
}

#[test]
fn exact_sizes_are_accepted() {
    input_of(400, 16, 16, (0, 2), 36 * 4 * 16);
    input_of(400, 16, 16, (1, 1), 36 * 2 * 16);
}

#[test]
#[should_panic(expected = "a map beyond its slice of 399")]
fn maps_lie_within_their_slice() {
    input_of(399, 16, 16, (0, 2), 36 * 4 * 16);
}

#[test]
#[should_panic(expected = "an empty or overlapping map")]
fn pixels_do_not_overlap() {
    input_of(400, 16, 15, (0, 2), 36 * 4 * 16);
}

#[test]
#[should_panic(expected = "8 channels are no multiple of 16")]
fn channels_come_in_lanes() {
    input_of(400, 8, 16, (0, 2), 36 * 4 * 8);
}

#[test]
#[should_panic(expected = "tiles of another size")]
fn tiles_fill_their_slice() {
    input_of(400, 16, 16, (0, 2), 36 * 4 * 16 + 16);
}

#[test]
#[should_panic(expected = "a band beyond the map")]
fn bands_lie_within_the_map() {
    input_of(400, 16, 16, (1, 2), 36 * 4 * 16);
}

#[test]
#[should_panic(expected = "a band beyond the map")]
fn bands_do_not_wrap_around_the_address_space() {
    input_of(400, 16, 16, (usize::MAX, 2), 36 * 4 * 16);
}

#[test]
#[should_panic(expected = "fits the address space")]
fn maps_do_not_wrap_around_the_address_space() {
    let map =
        Map { values: &[0.0; 32], height: usize::MAX / 2 + 2, width: 2, channels: 16, stride: 16 };
    transform_input(Isa::best(), map, None, (0, 1), &mut [0.0; 36 * 16]);
}

#[test]
#[should_panic(expected = "an activation of 15 channels for 16")]
fn activations_cover_the_channels() {
    let (x, a, short) = ([0.0; 16], [0.0; 16], [0.0; 15]);
    let map = Map { values: &x, height: 1, width: 1, channels: 16, stride: 16 };
    let activation = Activation { scale: &a, shift: &short, floor: &a };
    transform_input(Isa::best(), map, Some(activation), (0, 1), &mut [0.0; 36 * 16]);
}

#[test]
#[should_panic(expected = "a band of 4 rows in a map of 5")]
fn bands_are_written_to_maps_of_their_height() {
    let mut out = [0.0; 400];
    let map = MapMut { values: &mut out, height: 5, width: 5, channels: 16, stride: 16 };
    transform_output(Isa::best(), &[0.0; 36 * 2 * 16], (0, 1), 5, map, false);
}

#[test]
#[should_panic(expected = "values.is_multiple_of(LANES)")]
fn filters_come_in_lanes() {
    transform_filter(Isa::best(), &[0.0; 9 * 8], &mut [0.0; 36 * 8]);
}

#[test]
#[should_panic(expected = "out.len() == FREQUENCIES * values")]
fn transformed_filters_fill_their_slice() {
    transform_filter(Isa::best(), &[0.0; 9 * 16], &mut [0.0; 35 * 16]);
}

#[test]
#[should_panic(expected = "frequencies.len() == FREQUENCIES * values")]
fn filter_gradients_fill_their_slice() {
    transform_filter_gradient(Isa::best(), &[0.0; 35 * 16], &mut [0.0; 9 * 16]);
}
