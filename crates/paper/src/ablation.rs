//! The effect of each part of the paper's method: compares runs without one part with runs that
//! have it, seed by seed.

use std::path::Path;

use modiste_model::{EpochMetrics, csv_text};
use modiste_search::{Numbers, SearchError, Spread, TrialProgress, file_name};
use modiste_train::Config;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Verdict;

/// The base configuration and variants that differ from it in one part, for some seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Ablation {
    /// The base first.
    pub variants: Vec<Variant>,
    /// The seeds of each variant.
    pub seeds: Vec<u64>,
}

/// One configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The missing part, or `base`.
    pub name: &'static str,
    /// The differences from the base.
    pub settings: Vec<(String, String)>,
    config: Config,
}

/// The number by which two runs with the same seed are compared.
#[derive(Clone, Copy)]
enum Measure {
    /// Validation accuracy of the best epoch.
    Validation,
    /// Training accuracy of the last epoch.
    Train,
    /// Validation accuracy, mean of all epochs.
    Speed,
}

/// A claim: by `measure`, runs of the variant `better` score above those of `worse`.
struct Claim {
    text: &'static str,
    measure: Measure,
    better: &'static str,
    worse: &'static str,
}

const BASE: &str = "base";
const NO_RESIDUAL: &str = "no-residual";
const SHORTER: &str = "shorter";
const NARROWER: &str = "narrower";
const MORE_DROPOUT: &str = "more-dropout";
const NO_DROPOUT: &str = "no-dropout";
const NO_FLIPS: &str = "no-flips";
const CONSTANT: &str = "constant-learning-rate";

/// The paper's claims about its method. For `width matters more than length`, both gains are over
/// smaller networks: gain by width - gain by length = (base - narrower) - (base - shorter).
#[rustfmt::skip]
const CLAIMS: [Claim; 10] = [
    Claim { text: "residual connections speed up training", measure: Measure::Speed, better: BASE, worse: NO_RESIDUAL },
    Claim { text: "residual connections give a better network in the end", measure: Measure::Validation, better: BASE, worse: NO_RESIDUAL },
    Claim { text: "a longer network is better", measure: Measure::Validation, better: BASE, worse: SHORTER },
    Claim { text: "a wider network is better", measure: Measure::Validation, better: BASE, worse: NARROWER },
    Claim { text: "width matters more than length", measure: Measure::Validation, better: SHORTER, worse: NARROWER },
    Claim { text: "width matters more than length, in training", measure: Measure::Train, better: SHORTER, worse: NARROWER },
    Claim { text: "higher dropout does not help", measure: Measure::Validation, better: BASE, worse: MORE_DROPOUT },
    Claim { text: "dropout helps", measure: Measure::Validation, better: BASE, worse: NO_DROPOUT },
    Claim { text: "horizontal flips help", measure: Measure::Validation, better: BASE, worse: NO_FLIPS },
    Claim { text: "reducing the learning rate helps", measure: Measure::Validation, better: BASE, worse: CONSTANT },
];

impl Ablation {
    /// The base and all its possible variants, with the base's seed and those that follow.
    ///
    /// # Errors
    /// If the base is not valid, or there is no seed.
    pub fn new(base: &Config, seeds: usize) -> Result<Self, SearchError> {
        base.check()?;
        let first = base.training.seed;
        let last = first.checked_add(seeds as u64).filter(|last| i64::try_from(*last).is_ok());
        if seeds == 0 || last.is_none() {
            return Err(SearchError::grid(
                "seeds",
                format!("{seeds} seeds from {first} on are not possible"),
            ));
        }
        let mut variants = Vec::new();
        for (name, settings) in settings(base) {
            let mut config = base.clone();
            for (field, value) in &settings {
                config.set(field, value)?;
            }
            // A part that the base lacks cannot be removed.
            if name == BASE || (config.check().is_ok() && config != *base) {
                variants.push(Variant { name, settings, config });
            }
        }
        Ok(Self { variants, seeds: (first..).take(seeds).collect() })
    }

    /// The configuration of a variant's run with this seed.
    pub fn config(&self, variant: usize, seed: u64) -> Config {
        let mut config = self.variants[variant].config.clone();
        config.training.seed = seed;
        config
    }

    /// The name of that run's folder.
    pub fn name(&self, variant: usize, seed: u64) -> String {
        format!(
            "{},{}",
            self.variants[variant].name,
            file_name([("seed", seed.to_string().as_str())])
        )
    }

    /// The results of the runs; `state` returns the state of a variant's run with a seed.
    pub fn results(&self, state: impl Fn(usize, u64) -> TrialProgress) -> AblationResults {
        let numbers: Vec<Vec<Option<Numbers>>> = (0..self.variants.len())
            .map(|variant| {
                self.seeds.iter().map(|&seed| state(variant, seed).numbers().copied()).collect()
            })
            .collect();
        let variants = self.variants.iter().zip(&numbers).map(|(variant, numbers)| {
            let spread = |measure: Measure| {
                let values: Vec<f64> = numbers.iter().flatten().map(|n| measure.of(n)).collect();
                Spread::of(&values)
            };
            VariantResult {
                name: variant.name,
                settings: variant.settings.clone(),
                seeds: self.seeds.len(),
                done: numbers.iter().flatten().count(),
                train: spread(Measure::Train),
                validation: spread(Measure::Validation),
                mean_validation: spread(Measure::Speed),
            }
        });
        let verdicts = CLAIMS.iter().filter_map(|claim| self.judge(claim, &numbers));
        AblationResults { variants: variants.collect(), verdicts: verdicts.collect() }
    }

    /// The verdict on a claim from the seeds that both variants have; `None` if a variant does not
    /// exist.
    fn judge(&self, claim: &Claim, numbers: &[Vec<Option<Numbers>>]) -> Option<Verdict> {
        let find = |name| self.variants.iter().position(|variant| variant.name == name);
        let (better, worse) = (find(claim.better)?, find(claim.worse)?);
        let pairs = numbers[better].iter().zip(&numbers[worse]);
        let differences: Vec<f64> = pairs
            .filter_map(|(a, b)| {
                Some(claim.measure.of(a.as_ref()?) - claim.measure.of(b.as_ref()?))
            })
            .collect();
        let measure = format!("{}: {} minus {}", claim.measure.text(), claim.better, claim.worse);
        Some(Verdict::paired(claim.text, measure, &differences))
    }
}

impl Measure {
    fn of(self, numbers: &Numbers) -> f64 {
        match self {
            Self::Validation => numbers.validation_accuracy(),
            Self::Train => numbers.last.train_accuracy,
            Self::Speed => numbers.mean_validation_accuracy,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Validation => "validation accuracy of the best epoch",
            Self::Train => "training accuracy of the last epoch",
            Self::Speed => "validation accuracy, mean of all epochs",
        }
    }
}

/// All variants by name, with their differences from the base.
fn settings(base: &Config) -> Vec<(&'static str, Vec<(String, String)>)> {
    let number = |path: &str| base.value(path)?.parse::<f64>().ok();
    let one = |path: &str, value: String| vec![(path.to_owned(), value)];
    let less =
        |path: &str| number(path).filter(|&n| n > 1.0).map(|n| one(path, (n - 1.0).to_string()));
    let dropout = number("network.dropout");
    let more = dropout.map(|d| ((d + 0.2) * 100.0).round() / 100.0).filter(|&d| d < 1.0);
    let learning_rate = base.training.schedule.base_learning_rate().to_string();
    let constant = [
        ("training.schedule.kind", "constant"),
        ("training.schedule.learning_rate", learning_rate.as_str()),
    ];
    let residual = base.value("network.residual").is_some();
    let off = |path: &str| one(path, "false".to_owned());
    let mut flips = off("training.augmentation.flip");
    flips.extend(off("training.augmentation.alternating_flip"));
    let found = [
        (BASE, Some(Vec::new())),
        (NO_RESIDUAL, residual.then(|| off("network.residual"))),
        (SHORTER, less("network.length")),
        (NARROWER, less("network.width")),
        (MORE_DROPOUT, more.map(|d| one("network.dropout", d.to_string()))),
        (NO_DROPOUT, dropout.map(|_| one("network.dropout", "0".to_owned()))),
        (NO_FLIPS, Some(flips)),
        (CONSTANT, Some(constant.map(|(f, v)| (f.to_owned(), v.to_owned())).to_vec())),
    ];
    found.into_iter().filter_map(|(name, settings)| Some((name, settings?))).collect()
}

/// The results so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AblationResults {
    /// One per variant, the base first.
    pub variants: Vec<VariantResult>,
    /// One per claim that can be judged.
    pub verdicts: Vec<Verdict>,
}

impl AblationResults {
    /// The contents of `verdicts.json`: the results with their folder.
    pub fn json(&self, out: &Path) -> Value {
        let out = out.display().to_string();
        json!({ "out": out, "variants": self.variants, "verdicts": self.verdicts })
    }
}

/// One variant over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantResult {
    /// The missing part, or `base`.
    pub name: &'static str,
    /// The differences from the base.
    pub settings: Vec<(String, String)>,
    /// Number of seeds.
    pub seeds: usize,
    /// Number of runs that are done.
    pub done: usize,
    /// Training accuracy of the last epoch.
    pub train: Option<Spread>,
    /// Validation accuracy of the best epoch.
    pub validation: Option<Spread>,
    /// Validation accuracy, mean of all epochs.
    pub mean_validation: Option<Spread>,
}

/// The contents of `curves.csv`: training and validation accuracy by epoch, mean and deviation over
/// seeds, for each variant. `histories` has the epochs of the runs, variant by variant.
pub fn curves_csv(histories: &[(&str, Vec<Vec<EpochMetrics>>)]) -> String {
    let header = [
        "variant",
        "epoch",
        "seeds",
        "train_accuracy",
        "train_accuracy_deviation",
        "validation_accuracy",
        "validation_accuracy_deviation",
    ];
    let mut lines = vec![header.map(str::to_owned)];
    for (name, runs) in histories {
        let epochs = runs.iter().map(Vec::len).max().unwrap_or(0);
        for epoch in 0..epochs {
            let rows: Vec<&EpochMetrics> = runs.iter().filter_map(|run| run.get(epoch)).collect();
            let cells = |of: fn(&EpochMetrics) -> f64| {
                let values: Vec<f64> = rows.iter().map(|row| of(row)).collect();
                let spread = Spread::of(&values).expect("some run has the epoch");
                let deviation = spread.deviation.map_or_else(String::new, |d| d.to_string());
                [spread.mean.to_string(), deviation]
            };
            let [train, train_deviation] = cells(|row| row.train_accuracy);
            let [validation, validation_deviation] =
                cells(|row| row.validation_accuracy.unwrap_or(f64::NAN));
            lines.push([
                (*name).to_owned(),
                (epoch + 1).to_string(),
                rows.len().to_string(),
                train,
                train_deviation,
                validation,
                validation_deviation,
            ]);
        }
    }
    csv_text(lines)
}
