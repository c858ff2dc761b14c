//! Means over repetitions, and differences between pairs of them.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean and deviation of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Number of values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample deviation (with n - 1); `None` for a single number.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Summary of `values`; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { n, mean, deviation })
    }

    /// The standard error of the mean; `None` for a single number.
    pub fn standard_error(&self) -> Option<f64> {
        self.deviation.map(|deviation| deviation / (self.n as f64).sqrt())
    }
}

/// The mean of paired differences, with its 95 % interval from Student's t distribution ("The probable
/// error of a mean", Biometrika 1908).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Mean and deviation of the differences.
    #[serde(flatten)]
    pub spread: Spread,
    /// Standard error of the mean; `None` for a single pair.
    pub standard_error: Option<f64>,
    /// 95 % interval of the mean; `None` for a single pair.
    pub interval: Option<[f64; 2]>,
}

impl Difference {
    /// Summary of `differences`, one per pair; `None` if there are none.
    pub fn of(differences: &[f64]) -> Option<Self> {
        let spread = Spread::of(differences)?;
        let standard_error = spread.standard_error();
        let interval = standard_error.map(|error| {
            let half = t_quantile(spread.n - 1) * error;
            [spread.mean - half, spread.mean + half]
        });
        Some(Self { spread, standard_error, interval })
    }
}

/// The 0.975 quantile of Student's t with this many degrees of freedom (at least 1).
fn t_quantile(freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64).expect("at least one degree").inverse_cdf(0.975)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with R's `qt(0.975, n)`.
    #[test]
    fn quantiles_agree_with_tables() {
        for (freedom, expected) in [(1, 12.706_204_736), (2, 4.302_652_730), (9, 2.262_157_163)] {
            let found = t_quantile(freedom);
            assert!((found - expected).abs() < 1e-6, "{freedom}: {found}");
        }
    }

    /// In R, `t.test(c(1, 2, 4))` gives 2.333333 and -1.461250 to 6.127917.
    #[test]
    fn differences_have_the_interval_of_a_t_test() {
        let Difference { spread, interval, standard_error } =
            Difference::of(&[1.0, 2.0, 4.0]).unwrap();
        assert!((spread.mean - 7.0 / 3.0).abs() < 1e-12);
        assert!((standard_error.unwrap() - 0.881_917_104).abs() < 1e-8);
        let [low, high] = interval.unwrap();
        assert!((low + 1.461_250).abs() < 1e-5 && (high - 6.127_917).abs() < 1e-5, "{low} {high}");
    }

    #[test]
    fn one_number_has_no_deviation() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[2.0]).unwrap().deviation, None);
        assert_eq!(Difference::of(&[2.0]).unwrap().interval, None);
    }
}
