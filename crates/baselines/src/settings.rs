//! The classifiers' settings: scikit-learn's defaults, and the allowed ranges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BaselineError;
use crate::samples::Samples;

/// A classifier with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settings {
    /// Support vector machine.
    Svm(SvmSettings),
    /// Multinomial logistic regression.
    Logistic(LogisticSettings),
    /// Nearest neighbours.
    Knn(KnnSettings),
    /// Random forest.
    Forest(ForestSettings),
}

/// scikit-learn's `SVC()`: C-SVC with the kernel exp(-gamma |x - y|^2), one against one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SvmSettings {
    /// Penalty for violating the margin.
    pub c: f64,
    /// Width of the kernel.
    pub gamma: Gamma,
    /// Tolerance of the optimality conditions.
    pub tolerance: f64,
    /// Mebibytes of kernel rows to cache, for all threads together.
    pub cache_mb: usize,
}

/// Width of the kernel exp(-gamma |x - y|^2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gamma {
    /// 1 / (values x their variance) over the training images. It does not matter whether pixels
    /// are 0 .. 255 or 0 .. 1, because the variance scales with the same factor as |x - y|^2.
    Scale,
    /// This number, for pixels in 0 .. 1.
    Value(f64),
}

impl std::fmt::Display for Gamma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scale => f.write_str("scale"),
            Self::Value(value) => value.fmt(f),
        }
    }
}

impl std::str::FromStr for Gamma {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("scale", _) => Ok(Self::Scale),
            (_, Ok(value)) => Ok(Self::Value(value)),
            _ => Err("neither \"scale\" nor a number".to_owned()),
        }
    }
}

impl Default for SvmSettings {
    fn default() -> Self {
        Self { c: 1.0, gamma: Gamma::Scale, tolerance: 1e-3, cache_mb: 1024 }
    }
}

/// scikit-learn's `LogisticRegression()` on pixels in 0 .. 1: the minimum of
/// C x (sum of cross-entropies) + |weights|^2 / 2, without a penalty on biases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticSettings {
    /// Weight of the data against the penalty.
    pub c: f64,
    /// Largest component of the mean loss's gradient at the optimum.
    pub tolerance: f64,
    /// Largest number of L-BFGS steps.
    pub steps: usize,
}

impl Default for LogisticSettings {
    fn default() -> Self {
        Self { c: 1.0, tolerance: 1e-4, steps: 5_000 }
    }
}

/// scikit-learn's `KNeighborsClassifier()`: Euclidean distance, one vote per neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnnSettings {
    /// Number of neighbours that vote.
    pub k: usize,
}

impl Default for KnnSettings {
    fn default() -> Self {
        Self { k: 5 }
    }
}

/// scikit-learn's `RandomForestClassifier()`: Gini impurity, bootstrap samples, the square root of
/// the number of pixels considered in each node, means of the leaves' shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestSettings {
    /// Number of trees.
    pub trees: usize,
    /// Largest number of splits from root to leaf; `None` for no limit.
    pub depth: Option<usize>,
    /// Seed that draws the samples and pixels.
    pub seed: u64,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self { trees: 100, depth: None, seed: 0 }
    }
}

impl Settings {
    /// The names of the classifiers.
    pub const KINDS: [&str; 4] = ["svm", "logistic", "knn", "forest"];

    /// The classifier of that name with its default settings.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "svm" => Some(Self::Svm(SvmSettings::default())),
            "logistic" => Some(Self::Logistic(LogisticSettings::default())),
            "knn" => Some(Self::Knn(KnnSettings::default())),
            "forest" => Some(Self::Forest(ForestSettings::default())),
            _ => None,
        }
    }

    /// The classifier's name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Svm(_) => Self::KINDS[0],
            Self::Logistic(_) => Self::KINDS[1],
            Self::Knn(_) => Self::KINDS[2],
            Self::Forest(_) => Self::KINDS[3],
        }
    }

    /// The settings by name.
    pub(crate) fn fields(&self) -> BTreeMap<String, Value> {
        let value = match self {
            Self::Svm(settings) => serde_json::to_value(settings),
            Self::Logistic(settings) => serde_json::to_value(settings),
            Self::Knn(settings) => serde_json::to_value(settings),
            Self::Forest(settings) => serde_json::to_value(settings),
        };
        match value.expect("plain data is JSON") {
            Value::Object(fields) => fields.into_iter().collect(),
            other => unreachable!("settings are an object, not {other}"),
        }
    }

    /// Checks every setting against its range.
    pub(crate) fn check(&self, train: &Samples<'_>) -> Result<(), BaselineError> {
        match *self {
            Self::Svm(SvmSettings { c, gamma, tolerance, cache_mb }) => {
                positive("C", c)?;
                positive("tolerance", tolerance)?;
                if let Gamma::Value(gamma) = gamma {
                    positive("gamma", gamma)?;
                }
                whole("cache-mb", cache_mb, 1, 1 << 20)
            }
            Self::Logistic(LogisticSettings { c, tolerance, steps }) => {
                positive("C", c)?;
                positive("tolerance", tolerance)?;
                whole("steps", steps, 1, 1_000_000)
            }
            Self::Knn(KnnSettings { k }) => whole("k", k, 1, train.len()),
            Self::Forest(ForestSettings { trees, depth, .. }) => {
                whole("trees", trees, 1, 100_000)?;
                depth.map_or(Ok(()), |depth| whole("depth", depth, 1, 1_000))
            }
        }
    }
}

fn positive(setting: &'static str, value: f64) -> Result<(), BaselineError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    let reason = "not a finite number above 0".to_owned();
    Err(BaselineError::Setting { setting, value: value.to_string(), reason })
}

fn whole(
    setting: &'static str,
    value: usize,
    low: usize,
    high: usize,
) -> Result<(), BaselineError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let reason = format!("not from {low} to {high}");
    Err(BaselineError::Setting { setting, value: value.to_string(), reason })
}
