//! Compares the optimisers and the sum of shards on every instruction set with f64.

mod common;

use common::{Guarded, check_bits, check_close, exact, instruction_sets, numbers};
use modiste_kernels::isa::Isa;
use modiste_kernels::optimizer::{AdamStep, SgdStep, adam, follow, sgd, sum_shards};

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-7;

/// The factors of step `t` (from 1), rounded from f64 as in the engine.
fn step(t: i32, rate: f64, decay: f64) -> AdamStep {
    let (beta1, beta2) = BETAS;
    AdamStep {
        beta1: beta1 as f32,
        beta2: beta2 as f32,
        keep1: (1.0 - beta1) as f32,
        keep2: (1.0 - beta2) as f32,
        rate: (rate / (1.0 - beta1.powi(t))) as f32,
        root: (1.0 / (1.0 - beta2.powi(t)).sqrt()) as f32,
        epsilon: EPSILON as f32,
        shrink: (1.0 - rate * decay) as f32,
    }
}

/// Parameters and moments in f64 and a step by the formulas of Kingma and Ba (algorithm 1), with decay as
/// in Loshchilov and Hutter's AdamW.
struct Reference {
    p: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
}

impl Reference {
    fn reference_adam(&mut self, t: i32, rate: f64, decay: f64, g: &[f64]) {
        let (beta1, beta2) = BETAS;
        for i in 0..g.len() {
            self.m[i] = beta1 * self.m[i] + (1.0 - beta1) * g[i];
            self.v[i] = beta2 * self.v[i] + (1.0 - beta2) * g[i] * g[i];
            let m = self.m[i] / (1.0 - beta1.powi(t));
            let v = self.v[i] / (1.0 - beta2.powi(t));
            self.p[i] -= rate * decay * self.p[i] + rate * m / (v.sqrt() + EPSILON);
        }
    }
}

#[test]
fn twenty_steps_agree_with_f64() {
    for (n, decay) in [(7, 0.0), (15, 0.02), (16, 0.0), (100, 0.02), (1031, 0.0)] {
        for isa in instruction_sets() {
            let start = numbers(n, 1);
            let zeros = vec![0.0; n];
            let mut reference = Reference { p: exact(&start), m: exact(&zeros), v: exact(&zeros) };
            let (mut p, mut m, mut v) =
                (Guarded::array(&start), Guarded::array(&zeros), Guarded::array(&zeros));
            for t in 1..=20 {
                let rate = 1e-2 / f64::from(t);
                let g = numbers(n, 100 + t as u32);
                reference.reference_adam(t, rate, decay, &exact(&g));
                let step = step(t, rate, decay);
                adam(isa, step, &g, p.slice_mut(), m.slice_mut(), v.slice_mut());
                let what = format!("{} step {t} of {n}", isa.name());
                check_close(&what, &p.written(), &reference.p, 1e-6);
                check_close(&what, &m.written(), &reference.m, 1e-6);
                check_close(&what, &v.written(), &reference.v, 1e-6);
            }
        }
    }
}

/// The size of the first step is the learning rate; its direction is against the gradient.
#[test]
fn first_step_is_the_learning_rate() {
    for isa in instruction_sets() {
        let g = [1e-3, -1e-3, 5.0, -1e4, 0.0];
        let (mut p, mut m, mut v) = ([0.0; 5], [0.0; 5], [0.0; 5]);
        adam(isa, step(1, 1e-2, 0.0), &g, &mut p, &mut m, &mut v);
        check_close(isa.name(), &p, &[-1e-2, 1e-2, -1e-2, 1e-2, 0.0], 2e-4);
    }
}

#[test]
fn without_gradient_parameters_keep_their_bits() {
    let (n, start) = (37, numbers(37, 2));
    for isa in instruction_sets() {
        let (mut p, mut m, mut v) = (Guarded::array(&start), vec![0.0; n], vec![0.0; n]);
        adam(isa, step(1, 1e-3, 0.0), &vec![0.0; n], p.slice_mut(), &mut m, &mut v);
        check_bits(isa.name(), &p.written(), &start);
    }
}

#[test]
fn momentum_agrees_with_f64() {
    for (n, decay, shrink) in [(7, 0.0, 1.0), (16, 0.1, 1.0), (100, 0.0, 0.9), (1031, 0.1, 1.0)] {
        for isa in instruction_sets() {
            let (start, zeros) = (numbers(n, 5), vec![0.0; n]);
            let (mut p, mut v) = (Guarded::array(&start), Guarded::array(&zeros));
            let (mut exact_p, mut exact_v) = (exact(&start), exact(&zeros));
            let step = SgdStep { momentum: 0.75, decay, now: 0.125, along: 0.25, shrink };
            for t in 0..20 {
                let g = numbers(n, 200 + t);
                for i in 0..n {
                    let g = f64::from(g[i]) + f64::from(decay) * exact_p[i];
                    exact_v[i] = 0.75 * exact_v[i] + g;
                    let shrunk = f64::from(shrink) * exact_p[i];
                    exact_p[i] = shrunk - (0.125 * g + 0.25 * exact_v[i]);
                }
                sgd(isa, step, &g, p.slice_mut(), v.slice_mut());
                let what = format!("{} step {t} of {n}", isa.name());
                check_close(&what, &p.written(), &exact_p, 1e-5);
                check_close(&what, &v.written(), &exact_v, 1e-5);
            }
        }
    }
}

#[test]
fn an_average_approaches_its_target_and_stays_there() {
    for (n, isa) in [1, 16, 37, 1031].into_iter().zip(instruction_sets().into_iter().cycle()) {
        let (p, before) = (numbers(n, 6), numbers(n, 7));
        let mut average = Guarded::array(&before);
        follow(isa, 0.25, &p, average.slice_mut());
        let want: Vec<f64> = exact(&before)
            .iter()
            .zip(exact(&p))
            .map(|(average, p)| 0.75 * average + 0.25 * p)
            .collect();
        check_close(isa.name(), &average.written(), &want, 1e-6);
        let mut reached = Guarded::array(&p);
        follow(isa, 0.1, &p, reached.slice_mut());
        check_bits(isa.name(), &reached.written(), &p);
    }
}

#[test]
fn shards_are_added_exactly() {
    for len in [1, 16, 37, 100, 1031] {
        let (before, shard) = (numbers(len, 3), numbers(len, 4));
        let want: Vec<f32> = before.iter().zip(&shard).map(|(a, b)| a + b).collect();
        for isa in instruction_sets() {
            let mut sum = Guarded::array(&before);
            sum_shards(isa, sum.slice_mut(), &shard);
            check_bits(isa.name(), &sum.written(), &want);
        }
    }
}

#[test]
#[should_panic(expected = "first moments: 3 values, not 4")]
fn adam_needs_moments_of_every_parameter() {
    let (mut p, mut m, mut v) = ([0.0; 4], [0.0; 3], [0.0; 4]);
    adam(Isa::best(), step(1, 1e-3, 0.0), &[0.0; 4], &mut p, &mut m, &mut v);
}

#[test]
#[should_panic(expected = "parameters: 5 values, not 4")]
fn momentum_needs_a_gradient_of_every_parameter() {
    let step = SgdStep { momentum: 0.9, decay: 0.0, now: 0.1, along: 0.1, shrink: 1.0 };
    sgd(Isa::best(), step, &[0.0; 4], &mut [0.0; 5], &mut [0.0; 4]);
}

#[test]
#[should_panic(expected = "averages: 3 values, not 4")]
fn an_average_needs_every_parameter() {
    follow(Isa::best(), 0.5, &[0.0; 4], &mut [0.0; 3]);
}

#[test]
#[should_panic(expected = "sums: 4 values, not 3")]
fn shards_must_have_the_same_length() {
    sum_shards(Isa::best(), &mut [0.0; 4], &[0.0; 3]);
}
