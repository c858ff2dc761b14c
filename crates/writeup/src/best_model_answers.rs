//! The answers of a run's best model on the training and validation parts.

use std::path::Path;

use modiste_data::{Dataset, PartName};
use modiste_model::{Answers, Model, ModelError, RunFolder, Stored};
use modiste_spec::Engine;
use modiste_spec::engine::Weights;
use modiste_train::{parted, uncalibrated};

use crate::{WriteupError, explain, write_run};

/// The answers of a run's best model; the test part stays untouched.
pub struct BestModelAnswers<'a> {
    /// Answers on the training part, without augmentation and dropout.
    pub train: Answers<'a>,
    /// Answers on the validation part, if there is one.
    pub validation: Option<Answers<'a>>,
}

impl<'a> BestModelAnswers<'a> {
    /// Computes the answers with `engine`, which has the model loaded.
    ///
    /// # Errors
    /// If the engine fails or the answers cannot be evaluated.
    pub fn new(engine: &mut dyn Engine, data: &'a Dataset) -> Result<Self, ModelError> {
        let mut ask =
            |part| Answers::of(data, part, |pixels| engine.predict(pixels, Weights::Current));
        let train = ask(PartName::Train)?;
        let validation = match data.validation.is_empty() {
            true => None,
            false => Some(ask(PartName::Validation)?),
        };
        Ok(Self { train, validation })
    }

    /// Reasons to take the numbers of `model` with care, one per line.
    pub fn warnings(&self, model: &Model) -> Vec<String> {
        let confidence = model.confidence.as_ref();
        let lines = [
            parted(&model.provenance.chosen, self.train.evaluation.accuracy),
            confidence.and_then(|both| uncalibrated(&both.plain)),
        ];
        lines.into_iter().flatten().collect()
    }

    /// Stores the answers of `model` in the run's `folder` and writes the report there.
    ///
    /// # Errors
    /// If a file of the folder is damaged or cannot be written.
    pub fn write(&self, folder: &Path, data: &Dataset, model: &Model) -> Result<(), WriteupError> {
        // Keep the stored answers for other parts if they are from this model.
        let files = RunFolder::new(folder);
        let known = Stored::load(&files, Some(model)).ok().flatten();
        let mut stored = known.unwrap_or_else(|| Stored::new(model, data));
        stored.add(data, PartName::Train, &self.train);
        if let Some(answers) = &self.validation {
            stored.add(data, PartName::Validation, answers);
        }
        explain(&mut stored, model)?;
        stored.save(&files)?;
        write_run(folder).map(|_| ())
    }
}
