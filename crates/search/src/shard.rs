//! Shards: several processes share the trials of a grid.

use std::fmt;
use std::str::FromStr;

use crate::SearchError;

/// Part `index` (from 1) of `count` of a list of trials: every `count`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// All trials.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Whether the trial at `position` (from 0) belongs to this shard.
    pub fn has(&self, position: usize) -> bool {
        position % self.count == self.index - 1
    }

    /// Name of the file that a process locks while it works on this shard.
    pub fn lock_file(&self) -> String {
        format!(".shard-{}-of-{}.lock", self.index, self.count)
    }
}

/// As on the command line: `2/4`.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&index).then_some(Self { index, count })
        });
        parsed.ok_or_else(|| {
            SearchError::grid(
                format!("{text:?}"),
                "is not a shard i/n with i from 1 to n, as in 2/4",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_is_of_one_shard() {
        let shards = ["1/3", "2/3", "3/3"].map(|text| text.parse::<Shard>().unwrap());
        for position in 0..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(position)).count(), 1);
            assert!(Shard::WHOLE.has(position));
        }
        assert_eq!(shards[1].to_string(), "2/3");
        for text in ["", "0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
