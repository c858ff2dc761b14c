//! The space that a search draws configurations from: fields with ranges or choices.
//!
//! A field that belongs to a kind (such as the momentum of `sgd`) has a value only in configurations of that
//! kind. Samplers see the *coordinate* of a value: its position in a range, from 0 to 1 (of its logarithm on a
//! logarithmic range), or the index of a choice.

use modiste_spec::Range;
use modiste_train::Config;
use serde::{Deserialize, Serialize};

use crate::SearchError;

/// The values that a field may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Values {
    /// Whole numbers from `low` to `high`.
    Whole {
        /// The first.
        low: u64,
        /// The last.
        high: u64,
        /// Whether the range is logarithmic.
        log: bool,
    },
    /// Numbers from `low` to `high`.
    Number {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// Whether the range is logarithmic.
        log: bool,
    },
    /// One of these.
    Choice {
        /// The choices, in the form that a configuration writes.
        choices: Vec<String>,
    },
}

/// A field of the configuration and the values that it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Dotted path.
    pub field: String,
    /// Its values.
    pub values: Values,
}

/// A coordinate for each dimension; `None` if the configuration does not have the field.
pub type Coordinates = Vec<Option<f64>>;

impl Dimension {
    /// `lr` with `1e-4..1e-1:log`, `width` with `3..5`, `schedule` with `cosine,one_cycle`.
    ///
    /// # Errors
    /// If the field is unknown or does not take the values.
    pub fn parse(field: &str, text: &str) -> Result<Self, SearchError> {
        let known = Config::field(field)?;
        let path = known.path;
        let fail = |problem: String| Err(SearchError::grid(path, problem));
        if let Some((low, rest)) = text.split_once("..") {
            let (high, log) = match rest.strip_suffix(":log") {
                Some(high) => (high, true),
                None => (rest, false),
            };
            // The field must take the values at both ends.
            let [low, high] = [known.normalise(low.trim())?, known.normalise(high.trim())?];
            let empty =
                || fail(format!("the range {text} is empty; write the smaller number first"));
            let values = match known.range {
                Range::Whole(..) => {
                    let whole = |text: &str| text.parse::<u64>().ok();
                    let Some((low, high)) = whole(&low).zip(whole(&high)) else { return empty() };
                    if low >= high {
                        return empty();
                    }
                    Values::Whole { low, high, log }
                }
                Range::Number(..) => {
                    let number = |text: &str| text.parse::<f64>().ok();
                    let Some((low, high)) = number(&low).zip(number(&high)) else { return empty() };
                    if low >= high {
                        return empty();
                    }
                    Values::Number { low, high, log }
                }
                _ => return fail(format!("takes no range such as {text}; list values instead")),
            };
            let from_zero = match values {
                Values::Whole { low, .. } => low == 0,
                Values::Number { low, .. } => low <= 0.0,
                Values::Choice { .. } => false,
            };
            if log && from_zero {
                return fail(format!("the range {text} begins at 0, which has no logarithm"));
            }
            return Ok(Self { field: path.to_owned(), values });
        }
        let between = if text.contains(';') { ';' } else { ',' };
        let mut choices = Vec::new();
        for value in text.split(between) {
            if value.trim().is_empty() {
                return fail("has an empty value; write values as in length=3,4 or 3..5".into());
            }
            let value = known.normalise(value.trim())?;
            if choices.contains(&value) {
                return fail(format!("has the value {value} twice"));
            }
            choices.push(value);
        }
        Ok(Self { field: path.to_owned(), values: Values::Choice { choices } })
    }

    /// Number of choices; `None` on a range.
    pub fn choices(&self) -> Option<usize> {
        match &self.values {
            Values::Choice { choices } => Some(choices.len()),
            Values::Whole { .. } | Values::Number { .. } => None,
        }
    }

    /// The value at a coordinate, in the form that a configuration writes.
    pub fn value(&self, coordinate: f64) -> String {
        let on = |low: f64, high: f64, log: bool| match log {
            true => (low.ln() + coordinate * (high.ln() - low.ln())).exp(),
            false => low + coordinate * (high - low),
        };
        match &self.values {
            Values::Whole { low, high, log } => {
                let value = on(*low as f64 - 0.5, *high as f64 + 0.5, *log).round();
                (value as u64).clamp(*low, *high).to_string()
            }
            // Four digits are enough, and keep folder names readable.
            Values::Number { low, high, log } => {
                let value = on(*low, *high, *log).clamp(*low, *high);
                let rounded: f64 = format!("{value:.3e}").parse().expect("a number");
                rounded.clamp(*low, *high).to_string()
            }
            Values::Choice { choices } => {
                choices[(coordinate as usize).min(choices.len() - 1)].clone()
            }
        }
    }

    /// The coordinate of a value; `None` if the dimension does not have it.
    pub fn coordinate(&self, value: &str) -> Option<f64> {
        let on = |value: f64, low: f64, high: f64, log: bool| match log {
            true => (value.ln() - low.ln()) / (high.ln() - low.ln()),
            false => (value - low) / (high - low),
        };
        match &self.values {
            Values::Whole { low, high, log } => {
                let value: f64 = value.parse().ok()?;
                Some(on(value, *low as f64 - 0.5, *high as f64 + 0.5, *log))
            }
            Values::Number { low, high, log } => Some(on(value.parse().ok()?, *low, *high, *log)),
            Values::Choice { choices } => {
                choices.iter().position(|choice| choice == value).map(|at| at as f64)
            }
        }
    }
}

/// All dimensions; kinds come first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    dimensions: Vec<Dimension>,
}

impl Space {
    /// Checks the dimensions for configurations that start from `base`.
    ///
    /// # Errors
    /// If there are no dimensions, one is repeated, or no configuration has a field.
    pub fn new(base: &Config, mut dimensions: Vec<Dimension>) -> Result<Self, SearchError> {
        if dimensions.is_empty() {
            let problem = "no field varies; name some, as in --over lr=1e-4..1e-1:log";
            return Err(SearchError::grid("search", problem));
        }
        dimensions.sort_by_key(|dimension| !Config::is_kind(&dimension.field));
        for (i, dimension) in dimensions.iter().enumerate() {
            let field = &dimension.field;
            if dimensions[..i].iter().any(|other| other.field == *field) {
                return Err(SearchError::grid(field, "is named twice"));
            }
            if field == "training.seed" {
                return Err(SearchError::grid(field, "cannot vary; use --seeds instead"));
            }
        }
        let space = Self { dimensions };
        for (at, dimension) in space.dimensions.iter().enumerate() {
            let has = |config: &Config| config.value(&dimension.field).is_some();
            if !space.kinds(base)?.iter().any(has) {
                let field = &space.dimensions[at].field;
                let problem = "belongs to none of the kinds that are searched; add a kind that has \
                               it, as in --over optimiser=adam,sgd";
                return Err(SearchError::grid(field, problem));
            }
        }
        Ok(space)
    }

    /// The base with every combination of kinds.
    fn kinds(&self, base: &Config) -> Result<Vec<Config>, SearchError> {
        let mut configs = vec![base.clone()];
        for dimension in self.dimensions.iter().filter(|d| Config::is_kind(&d.field)) {
            let mut more = Vec::new();
            for config in &configs {
                for choice in 0..dimension.choices().unwrap_or(0) {
                    let mut config = config.clone();
                    config.set(&dimension.field, &dimension.value(choice as f64))?;
                    more.push(config);
                }
            }
            configs = more;
        }
        Ok(configs)
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The configuration at the coordinates that `draw` returns for each of its dimensions.
    ///
    /// # Errors
    /// If a value is refused.
    pub fn configuration(
        &self,
        base: &Config,
        mut draw: impl FnMut(usize, &Dimension) -> f64,
    ) -> Result<Config, SearchError> {
        let mut config = base.clone();
        for (at, dimension) in self.dimensions.iter().enumerate() {
            if config.value(&dimension.field).is_some() {
                let coordinate = draw(at, dimension);
                config.set(&dimension.field, &dimension.value(coordinate))?;
            }
        }
        Ok(config)
    }

    /// The coordinates of a configuration.
    pub fn coordinates(&self, config: &Config) -> Coordinates {
        let of = |d: &Dimension| d.coordinate(&config.value(&d.field)?);
        self.dimensions.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension(field: &str, text: &str) -> Dimension {
        Dimension::parse(field, text).unwrap()
    }

    #[test]
    fn ranges_and_choices_are_read() {
        let lr = dimension("learning_rate", "1e-4..1e-1:log");
        assert_eq!(lr.value(0.0), "0.0001");
        assert_eq!(lr.value(1.0), "0.1");
        assert!((lr.coordinate("0.001").unwrap() - 1.0 / 3.0).abs() < 1e-9);
        let width = dimension("width", "3..5");
        let values: Vec<String> = [0.0, 0.3, 0.5, 0.7, 1.0].map(|u| width.value(u)).to_vec();
        assert_eq!(values, ["3", "3", "4", "5", "5"]);
        assert_eq!(width.coordinate("4"), Some(0.5));
        let kind = dimension("schedule.kind", "cosine,one_cycle");
        assert_eq!((kind.choices(), kind.value(1.0)), (Some(2), "one_cycle".to_owned()));
    }

    #[test]
    fn invalid_values_are_refused_in_one_line() {
        for (field, text, says) in [
            ("learning_rate", "1e-1..1e-4", "is empty"),
            ("width", "3..3", "is empty"),
            ("dropout", "0..0.5:log", "has no logarithm"),
            ("schedule.kind", "a..b", "schedule.kind"),
            ("width", "3,3", "twice"),
            ("width", "3,,4", "empty value"),
            ("no_such_field", "1..2", "no_such_field"),
        ] {
            let error = Dimension::parse(field, text).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains('\n'), "{field}={text}: {error}");
        }
    }

    #[test]
    fn fields_of_a_kind_have_values_only_in_that_kind() {
        let dimensions =
            vec![dimension("momentum", "0.5..0.99"), dimension("optimiser.kind", "adam,sgd")];
        let space = Space::new(&Config::paper(), dimensions).unwrap();
        assert_eq!(space.dimensions()[0].field, "training.optimiser.kind");
        let adam = space.configuration(&Config::paper(), |_, _| 0.0).unwrap();
        assert_eq!(space.coordinates(&adam), [Some(0.0), None]);
        let sgd = space.configuration(&Config::paper(), |_, _| 1.0).unwrap();
        assert_eq!(space.coordinates(&sgd), [Some(1.0), Some(1.0)]);
        let alone = vec![dimension("momentum", "0.5..0.99")];
        let error = Space::new(&Config::paper(), alone).unwrap_err().to_string();
        assert!(error.contains("belongs to none of the kinds"), "{error}");
    }
}
