//! The stem's kernels give the bits of the matrix product over patches on every instruction set, and
//! check their sizes.

mod common;

use common::{Floors, Guarded, check_bits, instruction_sets, numbers};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::norm;
use modiste_kernels::patches::{Window, gather};
use modiste_kernels::stem::{Bordered, TAPS, forward, weight_gradient};
use modiste_kernels::view::{Gradient, Map, MapMut, NormGradient};
use std::ops::Range;

/// Image sizes (height, width), strides of the window and numbers of channels.
fn cases() -> impl Iterator<Item = ((usize, usize), usize, usize)> {
    let sizes = [(1, 1), (2, 3), (5, 4), (7, 15), (28, 28), (3, 40)];
    sizes.into_iter().flat_map(|size| {
        [1, 2, 3].into_iter().flat_map(move |stride| [16, 48].map(move |k| (size, stride, k)))
    })
}

fn outputs((h, w): (usize, usize), stride: usize) -> (usize, usize) {
    let window = Window { kernel: 3, stride, padding: 1 };
    (window.outputs(h), window.outputs(w))
}

fn patches(isa: Isa, image: Map<'_>, stride: usize, rows: Range<usize>) -> Vec<f32> {
    let window = Window { kernel: 3, stride, padding: 1 };
    let across = window.outputs(image.width);
    let mut out = vec![f32::NAN; rows.len() * across * TAPS];
    gather(isa, image, None, window, rows, across, &mut out);
    out
}

fn bordered(image: &Guarded) -> Vec<f32> {
    vec![f32::NAN; Bordered::len(image.height, image.width)]
}

#[test]
fn outputs_have_the_bits_of_the_product_over_patches() {
    for (size, stride, k) in cases() {
        let image = Guarded::random((size.0, size.1, 1, 3), 1);
        let (filter, (down, across)) = (numbers(TAPS * k, 2), outputs(size, stride));
        for isa in instruction_sets() {
            for rows in [0..down, 0..1, down / 2..down] {
                let (left, m) =
                    (patches(isa, image.map(), stride, rows.clone()), rows.len() * across);
                let left = Strided { values: &left, row: TAPS, column: 1 };
                let mut want = vec![f32::NAN; m * k];
                gemm(isa, (m, k, TAPS), left, &filter, k, &mut want, k, false);
                let mut values = bordered(&image);
                let bordered = Bordered::copy(image.map(), &mut values);
                let mut y = Guarded::empty(rows.len(), across, k, k + 5);
                forward(isa, bordered, &filter, stride, rows.clone(), y.map_mut());
                let what = format!("{} {size:?} / {stride}, {k}, {rows:?}", isa.name());
                check_bits(&what, &y.written(), &want);
            }
        }
    }
}

#[test]
fn gradients_have_the_bits_of_the_product_over_patches() {
    for (size, stride, k) in cases() {
        let image = Guarded::random((size.0, size.1, 1, 2), 3);
        let (down, across) = outputs(size, stride);
        let [dy, z] =
            [4, 5].map(|seed| Guarded::random((down, across, k, k + seed as usize), seed));
        let (floors, slope, offset) = (Floors::random(k, 6), numbers(k, 7), numbers(k, 8));
        let activation = floors.activation();
        let before = numbers(TAPS * k, 9);
        for isa in instruction_sets() {
            let mut dz = vec![f32::NAN; down * across * k];
            let out =
                MapMut { values: &mut dz, height: down, width: across, channels: k, stride: k };
            norm::gradient(isa, dy.map(), z.map(), activation, &slope, &offset, out);
            let left = patches(isa, image.map(), stride, 0..down);
            let left = Strided { values: &left, row: 1, column: TAPS };
            let mut values = bordered(&image);
            let bordered = Bordered::copy(image.map(), &mut values);
            let through = NormGradient { z: z.map(), activation, slope: &slope, offset: &offset };
            for (right, norm) in [(dy.dense(), None), (dz, Some(through))] {
                let mut want = before.clone();
                gemm(isa, (TAPS, k, down * across), left, &right, k, &mut want, k, true);
                let mut gradient = Guarded::array(&before);
                let dy = Gradient { map: dy.map(), norm };
                weight_gradient(isa, bordered, dy, stride, 0..down, gradient.slice_mut());
                let what = format!("{} {size:?} / {stride}, {k}", isa.name());
                check_bits(&what, &gradient.written(), &want);
            }
        }
    }
}

fn sized(channels: usize, border: usize, weights: usize, rows: Range<usize>, width: usize) {
    let image = Map { values: &[1.0; 24], height: 3, width: 4, channels, stride: 2 };
    let mut values = vec![0.0; border];
    let bordered = Bordered::copy(image, &mut values);
    let mut y = vec![0.0; 3 * 4 * 16];
    let y = MapMut { values: &mut y, height: rows.len().max(1), width, channels: 16, stride: 16 };
    forward(Isa::best(), bordered, &vec![0.0; weights], 1, rows, y);
}

#[test]
fn exact_sizes_are_accepted() {
    sized(1, 30, 144, 0..3, 4);
    sized(1, 30, 144, 1..3, 4);
}

#[test]
#[should_panic(expected = "an image of 2 channels, not 1")]
fn images_must_have_one_channel() {
    sized(2, 30, 144, 0..3, 4);
}

#[test]
#[should_panic(expected = "a bordered image: 29 values, not 30")]
fn borders_must_have_room() {
    sized(1, 29, 144, 0..3, 4);
}

#[test]
#[should_panic(expected = "weights: 143 values, not 144")]
fn weights_must_be_complete() {
    sized(1, 30, 143, 0..3, 4);
}

#[test]
#[should_panic(expected = "rows 2..4 of 3")]
fn rows_must_lie_within_the_map() {
    sized(1, 30, 144, 2..4, 4);
}

#[test]
#[should_panic(expected = "3 x 3 outputs, not 4 wide")]
fn rows_must_be_whole() {
    sized(1, 30, 144, 0..3, 3);
}
