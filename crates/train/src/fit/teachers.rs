//! Knowledge distillation: trained models whose answers are the targets of training.

use std::path::Path;

use modiste_data::Dataset;
use modiste_metrics::softmax;
use modiste_model::Model;
use modiste_spec::Engine;
use modiste_spec::engine::Weights;

use super::model_at;
use crate::{Config, TrainError, check_fits};

/// The teachers of a run, each in an engine of its own.
///
/// A teacher sees the same augmented images as the student, so its answers are those to what the student
/// is asked ("consistent teaching", Beyer et al. 2022, "Knowledge distillation: A good teacher is patient
/// and consistent"). Its answers are probabilities at temperature 1; those of several teachers are
/// averaged (Hinton et al. 2015, "Distilling the knowledge in a neural network").
pub(super) struct Teachers {
    engines: Vec<Box<dyn Engine>>,
    weight: f64,
    classes: usize,
}

impl Teachers {
    /// Loads the teachers that `config` names, beside `engine`; `None` if it names none.
    ///
    /// # Errors
    /// If a model cannot be read, does not take the images of `data`, has other classes, was trained on
    /// images that were prepared in another way, or cannot run.
    pub(super) fn load(
        engine: &dyn Engine,
        data: &Dataset,
        config: &Config,
    ) -> Result<Option<Self>, TrainError> {
        let training = &config.training;
        if training.teacher.is_empty() {
            return Ok(None);
        }
        let mut engines = Vec::new();
        for path in training.teacher.split(',').map(Path::new) {
            let model = model_at(path)?;
            check_fits(&model, path, data)?;
            check_preparation(&model, path, data)?;
            let mut teacher = engine.beside(&model.network)?;
            teacher.load_state(&model.state())?;
            engines.push(teacher);
        }
        Ok(Some(Self { engines, weight: training.teacher_weight, classes: data.classes.len() }))
    }

    /// Replaces `shares` (n, classes), the targets of images (n, h, w, c), by their mean with the
    /// teachers' answers.
    ///
    /// # Errors
    /// If an engine fails.
    pub(super) fn answer(&mut self, images: &[u8], shares: &mut [f32]) -> Result<(), TrainError> {
        let each = self.weight / self.engines.len() as f64;
        for share in &mut *shares {
            *share = (f64::from(*share) * (1.0 - self.weight)) as f32;
        }
        for engine in &mut self.engines {
            let logits = engine.predict(images, Weights::Current)?;
            let rows = shares.chunks_exact_mut(self.classes);
            for (row, logits) in rows.zip(logits.chunks_exact(self.classes)) {
                for (share, probability) in row.iter_mut().zip(softmax(logits)) {
                    *share += (each * probability) as f32;
                }
            }
        }
        Ok(())
    }
}

/// Checks that the images that the teacher at `path` was trained on were prepared like those of `data`.
fn check_preparation(model: &Model, path: &Path, data: &Dataset) -> Result<(), TrainError> {
    let (taught, given) = (&model.preparation, &data.preparation);
    let settings = [
        ("fit", taught.fit != given.fit),
        ("ground", taught.ground != given.ground),
        ("garments", taught.garments != given.garments),
    ];
    let Some((name, _)) = settings.iter().find(|(_, differs)| *differs) else { return Ok(()) };
    let problem = format!(
        "was trained on images that were prepared in another way than those of {} ({name})",
        data.name
    );
    Err(TrainError::file(path, problem))
}
