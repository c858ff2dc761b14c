//! Compares each transform with its matrix, and tests the limits of each.

use crate::common::{
    Floors, Guarded, check_close, exact, instruction_sets, numbers, whole_numbers,
};
use modiste_kernels::isa::Isa;
use modiste_kernels::view::{Activation, Gradient, Map, MapMut};
use modiste_kernels::winograd::*;
use std::ops::Range;

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

/// M x M' at every position of the planes: `x` is (C, C, values), the result (R, R, values).
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

/// A block of one whole map without short tiles.
fn whole(h: usize, w: usize) -> Block {
    Block::new(1, (h, w), 0..tiles(h))
}

/// The tiles written to a block, (36, tiles, channels), without the padding of the planes.
fn planes(block: &Block, c: usize, values: &[f32]) -> Vec<f32> {
    let plane = |f: usize| &values[f * block.plane(c)..][..block.tiles() * c];
    (0..FREQUENCIES).flat_map(plane).copied().collect()
}

/// Sizes of maps without short tiles, and numbers of channels.
const SIDES: [(usize, usize, usize); 4] = [(3, 4, 16), (4, 7, 32), (11, 8, 48), (12, 15, 16)];

#[test]
fn input_and_gradient_transforms_are_exact_on_whole_numbers() {
    for (h, w, c) in SIDES {
        let x = whole_numbers(h * w * c, 40, (h * w) as u32);
        let map = Guarded::of((h, w, c, c + 5), &x);
        let inputs = reference_transform(INPUT, &windows(&x, (h, w, c), 6, 1));
        let gradients = reference_transform(transposed(OUTPUT), &windows(&x, (h, w, c), 4, 0));
        let block = whole(h, w);
        let mut scratch = vec![f32::NAN; block.scratch()];
        for isa in instruction_sets() {
            let mut out = vec![f32::NAN; block.len(c)];
            transform_input(isa, map.map(), None, (&block, 0), &mut out, &mut scratch);
            check_close(isa.name(), &planes(&block, c, &out), &inputs, 0.0);
            let mut out = vec![f32::NAN; block.len(c)];
            let gradient = Gradient { map: map.map(), norm: None };
            transform_gradient(isa, gradient, (&block, 0), &mut out, &mut scratch);
            check_close(isa.name(), &planes(&block, c, &out), &gradients, 0.0);
        }
    }
}

/// Tiles (36, tiles, c) in the layout of a block.
fn laid_out(block: &Block, c: usize, values: &[f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; block.len(c)];
    for f in 0..FREQUENCIES {
        let plane = block.tiles() * c;
        out[f * block.plane(c)..][..plane].copy_from_slice(&values[f * plane..][..plane]);
    }
    out
}

#[test]
fn output_transforms_are_exact_on_whole_numbers() {
    for (h, w, c) in SIDES {
        let (block, plane) = (whole(h, w), tiles(h) * tiles(w) * c);
        let products = whole_numbers(FREQUENCIES * plane, 40, (h * w) as u32);
        let outputs = reference_transform(OUTPUT, &exact(&products));
        let windows = reference_transform(transposed(INPUT), &exact(&products));
        let (mut want, mut want_back) = (vec![0.0; h * w * c], vec![0.0; h * w * c]);
        // Add the values of the `side` x `side` pixels of all tiles at their positions.
        let place = |values: &[f64], side: usize, edge: usize, to: &mut [f64]| {
            for at in 0..side * side * plane {
                let (pixel, tile) = (at / plane, at % plane / c);
                let y = (tile / tiles(w) * TILE + pixel / side).wrapping_sub(edge);
                let x = (tile % tiles(w) * TILE + pixel % side).wrapping_sub(edge);
                if y < h && x < w {
                    to[(y * w + x) * c + at % c] += values[at];
                }
            }
        };
        place(&outputs, 4, 0, &mut want);
        place(&windows, 6, 1, &mut want_back);
        let products = laid_out(&block, c, &products);
        let mut scratch = vec![f32::NAN; block.scratch()];
        for isa in instruction_sets() {
            let mut out = Guarded::empty(h, w, c, c + 3);
            transform_output(isa, &products, (&block, 0), out.map_mut(), None);
            check_close(isa.name(), &out.written(), &want, 0.0);
            let mut out = Guarded::empty(h, w, c, c + 3);
            let mut back = |accumulate| {
                let map = out.map_mut();
                let block = (&block, 0);
                transform_input_gradient(isa, &products, block, map, accumulate, &mut scratch);
                out.written()
            };
            check_close(isa.name(), &back(false), &want_back, 0.0);
            let twice: Vec<f64> = want_back.iter().map(|w| 2.0 * w).collect();
            check_close(isa.name(), &back(true), &twice, 0.0);
        }
    }
}

/// Every tile with a frequency lies in the frequency's range, and no tiles overlap.
#[test]
fn the_tiles_of_a_frequency_lie_side_by_side() {
    // A 14x14 map has 3 tiles of four and one of two in each direction.
    let block = Block::new(2, (14, 14), 0..4);
    assert_eq!(block.tiles(), 32);
    assert_eq!((block.tiles_of(0), block.tiles_of(7)), (0..32, 0..32));
    assert_eq!((block.tiles_of(3), block.tiles_of(4)), (6..30, 6..30)); // four columns
    assert_eq!((block.tiles_of(18), block.tiles_of(29)), (0..24, 0..24)); // four rows
    assert_eq!((block.tiles_of(21), block.tiles_of(28)), (6..24, 6..24)); // both
    // 484 products of a pair of channels and map instead of 576.
    assert_eq!((0..FREQUENCIES).map(|f| block.tiles_of(f).len()).sum::<usize>(), 2 * 484);
    // Bands: long rows alone, and the short one alone.
    let [long, short] = [0..3, 3..4].map(|rows| Block::new(2, (14, 14), rows));
    assert_eq!((long.tiles_of(18), long.tiles_of(3)), (0..24, 6..24));
    assert_eq!((short.tiles_of(18), short.tiles_of(3)), (0..0, 0..6));
    assert_eq!(short.tiles_of(0), 0..8);
}

/// The sixths of G are rounded: 2e-7 of the largest value a direction.
#[test]
fn filter_transforms_agree_with_their_matrices() {
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
            transform_filter_gradient(isa, &frequencies, out.slice_mut(), values);
            check_close(isa.name(), &out.written(), &back, 4e-7);
            // Writes to planes with gaps between them, which stay unchanged.
            let mut planes = vec![7.0; 8 * (values + 5) + values];
            transform_filter_gradient(isa, &frequencies, &mut planes, values + 5);
            let apart: Vec<f32> =
                planes.chunks(values + 5).flat_map(|plane| &plane[..values]).copied().collect();
            check_close(isa.name(), &apart, &back, 4e-7);
            let between = planes.chunks(values + 5).flat_map(|plane| &plane[values..]);
            assert!(between.into_iter().all(|&value| value == 7.0), "{}", isa.name());
        }
    }
}

/// The activation applies only inside the map, even if it makes zeros positive.
#[test]
fn padding_stays_zero_under_an_activation() {
    for (h, w, c) in SIDES {
        let x = Guarded::random((h, w, c, c + 1), 7);
        let mut floors = Floors::random(c, 8);
        floors.shift.iter_mut().for_each(|s| *s = s.abs() + 1.0);
        let activated = floors.reference_activate(&x.dense());
        let rounded: Vec<f32> = activated.iter().map(|&v| v as f32).collect();
        let want = reference_transform(INPUT, &windows(&rounded, (h, w, c), 6, 1));
        let block = whole(h, w);
        for isa in instruction_sets() {
            let mut out = vec![f32::NAN; block.len(c)];
            let activation = Some(floors.activation());
            let mut scratch = vec![f32::NAN; block.scratch()];
            transform_input(isa, x.map(), activation, (&block, 0), &mut out, &mut scratch);
            check_close(isa.name(), &planes(&block, c, &out), &want, 1e-6);
        }
    }
}

/// Transforms the tile rows `rows` of a map (5, 5, 16) with these sizes; the right ones are 400 values, 16
/// channels, a stride of 16 and 0 missing values of the block.
fn input_of(values: usize, channels: usize, stride: usize, rows: Range<usize>, missing: usize) {
    let values = vec![0.0; values];
    let map = Map { values: &values, height: 5, width: 5, channels, stride };
    let block = Block::new(1, (5, 5), rows);
    let (mut out, mut scratch) = (vec![0.0; block.len(16) - missing], vec![0.0; block.scratch()]);
    transform_input(Isa::best(), map, None, (&block, 0), &mut out, &mut scratch);
}

#[test]
fn exact_sizes_are_accepted() {
    input_of(400, 16, 16, 0..2, 0);
    input_of(400, 16, 16, 1..2, 0);
}

#[test]
#[should_panic(expected = "a map beyond its slice of 399")]
fn maps_must_lie_within_their_slice() {
    input_of(399, 16, 16, 0..2, 0);
}

#[test]
#[should_panic(expected = "an empty or overlapping map")]
fn pixels_do_not_overlap() {
    input_of(400, 16, 15, 0..2, 0);
}

#[test]
#[should_panic(expected = "8 channels are no multiple of 16")]
fn channels_must_fill_lanes() {
    input_of(400, 8, 16, 0..2, 0);
}

#[test]
#[should_panic(expected = "2879 values for a block of 2880")]
fn tiles_must_lie_within_their_slice() {
    input_of(400, 16, 16, 0..2, 1);
}

#[test]
#[should_panic(expected = "a band beyond the map")]
fn bands_must_lie_within_the_map() {
    input_of(400, 16, 16, 1..3, 0);
}

#[test]
#[should_panic(expected = "an empty block")]
fn blocks_must_have_tiles() {
    input_of(400, 16, 16, 1..1, 0);
}

#[test]
#[should_panic(expected = "map 1 of 1")]
fn blocks_check_the_number_of_the_map() {
    let map = Map { values: &[0.0; 16], height: 1, width: 1, channels: 16, stride: 16 };
    let block = Block::new(1, (1, 1), 0..1);
    let (mut out, mut scratch) = (vec![0.0; block.len(16)], vec![0.0; block.scratch()]);
    transform_input(Isa::best(), map, None, (&block, 1), &mut out, &mut scratch);
}

#[test]
#[should_panic(expected = "of another height")]
fn blocks_check_the_height_of_the_map() {
    let map = Map { values: &[0.0; 16], height: 1, width: 1, channels: 16, stride: 16 };
    let block = Block::new(1, (2, 1), 0..1);
    let (mut out, mut scratch) = (vec![0.0; block.len(16)], vec![0.0; block.scratch()]);
    transform_input(Isa::best(), map, None, (&block, 0), &mut out, &mut scratch);
}

#[test]
#[should_panic(expected = "values of scratch memory")]
fn scratch_memory_must_suffice() {
    let map = Map { values: &[0.0; 16], height: 1, width: 1, channels: 16, stride: 16 };
    let block = Block::new(1, (1, 1), 0..1);
    let (mut out, mut scratch) = (vec![0.0; block.len(16)], vec![0.0; block.scratch() - 1]);
    transform_input(Isa::best(), map, None, (&block, 0), &mut out, &mut scratch);
}

#[test]
#[should_panic(expected = "fits the address space")]
fn blocks_do_not_wrap_around_the_address_space() {
    Block::new(usize::MAX / 2, (usize::MAX / 2, 2), 0..tiles(usize::MAX / 2)).len(16);
}

#[test]
#[should_panic(expected = "an activation of 15 channels for 16")]
fn activations_must_cover_the_channels() {
    let (x, a, short) = ([0.0; 16], [0.0; 16], [0.0; 15]);
    let map = Map { values: &x, height: 1, width: 1, channels: 16, stride: 16 };
    let activation = Activation { scale: &a, shift: &short, floor: &a };
    let block = Block::new(1, (1, 1), 0..1);
    let (mut out, mut scratch) = (vec![0.0; block.len(16)], vec![0.0; block.scratch()]);
    transform_input(Isa::best(), map, Some(activation), (&block, 0), &mut out, &mut scratch);
}

#[test]
#[should_panic(expected = "a band of 4 rows in a map of 5")]
fn bands_need_maps_of_their_height() {
    let mut out = [0.0; 400];
    let map = MapMut { values: &mut out, height: 5, width: 5, channels: 16, stride: 16 };
    let block = Block::new(1, (5, 5), 0..1);
    let products = vec![0.0; block.len(16)];
    transform_output(Isa::best(), &products, (&block, 0), map, None);
}
