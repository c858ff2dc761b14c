//! The last step of a run: fitting temperature and thresholds to the validation set.

use modiste_metrics::Confidence;
use modiste_model::{ModelConfidence, mirrored_logits};
use modiste_spec::engine::{State, Weights};

use super::{PREDICT_IMAGES, Trainer};
use crate::TrainError;

impl Trainer<'_> {
    /// Fits temperature and thresholds to the best model's answers and rewrites the model with them; the
    /// engine's state is restored. Without a validation set nothing is fitted. Returns false if
    /// interrupted.
    pub(super) fn measure_confidence(&mut self) -> Result<bool, TrainError> {
        let Some(parameters) = self.best.clone() else { return Ok(true) };
        if self.data.validation.is_empty() {
            return Ok(true);
        }
        let last = self.engine.try_state()?;
        self.engine.load_state(&State::of_parameters(parameters))?;
        let logits = self.both_logits();
        self.engine.load_state(&last)?;
        let Some([plain, mirrored]) = logits? else { return Ok(false) };
        let fit = |logits: &[f32]| {
            Confidence::from_evidence(logits, self.labels[1], self.data.classes.len())
        };
        let confidence = ModelConfidence { plain: fit(&plain)?, mirrored: fit(&mirrored)? };
        self.save_model(Some(confidence))?;
        Ok(true)
    }

    /// Logits of the validation images, and their means with those of the mirror images; `None` if
    /// interrupted.
    fn both_logits(&mut self) -> Result<Option<[Vec<f32>; 2]>, TrainError> {
        let data = self.data;
        let images = &data.validation.images;
        let (mut plain, mut mirrored) = (Vec::new(), Vec::new());
        for pixels in images.pixels.chunks(PREDICT_IMAGES * images.shape.len()) {
            if self.stops()? {
                return Ok(None);
            }
            let seen = self.engine.predict(pixels, Weights::Current)?;
            plain.extend(&seen);
            mirrored.extend(mirrored_logits(self.engine, pixels, images.shape, seen)?);
        }
        Ok(Some([plain, mirrored]))
    }
}
