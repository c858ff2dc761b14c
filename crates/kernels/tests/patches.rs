//! Compares gathering and scattering of patches on every instruction set with index arithmetic.

mod common;

use common::{Floors, Guarded, check_bits, check_close, exact, instruction_sets, whole_numbers};
use modiste_kernels::patches::{Window, gather, scatter};

/// A map (height, width, channels) seen through windows.
#[derive(Clone, Copy, Debug)]
struct Case {
    height: usize,
    width: usize,
    channels: usize,
    window: Window,
}

impl Case {
    /// Kernels 1, 3, 5 and 7 at strides 1 to 3; padding of zero, half the kernel and one more.
    fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        for (height, width, channels) in [(1, 1, 16), (5, 4, 3), (9, 7, 16), (6, 11, 33), (8, 8, 1)]
        {
            for (kernel, stride) in [1, 3, 5, 7].into_iter().flat_map(|k| [1, 2, 3].map(|s| (k, s)))
            {
                for padding in [0, kernel / 2, kernel / 2 + 1] {
                    let window = Window { kernel, stride, padding };
                    if height.min(width) + 2 * padding >= kernel {
                        cases.push(Case { height, width, channels, window });
                    }
                }
            }
        }
        cases
    }

    fn outputs(&self, size: usize) -> usize {
        (size + 2 * self.window.padding - self.window.kernel) / self.window.stride + 1
    }

    fn size(&self) -> (usize, usize) {
        (self.outputs(self.height), self.outputs(self.width))
    }

    fn patch(&self) -> usize {
        self.window.kernel * self.window.kernel * self.channels
    }

    /// Index into the map of each value of the patches, none in the padding.
    fn reference_indices(&self) -> Vec<Option<usize>> {
        let (Window { kernel, stride, padding }, (down, across)) = (self.window, self.size());
        let mut indices = Vec::new();
        for (oy, ox) in (0..down * across).map(|o| (o / across, o % across)) {
            for (ky, kx) in (0..kernel * kernel).map(|k| (k / kernel, k % kernel)) {
                let y = (oy * stride + ky).checked_sub(padding).filter(|&y| y < self.height);
                let x = (ox * stride + kx).checked_sub(padding).filter(|&x| x < self.width);
                for c in 0..self.channels {
                    let at = |(y, x)| (y * self.width + x) * self.channels + c;
                    indices.push(y.zip(x).map(at));
                }
            }
        }
        indices
    }

    fn map(&self, seed: u32) -> Guarded {
        let Case { height, width, channels, .. } = *self;
        let values = whole_numbers(height * width * channels, 9, seed);
        Guarded::of((height, width, channels, channels + 5), &values)
    }
}

#[test]
fn patches_hold_the_values_under_each_window() {
    for case in Case::all() {
        let (x, floors) = (case.map(1), Floors::random(case.channels, 2));
        let values = x.dense();
        let activated = floors.reference_activate(&values);
        let indices = case.reference_indices();
        let plain: Vec<f32> = indices.iter().map(|i| i.map_or(0.0, |i| values[i])).collect();
        let active: Vec<f64> = indices.iter().map(|i| i.map_or(0.0, |i| activated[i])).collect();
        let (down, across) = case.size();
        for isa in instruction_sets() {
            let mut out = Guarded::empty_array(plain.len());
            gather(isa, x.map(), None, case.window, 0..down, across, out.slice_mut());
            check_bits(&format!("{} {case:?}", isa.name()), &out.written(), &plain);
            let mut out = Guarded::empty_array(plain.len());
            let activation = Some(floors.activation());
            gather(isa, x.map(), activation, case.window, 0..down, across, out.slice_mut());
            check_close(&format!("{} {case:?}", isa.name()), &out.written(), &active, 2e-7);
        }
    }
}

#[test]
fn some_rows_of_patches_are_those_of_the_whole() {
    for case in Case::all() {
        let (x, (down, across)) = (case.map(3), case.size());
        let row = across * case.patch();
        for isa in instruction_sets() {
            let mut whole = vec![f32::NAN; down * row];
            gather(isa, x.map(), None, case.window, 0..down, across, &mut whole);
            for (from, to) in [(0, 1), (down / 2, down), (down - 1, down)] {
                let mut out = Guarded::empty_array((to - from).max(1) * row);
                gather(isa, x.map(), None, case.window, from..to, across, out.slice_mut());
                check_bits(isa.name(), &out.written(), &whole[from * row..to * row]);
            }
        }
    }
}

#[test]
fn scattered_patches_are_added_where_they_came_from() {
    for case in Case::all() {
        let before = case.map(4);
        let (down, across) = case.size();
        let patches = whole_numbers(down * across * case.patch(), 9, 5);
        let mut want = exact(&before.dense());
        for (index, value) in case.reference_indices().iter().zip(exact(&patches)) {
            index.iter().for_each(|&i| want[i] += value);
        }
        for isa in instruction_sets() {
            let mut dx = before.clone();
            scatter(isa, &patches, case.window, down, across, dx.map_mut());
            check_close(&format!("{} {case:?}", isa.name()), &dx.written(), &want, 0.0);
        }
    }
}

/// <gather(x), p> = <x, scatter(p)>, exactly, because sums of whole numbers are exact.
#[test]
fn scattering_is_adjoint_to_gathering() {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { exact(a).iter().zip(exact(b)).map(|(a, b)| a * b).sum() };
    for case in Case::all() {
        let x = case.map(6);
        let (down, across) = case.size();
        let p = whole_numbers(down * across * case.patch(), 9, 7);
        for isa in instruction_sets() {
            let mut gathered = vec![f32::NAN; p.len()];
            gather(isa, x.map(), None, case.window, 0..down, across, &mut gathered);
            let zeros = vec![0.0; x.dense().len()];
            let mut dx =
                Guarded::of((case.height, case.width, case.channels, case.channels), &zeros);
            scatter(isa, &p, case.window, down, across, dx.map_mut());
            let (left, right) = (dot(&gathered, &p), dot(&x.dense(), &dx.written()));
            assert_eq!(left, right, "{} {case:?}", isa.name());
        }
    }
}

#[test]
fn windows_of_one_pixel_copy_the_map() {
    let x = Guarded::random((5, 7, 19, 23), 8);
    let window = Window { kernel: 1, stride: 1, padding: 0 };
    for isa in instruction_sets() {
        let mut out = Guarded::empty_array(5 * 7 * 19);
        gather(isa, x.map(), None, window, 0..5, 7, out.slice_mut());
        check_bits(isa.name(), &out.written(), &x.dense());
    }
}
