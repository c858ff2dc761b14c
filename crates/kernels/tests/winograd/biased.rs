//! Outputs with a bias and a floor, as prediction writes them, agree with the direct sum and have the same
//! bits however the work is divided.

use crate::common::{Guarded, check_bits, error, exact, instruction_sets, numbers};
use crate::convolution::convolve_with;
use crate::direct::{Shape, reference_forward};
use modiste_kernels::isa::Isa;
use modiste_kernels::view::MapMut;
use modiste_kernels::winograd::{Biased, Block, tiles, transform_output};

/// Tolerance relative to the largest output, as for raw outputs.
const TOLERANCE: f64 = 1e-5;

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

    fn input(&self, n: u32) -> Guarded {
        let (h, w, c, _) = self.shape;
        Guarded::random((h, w, c, c + 5), (h * 29 + w) as u32 + n)
    }

    fn convolve(&self, isa: Isa, inputs: &[Guarded], bands: &[usize]) -> Vec<Vec<f32>> {
        let maps: Vec<_> = inputs.iter().map(Guarded::map).collect();
        let biased = Some(Biased { bias: &self.bias, floor: self.floor });
        convolve_with(isa, &maps, None, &self.filter, bands, biased)
    }

    /// Largest error on every instruction set, relative to the largest value.
    fn check(&self, n: u32) -> f64 {
        let inputs: Vec<_> = (0..n).map(|n| self.input(n)).collect();
        let filter = exact(&self.filter);
        let (floor, mut worst) = (f64::from(self.floor), 0.0f64);
        for isa in instruction_sets() {
            let got = self.convolve(isa, &inputs, &[tiles(self.shape.0)]);
            for (input, got) in inputs.iter().zip(got) {
                let sums = reference_forward(self.shape, &exact(&input.dense()), &filter);
                let end = |(i, y): (usize, f64)| {
                    (y + f64::from(self.bias[i % self.bias.len()])).max(floor)
                };
                let want: Vec<f64> = sums.into_iter().enumerate().map(end).collect();
                let e = error(&got, &want);
                assert!(e <= TOLERANCE, "{} {:?}: error {e:.2e}", isa.name(), self.shape);
                worst = worst.max(e);
            }
        }
        worst
    }
}

#[test]
fn maps_of_every_small_size_agree_with_f64() {
    let sides = (1..=15).flat_map(|h| (1..=13).map(move |w| (h, w, 16, 16)));
    let worst = sides.map(|shape| Case::new(shape, 0.0).check(2)).fold(0.0, f64::max);
    println!("largest error {worst:.2e}");
}

#[test]
fn maps_of_several_widths_agree_with_f64() {
    for (c, k) in [(16, 48), (48, 16), (32, 80), (80, 96)] {
        for (h, w) in [(1, 1), (2, 3), (4, 4), (5, 9), (14, 14)] {
            Case::new((h, w, c, k), f32::NEG_INFINITY).check(3);
        }
    }
}

#[test]
fn bits_do_not_depend_on_bands_and_other_maps() {
    let case = Case::new((14, 9, 32, 48), 0.0);
    let inputs: Vec<_> = (0..3).map(|n| case.input(n)).collect();
    for isa in instruction_sets() {
        let together = case.convolve(isa, &inputs, &[4]);
        for (input, together) in inputs.iter().zip(&together) {
            for bands in [&[4][..], &[1, 1, 1, 1], &[2, 2], &[3, 1], &[1, 3]] {
                let alone = case.convolve(isa, std::slice::from_ref(input), bands);
                check_bits(&format!("{} {bands:?}", isa.name()), &alone[0], together);
            }
        }
    }
}

#[test]
#[should_panic(expected = "biases: 15 values for 16 channels")]
fn biases_need_every_channel() {
    let block = Block::new(1, (4, 4), 0..1);
    let (products, mut values) = (vec![0.0; block.len(16)], [0.0; 256]);
    let map = MapMut { values: &mut values, height: 4, width: 4, channels: 16, stride: 16 };
    let biased = Some(Biased { bias: &[0.0; 15], floor: 0.0 });
    transform_output(Isa::best(), &products, (&block, 0), map, biased);
}
