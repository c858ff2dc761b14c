//! Samplers choose the next coordinates to try from the results so far.
//!
//! [`Sampler::Tpe`] is the tree-structured Parzen estimator of Bergstra et al. ("Algorithms for
//! Hyper-Parameter Optimization", NIPS 2011) with the settings of Optuna 5: all dimensions jointly, ten random
//! trials first, the best tenth (at most 25) as good trials, 24 candidates.

use modiste_spec::random::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use crate::{Coordinates, Dimension};

/// The method of drawing coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// Uniform and independent draws.
    Random,
    /// The tree-structured Parzen estimator.
    Tpe,
}

/// A dimension's coordinate in a trial, and the trial's loss, of which lower is better.
pub type Observation = (f64, f64);

/// Number of random trials before the estimator is used.
const STARTUP: usize = 10;
const CANDIDATES: usize = 24;
/// Largest number of trials that count as good.
const MOST_GOOD: usize = 25;
/// With more trials than this, older ones get less weight.
const RECENT: usize = 25;

/// The random numbers of one trial.
pub struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    /// The random numbers of attempt `attempt` at drawing trial `trial`.
    pub fn new(seed: u64, trial: usize, attempt: u64) -> Self {
        let trial = u32::try_from(trial).expect("fewer trials than 2^24");
        Self { stream: Stream::new(seed, Purpose::Search, trial, attempt), next: 0 }
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.next += 1;
        self.stream.unit(self.next - 1)
    }
}

impl Sampler {
    /// Joint coordinates of the dimensions that all earlier trials had; `None` for other dimensions, and for
    /// all while there are too few trials. `tried` are the earlier trials in order, each with its loss.
    pub fn draw_together(
        self,
        dimensions: &[Dimension],
        tried: &[(Coordinates, f64)],
        draws: &mut Draws,
    ) -> Coordinates {
        let mut drawn = vec![None; dimensions.len()];
        if self == Self::Random || tried.len() < STARTUP {
            return drawn;
        }
        let common = |at: &usize| tried.iter().all(|(coordinates, _)| coordinates[*at].is_some());
        let common: Vec<usize> = (0..dimensions.len()).filter(common).collect();
        let row = |coordinates: &Coordinates| -> Vec<f64> {
            common.iter().filter_map(|&at| coordinates[at]).collect()
        };
        let rows: Vec<(Vec<f64>, f64)> = tried.iter().map(|(c, loss)| (row(c), *loss)).collect();
        let dimensions: Vec<&Dimension> = common.iter().map(|&at| &dimensions[at]).collect();
        for (at, x) in common.iter().zip(best_candidate(&dimensions, &rows, draws)) {
            drawn[*at] = Some(x);
        }
        drawn
    }

    /// A coordinate of one `dimension`; `tried` are its coordinates in earlier trials, in order.
    pub fn draw(self, dimension: &Dimension, tried: &[Observation], draws: &mut Draws) -> f64 {
        if self == Self::Random || tried.len() < STARTUP {
            return match dimension.choices() {
                Some(count) => (draws.unit() * count as f64).floor(),
                None => draws.unit(),
            };
        }
        let rows: Vec<(Vec<f64>, f64)> = tried.iter().map(|&(x, loss)| (vec![x], loss)).collect();
        best_candidate(&[dimension], &rows, draws)[0]
    }
}

/// Draws candidates from the density of good trials and returns the one with the highest ratio of that
/// density to the density of the other trials. `tried` are rows of coordinates with their losses.
fn best_candidate(
    dimensions: &[&Dimension],
    tried: &[(Vec<f64>, f64)],
    draws: &mut Draws,
) -> Vec<f64> {
    let (good, others) = divide(tried);
    let [good, others] = [good, others].map(|rows| Mixture::new(dimensions, &rows));
    let mut best = (f64::NEG_INFINITY, good.draw(draws));
    for _ in 0..CANDIDATES {
        let candidate = good.draw(draws);
        let score = good.density(&candidate).ln() - others.density(&candidate).ln();
        if score > best.0 {
            best = (score, candidate);
        }
    }
    best.1
}

/// Rows of the good trials and of all others, in the order of the trials.
fn divide(tried: &[(Vec<f64>, f64)]) -> (Vec<&[f64]>, Vec<&[f64]>) {
    let good = tried.len().div_ceil(10).min(MOST_GOOD);
    let mut order: Vec<usize> = (0..tried.len()).collect();
    order.sort_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1));
    let mut is_good = vec![false; tried.len()];
    order[..good].iter().for_each(|&i| is_good[i] = true);
    let of = |wanted: bool| {
        let all = tried.iter().zip(&is_good);
        all.filter(|(_, good)| **good == wanted).map(|((row, _), _)| &row[..]).collect()
    };
    (of(true), of(false))
}

/// Weights of `n` trials in order, then the weight of the prior; they sum to 1.
fn weights(n: usize) -> Vec<f64> {
    let old = n.saturating_sub(RECENT);
    let first = 1.0 / n.max(1) as f64;
    let ramp = |i: usize| first + (1.0 - first) * i as f64 / (old.max(2) - 1) as f64;
    let mut weights: Vec<f64> = (0..n).map(|i| if i < old { ramp(i) } else { 1.0 }).collect();
    weights.push(1.0);
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The index at which the running sum of `shares` exceeds `u`.
fn pick(shares: &[f64], u: f64) -> usize {
    let mut sum = 0.0;
    let found = shares.iter().position(|share| {
        sum += share;
        u < sum
    });
    found.unwrap_or(shares.len() - 1)
}

/// A joint density over all dimensions: a component around each trial, and a wide one for the prior.
struct Mixture {
    weights: Vec<f64>,
    columns: Vec<Column>,
}

/// The components of a mixture in one dimension.
enum Column {
    /// Normal distributions truncated to 0 .. 1.
    Range(Vec<Component>),
    /// The share of each choice.
    Choice(Vec<Vec<f64>>),
}

struct Component {
    normal: Normal,
    /// Cumulative probability at 0, and probability of the interval 0 .. 1.
    below: f64,
    within: f64,
}

impl Mixture {
    fn new(dimensions: &[&Dimension], rows: &[&[f64]]) -> Self {
        let column = |(at, dimension): (usize, &&Dimension)| {
            let values: Vec<f64> = rows.iter().map(|row| row[at]).collect();
            match dimension.choices() {
                Some(count) => Column::Choice(choices(count, &values)),
                None => Column::Range(ranges(&values)),
            }
        };
        let columns = dimensions.iter().enumerate().map(column).collect();
        Self { weights: weights(rows.len()), columns }
    }

    fn draw(&self, draws: &mut Draws) -> Vec<f64> {
        let component = pick(&self.weights, draws.unit());
        self.columns.iter().map(|column| column.draw(component, draws)).collect()
    }

    fn density(&self, x: &[f64]) -> f64 {
        let of = |component: usize| -> f64 {
            self.columns.iter().zip(x).map(|(column, &x)| column.density(component, x)).product()
        };
        self.weights.iter().enumerate().map(|(component, weight)| weight * of(component)).sum()
    }
}

impl Column {
    fn draw(&self, component: usize, draws: &mut Draws) -> f64 {
        match self {
            Self::Range(components) => {
                let Component { normal, below, within } = &components[component];
                normal.inverse_cdf(below + draws.unit() * within).clamp(0.0, 1.0)
            }
            Self::Choice(shares) => pick(&shares[component], draws.unit()) as f64,
        }
    }

    fn density(&self, component: usize, x: f64) -> f64 {
        match self {
            Self::Range(components) => {
                components[component].normal.pdf(x) / components[component].within
            }
            Self::Choice(shares) => shares[component][x as usize],
        }
    }
}

/// Each trial has most of its weight on its choice and a little on every other; the prior is uniform.
fn choices(count: usize, tried: &[f64]) -> Vec<Vec<f64>> {
    let little = 1.0 / (tried.len() + 1) as f64;
    let all = 1.0 + little * count as f64;
    let vote = |x: f64, choice: usize| little + f64::from(u8::from(choice == x as usize));
    let of = |&x: &f64| (0..count).map(|choice| vote(x, choice) / all).collect();
    let mut shares: Vec<Vec<f64>> = tried.iter().map(of).collect();
    shares.push(vec![1.0 / count as f64; count]);
    shares
}

/// A normal distribution around each trial, as wide as the larger gap to its neighbours; at the ends, as
/// wide as the only gap.
fn ranges(tried: &[f64]) -> Vec<Component> {
    let n = tried.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| tried[a].total_cmp(&tried[b]));
    let least = 1.0 / (n as f64 + 2.0).min(100.0);
    let mut widths = vec![1.0; n + 1];
    for (at, &i) in order.iter().enumerate() {
        let x = tried[i];
        let left = if at > 0 { x - tried[order[at - 1]] } else { x };
        let right = if at + 1 < n { tried[order[at + 1]] - x } else { 1.0 - x };
        let gap = match at {
            0 if n > 1 => right,
            _ if at + 1 == n && n > 1 => left,
            _ => left.max(right),
        };
        widths[i] = gap.clamp(least, 1.0);
    }
    let component = |(&centre, width): (&f64, f64)| {
        let normal = Normal::new(centre, width).expect("widths are positive");
        let below = normal.cdf(0.0);
        Component { below, within: normal.cdf(1.0) - below, normal }
    };
    tried.iter().chain(&[0.5]).zip(widths).map(component).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_again() {
        let dimension = Dimension::parse("dropout", "0..0.5").unwrap();
        let tried: Vec<Observation> =
            (0..20).map(|i| (f64::from(i) / 20.0, f64::from(i % 7))).collect();
        for sampler in [Sampler::Random, Sampler::Tpe] {
            let of = |seed| sampler.draw(&dimension, &tried, &mut Draws::new(seed, 20, 0));
            assert_eq!(of(1), of(1));
            assert_ne!(of(1), of(2));
        }
    }

    #[test]
    fn the_estimator_draws_where_trials_were_good() {
        let dimension = Dimension::parse("dropout", "0..0.5").unwrap();
        let tried: Vec<Observation> =
            (0..40).map(|i| f64::from(i) / 40.0).map(|x| (x, (x - 0.8).abs())).collect();
        let drawn: Vec<f64> = (0..50)
            .map(|trial| Sampler::Tpe.draw(&dimension, &tried, &mut Draws::new(0, trial, 0)))
            .collect();
        let near = drawn.iter().filter(|x| (*x - 0.8).abs() < 0.15).count();
        assert!(near > 35, "{near} of 50: {drawn:?}");
        let choice = Dimension::parse("schedule.kind", "cosine,one_cycle,constant").unwrap();
        let tried: Vec<Observation> =
            (0..40).map(|i| (f64::from(i % 3), f64::from(u8::from(i % 3 != 2)))).collect();
        let drawn =
            (0..50).map(|trial| Sampler::Tpe.draw(&choice, &tried, &mut Draws::new(0, trial, 0)));
        assert!(drawn.filter(|&x| x == 2.0).count() > 30);
    }
}
