//! A model's answers to one part of the data, and their evaluation.

use modiste_data::{Dataset, Part, PartName};
use modiste_metrics::{Evaluation, MetricsError};

use crate::ModelError;

/// Seed of the resamples of the intervals, the same in every evaluation.
const BOOTSTRAP_SEED: u64 = 0;

/// A model's answers to one part of the data.
#[derive(Clone, Debug)]
pub struct Answers<'a> {
    /// Logits (n, classes).
    pub logits: Vec<f32>,
    /// Labels (n).
    pub labels: &'a [u16],
    /// Metrics of the logits.
    pub evaluation: Evaluation,
}

impl<'a> Answers<'a> {
    /// Calls `logits` with the pixels of one part of `data`, and evaluates the result.
    ///
    /// # Errors
    /// If the part has no images or no labels, or `logits` fails.
    pub fn of<E>(
        data: &'a Dataset,
        part: PartName,
        logits: impl FnOnce(&[u8]) -> Result<Vec<f32>, E>,
    ) -> Result<Self, ModelError>
    where
        ModelError: From<E>,
    {
        let labels = labels(data, part)?;
        let logits = logits(&data.part(part).images.pixels)?;
        let evaluation = evaluation(&logits, labels, &data.classes)?;
        Ok(Self { logits, labels, evaluation })
    }
}

/// Evaluates logits (n, classes); the same logits give the same intervals everywhere.
///
/// # Errors
/// As [`modiste_metrics::evaluate`].
pub fn evaluation(
    logits: &[f32],
    labels: &[u16],
    classes: &[String],
) -> Result<Evaluation, MetricsError> {
    modiste_metrics::evaluate(logits, labels, classes, BOOTSTRAP_SEED)
}

/// The labels of one part.
///
/// # Errors
/// If it has no labels or no images.
pub fn labels(data: &Dataset, name: PartName) -> Result<&[u16], ModelError> {
    let Part { images, labels, .. } = data.part(name);
    let Some(labels) = labels else {
        let problem = format!("the {name} part has no labels to compare with");
        return Err(ModelError::file(&data.name, problem));
    };
    if images.is_empty() {
        let problem = format!("the {name} part of split {} has no images", data.split);
        return Err(ModelError::file(&data.name, problem));
    }
    Ok(labels)
}
