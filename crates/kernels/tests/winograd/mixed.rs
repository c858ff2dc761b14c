//! Tiles of two sizes over several images: against the direct sum, and the same bits however the
//! work is divided.

use crate::common::{Guarded, check_bits, error, exact, instruction_sets, numbers};
use crate::direct::{Shape, reference_forward};
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::view::{Map, MapMut};
use modiste_kernels::winograd::mixed::{Images, Tiling, transform_input, transform_output};
use modiste_kernels::winograd::{FREQUENCIES, TILE, tiles, transform_filter};
use std::ops::Range;

/// Of the largest output, as for tiles of one size.
const TOLERANCE: f64 = 1e-5;
/// Values between two images that nobody may touch.
const GAP: usize = 5;

/// A convolution's filter with its bias and floor, and the shape of its maps.
struct Case {
    shape: Shape,
    filter: Vec<f32>,
    bias: Vec<f32>,
    floor: f32,
}

impl Case {
    fn new((h, w, c, k): Shape, floor: f32) -> Self {
        let seed = (h * 31 + w) as u32 * 7;
        let (filter, bias) = (numbers(9 * c * k, seed + 2), numbers(k, seed + 3));
        Self { shape: (h, w, c, k), filter, bias, floor }
    }

    /// `n` maps one below the other with a gap, (n, h * w * c + gap).
    fn inputs(&self, n: usize) -> Guarded {
        let (h, w, c, _) = self.shape;
        Guarded::random((n, 1, h * w * c, h * w * c + GAP), (h * 29 + w) as u32)
    }

    /// The outputs of the images in `x`, in blocks of tile rows.
    fn convolve(&self, isa: Isa, x: &[f32], n: usize, bands: &[Range<usize>]) -> Vec<f32> {
        let (h, w, c, k) = self.shape;
        let mut u = Guarded::empty_array(FREQUENCIES * c * k);
        transform_filter(isa, &self.filter, u.slice_mut());
        let u = u.written();
        let (step, row) = (h * w * k + GAP, w * k);
        let mut out = Guarded::empty(n, 1, h * w * k, step);
        for band in bands {
            let tiling = Tiling::new(n, (h, w), band.clone());
            let t = tiling.count();
            let map = Map { values: x, height: h, width: w, channels: c, stride: c };
            let mut v = Guarded::empty_array(FREQUENCIES * t * c);
            transform_input(isa, Images { map, step: h * w * c + GAP }, tiling, v.slice_mut());
            let v = v.written();
            let mut m = Guarded::empty_array(FREQUENCIES * t * k);
            for f in 0..FREQUENCIES {
                let Range { start, end } = tiling.range(f);
                let left = Strided { values: &v[(f * t + start) * c..], row: c, column: 1 };
                let to = &mut m.slice_mut()[(f * t + start) * k..(f * t + end) * k];
                gemm(isa, (end - start, k, c), left, &u[f * c * k..], k, to, k, false);
            }
            let (top, bottom) = (band.start * TILE, (band.end * TILE).min(h));
            let values = &mut out.slice_mut()[top * row..];
            let map = MapMut { values, height: bottom - top, width: w, channels: k, stride: k };
            let to = Images { map, step };
            transform_output(isa, &m.written(), tiling, to, &self.bias, self.floor);
        }
        out.written()
    }

    /// The same as a direct sum in f64.
    fn reference(&self, x: &Guarded) -> Vec<f64> {
        let (h, w, c, k) = self.shape;
        let filter = exact(&self.filter);
        let sums = |x: &[f32]| reference_forward((h, w, c, k), &exact(x), &filter);
        let all = x.dense().chunks_exact(h * w * c).flat_map(sums).collect::<Vec<_>>();
        let end =
            |(i, y): (usize, &f64)| (y + f64::from(self.bias[i % k])).max(f64::from(self.floor));
        all.iter().enumerate().map(end).collect()
    }
}

fn check(shape: Shape, n: usize, floor: f32) -> f64 {
    let case = Case::new(shape, floor);
    let x = case.inputs(n);
    let want = case.reference(&x);
    let mut worst = 0.0f64;
    for isa in instruction_sets() {
        let got = case.convolve(isa, x.slice(), n, std::slice::from_ref(&(0..tiles(shape.0))));
        let e = error(&got, &want);
        assert!(e <= TOLERANCE, "{} {shape:?} {n} images: error {e:.2e}", isa.name());
        worst = worst.max(e);
    }
    worst
}

#[test]
fn images_of_every_small_size_agree_with_f64() {
    let sides = (1..=15).flat_map(|h| (1..=13).map(move |w| (h, w, 16, 16)));
    let worst = sides.map(|shape| check(shape, 2, 0.0)).fold(0.0, f64::max);
    println!("largest error {worst:.2e}");
}

#[test]
fn images_of_several_widths_agree_with_f64() {
    for (c, k) in [(16, 48), (48, 16), (32, 80), (80, 96)] {
        for (h, w) in [(1, 1), (2, 3), (4, 4), (5, 9), (14, 14)] {
            check((h, w, c, k), 3, f32::NEG_INFINITY);
        }
    }
}

#[test]
fn bands_and_other_images_do_not_change_the_bits() {
    let case = Case::new((14, 9, 32, 48), 0.0);
    let x = case.inputs(3);
    for isa in instruction_sets() {
        let whole = case.convolve(isa, x.slice(), 3, std::slice::from_ref(&(0..4)));
        for bands in [&[0..1, 1..2, 2..3, 3..4][..], &[0..2, 2..4], &[0..3, 3..4], &[0..1, 1..4]] {
            let banded = case.convolve(isa, x.slice(), 3, bands);
            check_bits(&format!("{} {bands:?}", isa.name()), &banded, &whole);
        }
        let (from, to) = (14 * 9 * 32 + GAP, 14 * 9 * 48);
        for image in 0..3 {
            let alone =
                case.convolve(isa, &x.slice()[image * from..], 1, std::slice::from_ref(&(0..4)));
            check_bits(isa.name(), &alone, &whole[image * to..(image + 1) * to]);
        }
    }
}

#[test]
#[should_panic(expected = "tiles of another height")]
fn an_output_of_another_height_is_refused() {
    let tiling = Tiling::new(1, (14, 14), 0..4);
    let products = vec![0.0; FREQUENCIES * 16 * 16];
    let mut values = vec![0.0; 18 * 14 * 16];
    let map = MapMut { values: &mut values, height: 18, width: 14, channels: 16, stride: 16 };
    let to = Images { map, step: 18 * 14 * 16 };
    transform_output(Isa::best(), &products, tiling, to, &[0.0; 16], 0.0);
}

#[test]
#[should_panic(expected = "maps beyond their slice")]
fn a_missing_image_is_refused() {
    let tiling = Tiling::new(2, (4, 4), 0..1);
    let map = Map { values: &[0.0; 4 * 4 * 16], height: 4, width: 4, channels: 16, stride: 16 };
    let mut out = vec![0.0; FREQUENCIES * 2 * 16];
    transform_input(Isa::best(), Images { map, step: 4 * 4 * 16 }, tiling, &mut out);
}
