//! Evaluates the final model on every part, and stores that in `evaluation.json` of the results folder.

use std::path::Path;

use modiste_data::PartName;
use modiste_files::{MAX_TEXT, atomic_write, read_text};
use modiste_metrics::Evaluation;
use modiste_model::{EpochMetrics, Model, Options, RunFolder, read_metrics};
use modiste_train::{Config, check_fits};
use serde::{Deserialize, Serialize};

use crate::cli::WorkerArgs;
use crate::commands::model;
use crate::failure::Failure;

const FILE: &str = "evaluation.json";

/// The final model and its evaluations.
#[derive(Serialize, Deserialize)]
pub struct Answers {
    /// Trainable parameters.
    pub parameters: usize,
    /// The epoch whose model it is.
    pub best: EpochMetrics,
    /// The last epoch.
    pub last: EpochMetrics,
    /// Evaluation of the training set, without dropout and augmentation.
    pub train: Evaluation,
    /// Evaluation of the validation set, which chose the epoch and the settings.
    pub validation: Evaluation,
    /// Evaluation of the test set; `None` if its labels are not available.
    pub test: Option<Evaluation>,
}

impl Answers {
    /// Whether every part's confusion matrix has `classes` classes, as verdicts require.
    fn fits(&self, classes: usize) -> bool {
        let parts = [Some(&self.train), Some(&self.validation), self.test.as_ref()];
        let square = |part: &Evaluation| {
            let rows = &part.confusion;
            rows.len() == classes && rows.iter().all(|row| row.len() == classes)
        };
        parts.into_iter().flatten().all(square)
    }
}

/// Evaluates the best model of the run in `folder` on every part, and stores that in `out`.
///
/// # Errors
/// If a file is missing or broken, or the images do not fit.
pub fn evaluate(
    out: &Path,
    folder: &Path,
    config: &Config,
    workers: &WorkerArgs,
) -> Result<Answers, Failure> {
    let model = Model::load(&model::file(folder))?;
    let best = model.provenance.chosen;
    let path = out.join(FILE);
    // An existing file that lacks this epoch belongs to another model or is broken.
    let text = read_text(&path, MAX_TEXT).unwrap_or_default();
    if let Ok(known) = serde_json::from_str::<Answers>(&text)
        && known.best == best
        && known.fits(model.classes.len())
    {
        return Ok(known);
    }
    let data = config.load_data()?;
    check_fits(&model, folder, &data)?;
    let parameters = model.network.trainable();
    let mut predictor = model::predictor(folder, model, Options::default(), workers.threads)?;
    let mut part = |name| Ok::<_, Failure>(predictor.evaluate(&data, name)?.evaluation);
    let labelled = data.test.labels.is_some() && !data.test.is_empty();
    let rows = read_metrics(&RunFolder::new(folder).metrics())?;
    let answers = Answers {
        parameters,
        best,
        last: rows.last().map_or(best, |row| row.metrics),
        train: part(PartName::Train)?,
        validation: part(PartName::Validation)?,
        test: if labelled { Some(part(PartName::Test)?) } else { None },
    };
    atomic_write(&path, serde_json::to_string(&answers)?.as_bytes())?;
    Ok(answers)
}
