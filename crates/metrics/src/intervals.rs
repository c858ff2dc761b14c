//! 95 % intervals of numbers measured on a finite sample.

use modiste_spec::random::{Purpose, Stream};

use crate::auroc::{Ranking, mean};

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Number of resamples of a bootstrap; Efron and Tibshirani advise 1,000 for percentile intervals.
const RESAMPLES: usize = 1_000;

/// 95 % interval of a proportion: `right` of `images` (Wilson: "Probable inference, the law of
/// succession, and statistical inference", JASA 1927). It stays within 0 .. 1 and is sound for
/// proportions near 1, where the normal approximation is not.
pub fn wilson(right: u64, images: u64) -> [f64; 2] {
    if images == 0 {
        return [0.0, 1.0];
    }
    let n = images as f64;
    let p = right as f64 / n;
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the bound is 0 or 1 exactly; rounding must not leave p outside.
    [(centre - half).clamp(0.0, p), (centre + half).clamp(p, 1.0)]
}

/// 95 % percentile bootstrap intervals (Efron and Tibshirani: "An introduction to the bootstrap",
/// 1993, chapter 13) of the mean of `losses` and of the mean of the areas of `rankings`, which
/// rank the same images. The second is `None` if no resample has an area.
pub(crate) fn bootstrap(
    losses: &[f64],
    rankings: &[Ranking],
    seed: u64,
) -> ([f64; 2], Option<[f64; 2]>) {
    let n = losses.len();
    let mut counts = vec![0u32; n];
    let mut means = Vec::with_capacity(RESAMPLES);
    let mut areas = Vec::with_capacity(RESAMPLES);
    for resample in 0..RESAMPLES {
        draw(&Stream::new(seed, Purpose::Bootstrap, 0, resample as u64), &mut counts);
        let sum: f64 = losses.iter().zip(&counts).map(|(&l, &count)| l * f64::from(count)).sum();
        means.push(sum / n as f64);
        areas.extend(mean(rankings.iter().map(|ranking| ranking.area(|i| counts[i]))));
    }
    (percentiles(means), (!areas.is_empty()).then(|| percentiles(areas)))
}

/// Draws as many images as there are, with replacement: `counts[i]` is how often image i was drawn.
fn draw(stream: &Stream, counts: &mut [u32]) {
    counts.fill(0);
    let n = u32::try_from(counts.len()).expect("under 2^32 images");
    for block in 0..n.div_ceil(4) {
        let words = stream.block(block);
        for &word in &words[..4.min((n - 4 * block) as usize)] {
            counts[((u64::from(word) * u64::from(n)) >> 32) as usize] += 1;
        }
    }
}

/// The 2.5 and 97.5 percentiles, linear between the neighbours. `values` is not empty.
fn percentiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    [0.025, 0.975].map(|part| {
        let at = part * (values.len() - 1) as f64;
        let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a right or a wrong answer the far bound is z^2 / (n + z^2) from the near one.
    #[test]
    fn wilson_at_the_ends() {
        let far = Z * Z / (10.0 + Z * Z);
        let [low, high] = wilson(0, 10);
        assert!(low == 0.0 && (high - far).abs() < 1e-12, "{low} {high}");
        let [low, high] = wilson(10, 10);
        assert!((low - (1.0 - far)).abs() < 1e-12 && high == 1.0, "{low} {high}");
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }

    #[test]
    fn a_draw_has_as_many_images_as_there_are() {
        for n in [1, 2, 3, 4, 5, 1001] {
            let mut counts = vec![9; n];
            draw(&Stream::new(3, Purpose::Bootstrap, 0, 0), &mut counts);
            assert_eq!(counts.iter().sum::<u32>() as usize, n);
        }
    }

    #[test]
    fn percentiles_of_a_ramp() {
        let [low, high] = percentiles((0..=1000).rev().map(f64::from).collect());
        assert!((low - 25.0).abs() < 1e-9 && (high - 975.0).abs() < 1e-9);
    }
}
