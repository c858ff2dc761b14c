//! Compares pooling on every instruction set with its definition.

mod common;

use common::{
    Floors, Guarded, check_bits, check_close, exact, instruction_sets, numbers, whole_numbers,
};
use modiste_kernels::norm::activate;
use modiste_kernels::patches::Window;
use modiste_kernels::pooling::*;

const SHAPES: [(usize, usize, usize); 6] =
    [(1, 1, 16), (5, 4, 48), (9, 7, 16), (6, 11, 32), (13, 15, 16), (28, 28, 64)];
/// Kernel, stride and padding; the first is the network's.
const WINDOWS: [(usize, usize, usize); 6] =
    [(3, 2, 1), (2, 2, 0), (3, 1, 1), (3, 3, 0), (5, 2, 2), (2, 3, 1)];

/// Input map, window and size of the output.
struct Case {
    shape: (usize, usize, usize),
    window: Window,
    down: usize,
    across: usize,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        for (shape, (kernel, stride, padding)) in
            SHAPES.iter().flat_map(|s| WINDOWS.map(|w| (*s, w)))
        {
            let window = Window { kernel, stride, padding };
            let outputs =
                |size: usize| (size + 2 * padding).checked_sub(kernel).map(|v| v / stride + 1);
            if let Some((down, across)) = outputs(shape.0).zip(outputs(shape.1)) {
                cases.push(Case { shape, window, down, across });
            }
        }
        cases
    }

    /// For each output value, the index of the first largest input value; `None` if all is padding.
    fn reference_winners(&self, x: &[f32]) -> Vec<Option<usize>> {
        let ((h, w, c), Window { kernel, stride, padding }) = (self.shape, self.window);
        let winner = |at: usize| {
            let (oy, ox) = (at / c / self.across, at / c % self.across);
            let mut best: Option<usize> = None;
            for (ky, kx) in (0..kernel * kernel).map(|k| (k / kernel, k % kernel)) {
                let y = (oy * stride + ky).checked_sub(padding).filter(|&y| y < h);
                let u = (ox * stride + kx).checked_sub(padding).filter(|&u| u < w);
                let Some((y, u)) = y.zip(u) else { continue };
                let i = (y * w + u) * c + at % c;
                if best.is_none_or(|b| x[i] > x[b]) {
                    best = Some(i);
                }
            }
            best
        };
        (0..self.down * self.across * c).map(winner).collect()
    }

    fn map(&self, values: &[f32], gap: usize) -> Guarded {
        let (h, w, c) = self.shape;
        Guarded::of((h, w, c, c + gap), values)
    }

    fn check(&self, x: &[f32]) {
        let (h, w, c) = self.shape;
        let winners = self.reference_winners(x);
        let want: Vec<f32> =
            winners.iter().map(|i| i.map_or(f32::NEG_INFINITY, |i| x[i])).collect();
        let dy = Guarded::of((self.down, self.across, c, c + 2), &whole_numbers(want.len(), 9, 3));
        let before = whole_numbers(h * w * c, 9, 4);
        let mut gradient = exact(&before);
        for (winner, d) in winners.iter().zip(exact(&dy.dense())) {
            winner.iter().for_each(|&i| gradient[i] += d);
        }
        for isa in instruction_sets() {
            let what = format!("{} {:?} {:?}", isa.name(), self.shape, self.window);
            let input = self.map(x, 3);
            let mut y = Guarded::empty(self.down, self.across, c, c + 1);
            max_forward(isa, input.map(), None, self.window, y.map_mut());
            check_bits(&what, &y.written(), &want);
            let mut dx = self.map(&before, 4);
            let outputs = (y.map(), dy.map());
            max_backward(isa, input.map(), None, outputs, self.window, dx.map_mut());
            check_close(&what, &dx.written(), &gradient, 0.0);
        }
    }
}

#[test]
fn maxima_and_their_gradients_are_exact() {
    for case in Case::all() {
        case.check(&numbers(case.shape.0 * case.shape.1 * case.shape.2, 1));
    }
}

/// Activating values while reading them gives the same bits as activating them before.
#[test]
fn activation_on_reading_gives_the_same_bits() {
    for case in Case::all() {
        let (h, w, c) = case.shape;
        let z = case.map(&numbers(h * w * c, 6), 2);
        let (floors, dy) = (Floors::random(c, 7), numbers(case.down * case.across * c, 8));
        let (activation, dy) =
            (floors.activation(), Guarded::of((case.down, case.across, c, c), &dy));
        for isa in instruction_sets() {
            let mut x = Guarded::empty(h, w, c, c);
            activate(isa, z.map(), activation, x.map_mut());
            let results = [(&z, Some(activation)), (&x, None)].map(|(x, activation)| {
                let mut y = Guarded::empty(case.down, case.across, c, c);
                max_forward(isa, x.map(), activation, case.window, y.map_mut());
                let mut dx = case.map(&numbers(h * w * c, 9), 1);
                let outputs = (y.map(), dy.map());
                max_backward(isa, x.map(), activation, outputs, case.window, dx.map_mut());
                [y.written(), dx.written()].concat()
            });
            check_bits(isa.name(), &results[0], &results[1]);
        }
    }
}

/// With only a few different values, most windows have several maxima; the first takes the whole gradient.
#[test]
fn the_first_of_equal_values_takes_the_gradient() {
    for case in Case::all() {
        let n = case.shape.0 * case.shape.1 * case.shape.2;
        case.check(&whole_numbers(n, 1, 2));
        case.check(&vec![0.0; n]);
    }
}

/// Padding counts as minus infinity, not as zero.
#[test]
fn padding_never_wins() {
    for case in Case::all() {
        let n = case.shape.0 * case.shape.1 * case.shape.2;
        case.check(&numbers(n, 5).iter().map(|v| v - 2.0).collect::<Vec<_>>());
    }
}

#[test]
fn means_and_their_gradients_agree_with_f64() {
    // The last two are the whole map at once, and windows that do not cover a row and a column.
    let cases = [(4, 6, 16, (2, 2)), (9, 6, 33, (3, 2)), (14, 14, 192, (2, 2)), (5, 5, 3, (1, 1))];
    for (h, w, c, kernel) in cases.into_iter().chain([(7, 7, 192, (7, 7)), (7, 9, 16, (2, 2))]) {
        let (down, across) = (h / kernel.0, w / kernel.1);
        let x = Guarded::random((h, w, c, c + 3), 6);
        let dy = Guarded::random((down, across, c, c + 2), 7);
        let before = Guarded::random((h, w, c, c + 1), 8);
        let (values, d) = (exact(&x.dense()), exact(&dy.dense()));
        let share = 1.0 / (kernel.0 * kernel.1) as f64;
        let (mut mean, mut gradient) = (vec![0.0; down * across * c], exact(&before.dense()));
        for i in 0..h * w * c {
            let (oy, ox) = (i / c / w / kernel.0, i / c % w / kernel.1);
            if oy < down && ox < across {
                let o = (oy * across + ox) * c + i % c;
                mean[o] += share * values[i];
                gradient[i] += share * d[o];
            }
        }
        for isa in instruction_sets() {
            let mut y = Guarded::empty(down, across, c, c + 5);
            mean_forward(isa, x.map(), kernel, y.map_mut());
            check_close(isa.name(), &y.written(), &mean, 1e-6);
            let mut dx = before.clone();
            mean_backward(isa, dy.map(), kernel, dx.map_mut());
            check_close(isa.name(), &dx.written(), &gradient, 2e-7);
        }
    }
}

#[test]
fn means_of_one_value_are_exact() {
    let x = Guarded::random((3, 5, 19, 19), 9);
    for isa in instruction_sets() {
        let mut y = Guarded::empty(3, 5, 19, 21);
        mean_forward(isa, x.map(), (1, 1), y.map_mut());
        check_bits(isa.name(), &y.written(), &x.dense());
    }
}
