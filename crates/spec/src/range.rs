//! The values that a setting takes: one definition for checks, messages, help and documentation.

use std::fmt;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;

use crate::SpecError;

/// The values that a setting takes; its `Display` is a noun phrase, as in "a number above 0".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Whole numbers from the first to the last.
    Whole(u64, u64),
    /// A list of 1 to n whole numbers from the first to the second, where n is the third value.
    Wholes(u64, u64, usize),
    /// Finite numbers between two bounds.
    Number(Bound<f64>, Bound<f64>),
    /// `true` or `false`.
    Switch,
    /// One word of a list.
    OneOf(&'static [&'static str]),
    /// Any number of different words of a list.
    AnyOf(&'static [&'static str]),
    /// One word of a list, or a list of numbers from 0 up.
    WordOrNumbers(&'static [&'static str]),
    /// Text that is checked where it is used; this describes the allowed values.
    Text(&'static str),
}

impl Range {
    /// The largest whole number that a configuration file can hold: 2^63 - 1.
    pub const MAX_WHOLE: u64 = i64::MAX as u64;
    /// Whole numbers from 0 up.
    pub const WHOLE: Self = Self::Whole(0, Self::MAX_WHOLE);
    /// Whole numbers from 1 up.
    pub const COUNT: Self = Self::Whole(1, Self::MAX_WHOLE);
    /// Finite numbers.
    pub const FINITE: Self = Self::Number(Unbounded, Unbounded);
    /// Numbers above 0.
    pub const POSITIVE: Self = Self::Number(Excluded(0.0), Unbounded);
    /// Numbers from 0 up.
    pub const NOT_NEGATIVE: Self = Self::Number(Included(0.0), Unbounded);
    /// Numbers from 0 to below 1, such as a dropout rate or a decay.
    pub const RATE: Self = Self::Number(Included(0.0), Excluded(1.0));
    /// Numbers from 0 to 1.
    pub const PROBABILITY: Self = Self::Number(Included(0.0), Included(1.0));

    /// Whether `value` is one of these whole numbers.
    pub fn has_whole(&self, value: u64) -> bool {
        matches!(self, Self::Whole(from, to) if (*from..=*to).contains(&value))
    }

    /// Whether `values` is a list in this range.
    pub fn has_wholes(&self, values: &[u64]) -> bool {
        let Self::Wholes(from, to, most) = self else { return false };
        (1..=*most).contains(&values.len()) && values.iter().all(|v| (*from..=*to).contains(v))
    }

    /// Whether `value` is one of these numbers.
    pub fn has_number(&self, value: f64) -> bool {
        matches!(self, Self::Number(from, to) if value.is_finite() && (*from, *to).contains(&value))
    }

    /// Checks a setting that is a whole number.
    ///
    /// # Errors
    /// If it is out of range.
    pub fn check_whole(&self, setting: &'static str, value: usize) -> Result<(), SpecError> {
        self.ensure(self.has_whole(value as u64), setting, &value)
    }

    /// Checks a setting that is a list of whole numbers.
    ///
    /// # Errors
    /// If one is out of range, the list is empty or it is too long.
    pub fn check_wholes(&self, setting: &'static str, values: &[usize]) -> Result<(), SpecError> {
        let numbers: Vec<u64> = values.iter().map(|&value| value as u64).collect();
        let text = values.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        self.ensure(self.has_wholes(&numbers), setting, &text)
    }

    /// Checks a setting that is a number.
    ///
    /// # Errors
    /// If it is out of range.
    pub fn check_number(&self, setting: &'static str, value: f64) -> Result<(), SpecError> {
        self.ensure(self.has_number(value), setting, &value)
    }

    fn ensure(
        &self,
        fits: bool,
        setting: &'static str,
        value: &dyn fmt::Display,
    ) -> Result<(), SpecError> {
        match fits {
            true => Ok(()),
            false => Err(SpecError::Setting {
                setting,
                value: value.to_string(),
                range: self.to_string(),
            }),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Whole(from, Self::MAX_WHOLE) => write!(f, "a whole number from {from} up"),
            Self::Whole(from, to) => write!(f, "a whole number from {from} to {to}"),
            Self::Wholes(from, to, most) => {
                write!(f, "1 to {most} comma-separated whole numbers from {from} to {to}")
            }
            Self::Number(from, to) => number(f, from, to),
            Self::Switch => f.write_str("true or false"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::AnyOf(words) => write!(f, "a comma-separated list of {}", words.join(", ")),
            Self::WordOrNumbers(words) => {
                write!(f, "{} or comma-separated numbers from 0 up", words.join(", "))
            }
            Self::Text(what) => f.write_str(what),
        }
    }
}

fn number(f: &mut fmt::Formatter<'_>, from: Bound<f64>, to: Bound<f64>) -> fmt::Result {
    match (from, to) {
        (Unbounded, Unbounded) => f.write_str("a finite number"),
        (Unbounded, Included(b)) => write!(f, "a number up to {b}"),
        (Unbounded, Excluded(b)) => write!(f, "a number below {b}"),
        (Included(a), Unbounded) => write!(f, "a number from {a} up"),
        (Included(a), Included(b)) => write!(f, "a number from {a} to {b}"),
        (Included(a), Excluded(b)) => write!(f, "a number from {a} to below {b}"),
        (Excluded(a), Unbounded) => write!(f, "a number above {a}"),
        (Excluded(a), Included(b)) => write!(f, "a number above {a} and up to {b}"),
        (Excluded(a), Excluded(b)) => write!(f, "a number above {a} and below {b}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_phrases() {
        let text = |range: Range| range.to_string();
        assert_eq!(text(Range::COUNT), "a whole number from 1 up");
        assert_eq!(text(Range::Whole(1, 8)), "a whole number from 1 to 8");
        assert_eq!(
            text(Range::Wholes(1, 9, 6)),
            "1 to 6 comma-separated whole numbers from 1 to 9"
        );
        assert_eq!(text(Range::FINITE), "a finite number");
        assert_eq!(text(Range::POSITIVE), "a number above 0");
        assert_eq!(text(Range::NOT_NEGATIVE), "a number from 0 up");
        assert_eq!(text(Range::RATE), "a number from 0 to below 1");
        assert_eq!(text(Range::PROBABILITY), "a number from 0 to 1");
        let open = Range::Number(Excluded(0.0), Excluded(1.0));
        assert_eq!(text(open), "a number above 0 and below 1");
        assert_eq!(
            text(Range::Number(Excluded(0.0), Included(1.0))),
            "a number above 0 and up to 1"
        );
        assert_eq!(text(Range::OneOf(&["loss", "accuracy"])), "one of loss, accuracy");
    }

    #[test]
    fn bounds_are_kept_and_nothing_infinite_is_in_range() {
        assert!(Range::Whole(1, 8).has_whole(1) && Range::Whole(1, 8).has_whole(8));
        assert!(!Range::Whole(1, 8).has_whole(0) && !Range::Whole(1, 8).has_whole(9));
        let list = Range::Wholes(1, 9, 2);
        assert!(list.has_wholes(&[1]) && list.has_wholes(&[9, 1]));
        assert!(!list.has_wholes(&[]) && !list.has_wholes(&[1, 10]) && !list.has_wholes(&[1; 3]));
        assert!(Range::RATE.has_number(0.0) && !Range::RATE.has_number(1.0));
        for range in [Range::FINITE, Range::POSITIVE, Range::NOT_NEGATIVE] {
            assert!(range.has_number(1.0));
            assert!(!range.has_number(f64::NAN) && !range.has_number(f64::INFINITY));
        }
    }
}
