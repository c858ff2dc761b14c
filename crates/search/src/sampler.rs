//! Samplers: the next coordinates to try, from those that were tried.
//!
//! [`Sampler::Tpe`] is the tree-structured Parzen estimator of Bergstra et al. ("Algorithms for
//! Hyper-Parameter Optimization", NIPS 2011), dimension by dimension, with the settings of Optuna: ten random
//! trials first, the best tenth (at most 25) as good ones, 24 candidates.

use modiste_spec::random::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::Dimension;

/// How coordinates are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// Evenly and independently.
    Random,
    /// Where good trials are dense compared with the others.
    Tpe,
}

/// A dimension's coordinate in a trial, and the trial's loss: the lower, the better.
pub type Tried = (f64, f64);

/// Trials that are drawn at random before the estimator has enough to go by.
const STARTUP: usize = 10;
const CANDIDATES: usize = 24;
/// The most trials that count as good ones.
const MOST_GOOD: usize = 25;
/// Trials beyond this many count less, the older the less.
const RECENT: usize = 25;

/// Random numbers of one trial.
pub struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    /// Those of attempt `attempt` at drawing trial `trial`.
    pub fn new(seed: u64, trial: usize, attempt: u64) -> Self {
        let trial = u32::try_from(trial).expect("fewer trials than 2^24");
        Self { stream: Stream::new(seed, Purpose::Search, trial, attempt), next: 0 }
    }

    /// A number in 0 .. 1.
    fn unit(&mut self) -> f64 {
        self.next += 1;
        self.stream.unit(self.next - 1)
    }
}

impl Sampler {
    /// A coordinate of `dimension`, which had those in earlier trials, in their order.
    pub fn draw(self, dimension: &Dimension, tried: &[Tried], draws: &mut Draws) -> f64 {
        let choices = dimension.choices();
        if self == Self::Random || tried.len() < STARTUP {
            return match choices {
                Some(count) => (draws.unit() * count as f64).floor(),
                None => draws.unit(),
            };
        }
        let (good, others) = divide(tried);
        match choices {
            Some(count) => choose(count, &good, &others, draws),
            None => estimate(&good, &others, draws),
        }
    }
}

/// Coordinates of the good trials and of all others, each in the order of the trials.
fn divide(tried: &[Tried]) -> (Vec<f64>, Vec<f64>) {
    let good = tried.len().div_ceil(10).min(MOST_GOOD);
    let mut order: Vec<usize> = (0..tried.len()).collect();
    order.sort_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1));
    let mut is_good = vec![false; tried.len()];
    order[..good].iter().for_each(|&i| is_good[i] = true);
    let of = |wanted: bool| {
        let all = tried.iter().zip(&is_good);
        all.filter(|(_, good)| **good == wanted).map(|((x, _), _)| *x).collect()
    };
    (of(true), of(false))
}

/// Weights of `n` trials in their order, and of the prior at the end; they sum to 1.
fn weights(n: usize) -> Vec<f64> {
    let old = n.saturating_sub(RECENT);
    let ramp =
        |i: usize| 1.0 / n as f64 + (1.0 - 1.0 / n as f64) * i as f64 / (old.max(2) - 1) as f64;
    let mut weights: Vec<f64> = (0..n).map(|i| if i < old { ramp(i) } else { 1.0 }).collect();
    weights.push(1.0);
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The candidate among choices.
fn choose(count: usize, good: &[f64], others: &[f64], draws: &mut Draws) -> f64 {
    // Each trial votes for its choice, and a little for every other one; the prior for all alike.
    let shares = |tried: &[f64]| {
        let weights = weights(tried.len());
        let little = 1.0 / (tried.len() + 1) as f64;
        let all = 1.0 + little * count as f64;
        let mut shares = vec![weights[tried.len()] / count as f64; count];
        for (&x, weight) in tried.iter().zip(&weights) {
            for (choice, share) in shares.iter_mut().enumerate() {
                let vote = little + f64::from(u8::from(choice == x as usize));
                *share += weight * vote / all;
            }
        }
        shares
    };
    let (good, others) = (shares(good), shares(others));
    let mut best = (f64::NEG_INFINITY, 0.0);
    for _ in 0..CANDIDATES {
        let choice = pick(&good, draws.unit());
        let score = good[choice].ln() - others[choice].ln();
        if score > best.0 {
            best = (score, choice as f64);
        }
    }
    best.1
}

/// The position at which the running sum of `shares` passes `u`.
fn pick(shares: &[f64], u: f64) -> usize {
    let mut sum = 0.0;
    let found = shares.iter().position(|share| {
        sum += share;
        u < sum
    });
    found.unwrap_or(shares.len() - 1)
}

/// The candidate on a range.
fn estimate(good: &[f64], others: &[f64], draws: &mut Draws) -> f64 {
    let (good, others) = (Parzen::new(good), Parzen::new(others));
    let mut best = (f64::NEG_INFINITY, 0.5);
    for _ in 0..CANDIDATES {
        let x = good.draw(draws);
        let score = good.density(x).ln() - others.density(x).ln();
        if score > best.0 {
            best = (score, x);
        }
    }
    best.1
}

/// A mixture of normal distributions that are cut off outside 0 .. 1: one around each trial, and a wide one
/// for the prior.
struct Parzen {
    weights: Vec<f64>,
    parts: Vec<Part>,
}

struct Part {
    normal: Normal,
    /// Cumulative probability at 0, and probability of 0 .. 1.
    below: f64,
    within: f64,
}

impl Parzen {
    fn new(tried: &[f64]) -> Self {
        let mut centres: Vec<f64> = tried.to_vec();
        centres.push(0.5);
        let n = centres.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]));
        // A part is as wide as the larger gap to its neighbours.
        let least = 1.0 / (n as f64 + 1.0).min(100.0);
        let mut widths = vec![1.0; n];
        for (at, &i) in order.iter().enumerate().filter(|_| n > 1) {
            let between = |a: usize, b: usize| centres[order[b]] - centres[order[a]];
            let left = (at > 0).then(|| between(at - 1, at));
            let right = (at + 1 < n).then(|| between(at, at + 1));
            let gap = left.into_iter().chain(right).fold(0.0, f64::max);
            widths[i] = gap.clamp(least, 1.0);
        }
        widths[n - 1] = 1.0;
        let part = |(&centre, width): (&f64, f64)| {
            let normal = Normal::new(centre, width).expect("widths are positive");
            let below = normal.cdf(0.0);
            Part { below, within: normal.cdf(1.0) - below, normal }
        };
        let parts = centres.iter().zip(widths).map(part).collect();
        Self { weights: weights(n - 1), parts }
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        let part = &self.parts[pick(&self.weights, draws.unit())];
        let u = part.below + draws.unit() * part.within;
        part.normal.inverse_cdf(u).clamp(0.0, 1.0)
    }

    fn density(&self, x: f64) -> f64 {
        use statrs::distribution::Continuous;
        let all = self.weights.iter().zip(&self.parts);
        all.map(|(weight, part)| weight * part.normal.pdf(x) / part.within).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_again() {
        let dimension = Dimension::parse("dropout", "0..0.5").unwrap();
        let tried: Vec<Tried> = (0..20).map(|i| (f64::from(i) / 20.0, f64::from(i % 7))).collect();
        for sampler in [Sampler::Random, Sampler::Tpe] {
            let of = |seed| sampler.draw(&dimension, &tried, &mut Draws::new(seed, 20, 0));
            assert_eq!(of(1), of(1));
            assert_ne!(of(1), of(2));
        }
    }

    #[test]
    fn the_estimator_draws_where_trials_were_good() {
        let dimension = Dimension::parse("dropout", "0..0.5").unwrap();
        let tried: Vec<Tried> =
            (0..40).map(|i| f64::from(i) / 40.0).map(|x| (x, (x - 0.8).abs())).collect();
        let drawn: Vec<f64> = (0..50)
            .map(|trial| Sampler::Tpe.draw(&dimension, &tried, &mut Draws::new(0, trial, 0)))
            .collect();
        let near = drawn.iter().filter(|x| (*x - 0.8).abs() < 0.15).count();
        assert!(near > 35, "{near} of 50: {drawn:?}");
        let choice = Dimension::parse("schedule.kind", "cosine,one_cycle,constant").unwrap();
        let tried: Vec<Tried> =
            (0..40).map(|i| (f64::from(i % 3), f64::from(u8::from(i % 3 != 2)))).collect();
        let drawn =
            (0..50).map(|trial| Sampler::Tpe.draw(&choice, &tried, &mut Draws::new(0, trial, 0)));
        assert!(drawn.filter(|&x| x == 2.0).count() > 30);
    }
}
