//! The rule that decides whether a claim holds.

use modiste_search::Difference;
use serde::Serialize;

/// The rule as text.
pub const VERDICT_RULE: &str = "a claim says that a number is above (or below) a bound; it holds if \
    the number's whole 95 % interval is, it does not if the whole interval is on the other side, and \
    it is not decided otherwise, nor ever by fewer than three seeds";

/// Smallest number of seeds that decide a claim.
pub const LEAST_SEEDS: usize = 3;

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole interval is on the side that the claim names.
    Holds,
    /// The whole interval is on the other side.
    DoesNotHold,
    /// The interval contains the bound, or there is none.
    NotDecided,
}

/// Formatted as in tables.
impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::NotDecided => "not decided",
        })
    }
}

/// A claim, the number it is about, and the verdict by [`VERDICT_RULE`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The claim.
    pub claim: String,
    /// The measured number, in words.
    pub measure: String,
    /// The number; `None` before it is measured.
    pub value: Option<f64>,
    /// Its 95 % interval; `None` if there is none or there are too few seeds.
    pub interval: Option<[f64; 2]>,
    /// Number of seeds or images it comes from.
    pub n: usize,
    /// The side of the bound that the claim names: `above` or `below`.
    pub side: Side,
    /// The bound.
    pub bound: f64,
    /// The verdict.
    pub outcome: Outcome,
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The claim: the number is larger.
    Above,
    /// The claim: the number is smaller.
    Below,
}

impl Verdict {
    /// The verdict on the claim that a number with this interval is on this side of `bound`.
    pub fn new(
        claim: impl Into<String>,
        measure: impl Into<String>,
        (value, interval): (Option<f64>, Option<[f64; 2]>),
        n: usize,
        (side, bound): (Side, f64),
    ) -> Self {
        let outcome = match (interval, side) {
            (Some([low, _]), Side::Above) if low > bound => Outcome::Holds,
            (Some([_, high]), Side::Above) if high < bound => Outcome::DoesNotHold,
            (Some([_, high]), Side::Below) if high < bound => Outcome::Holds,
            (Some([low, _]), Side::Below) if low > bound => Outcome::DoesNotHold,
            _ => Outcome::NotDecided,
        };
        let (claim, measure) = (claim.into(), measure.into());
        Self { claim, measure, value, interval, n, side, bound, outcome }
    }

    /// The verdict on the claim that the mean of differences, one per seed, is above 0.
    ///
    /// Fewer than [`LEAST_SEEDS`] seeds decide nothing, and neither do differences that are all
    /// equal: accuracies are counted in whole images, which hides their real spread.
    pub fn paired(
        claim: impl Into<String>,
        measure: impl Into<String>,
        differences: &[f64],
    ) -> Self {
        let difference = Difference::of(differences);
        let value = difference.map(|difference| difference.spread.mean);
        let interval = difference.and_then(|difference| difference.interval);
        let interval =
            interval.filter(|[low, high]| differences.len() >= LEAST_SEEDS && low < high);
        Self::new(claim, measure, (value, interval), differences.len(), (Side::Above, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(interval: Option<[f64; 2]>, side: Side) -> Outcome {
        Verdict::new("", "", (None, interval), 9, (side, 0.1)).outcome
    }

    #[test]
    fn the_whole_interval_decides() {
        for (interval, above, below) in [
            (Some([0.2, 0.3]), Outcome::Holds, Outcome::DoesNotHold),
            (Some([0.0, 0.05]), Outcome::DoesNotHold, Outcome::Holds),
            (Some([0.0, 0.2]), Outcome::NotDecided, Outcome::NotDecided),
            (Some([0.1, 0.1]), Outcome::NotDecided, Outcome::NotDecided),
            (None, Outcome::NotDecided, Outcome::NotDecided),
        ] {
            assert_eq!(outcome(interval, Side::Above), above, "{interval:?}");
            assert_eq!(outcome(interval, Side::Below), below, "{interval:?}");
        }
    }

    #[test]
    fn verdicts_need_three_seeds() {
        let outcome = |differences: &[f64]| Verdict::paired("", "", differences).outcome;
        assert_eq!(outcome(&[]), Outcome::NotDecided);
        assert_eq!(outcome(&[0.5]), Outcome::NotDecided);
        assert_eq!(outcome(&[0.500, 0.501]), Outcome::NotDecided);
        assert_eq!(outcome(&[0.010, 0.010, 0.010]), Outcome::NotDecided);
        assert_eq!(outcome(&[0.010, 0.012, 0.011]), Outcome::Holds);
        assert_eq!(outcome(&[-0.010, -0.012, -0.011]), Outcome::DoesNotHold);
        assert_eq!(outcome(&[0.010, -0.012, 0.011]), Outcome::NotDecided);
        assert_eq!(outcome(&[0.0, 0.0, 0.0]), Outcome::NotDecided);
    }
}
