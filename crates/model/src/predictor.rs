//! The predictor: answers of a model, computed by an engine.

use modiste_data::photo::{Background, Limits, Prepared};
use modiste_data::{Dataset, PartName, mirror};
use modiste_metrics::Confidence;
use modiste_spec::engine::{EngineError, Weights};
use modiste_spec::{Engine, Shape};

use crate::{Answer, Answers, Model, ModelError};

/// When the answer is "none of these".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Reject {
    /// Never.
    #[default]
    Never,
    /// Below the model's smallest threshold at which answers to validation images reached this accuracy.
    Accuracy(f64),
    /// If the top probability is below this.
    Under(f64),
}

/// Options of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Whether to average the logits of an image and its mirror image.
    pub mirror: bool,
    /// When the answer is "none of these".
    pub reject: Reject,
    /// Background of pictures.
    pub background: Background,
    /// Limits on the size of pictures.
    pub limits: Limits,
}

impl Default for Options {
    /// Calibrated if the model is, and answering everything.
    fn default() -> Self {
        Self {
            mirror: false,
            reject: Reject::Never,
            background: Background::Auto,
            limits: Limits::default(),
        }
    }
}

/// A trained model, ready to answer.
pub struct Predictor<E> {
    model: Model,
    engine: E,
    options: Options,
    temperature: f64,
    threshold: Option<f64>,
}

impl<E: Engine> Predictor<E> {
    /// Loads `model` into `engine`, which runs [`Model::network`].
    ///
    /// # Errors
    /// If the engine runs another network, or the model does not have the requested threshold.
    pub fn new(model: Model, mut engine: E, options: Options) -> Result<Self, ModelError> {
        engine.load_state(&model.state())?;
        let confidence = model.confidence.as_ref().map(|both| both.of(options.mirror));
        let temperature = model.temperature(options.mirror);
        let threshold = options.reject.threshold(confidence)?;
        Ok(Self { model, engine, options, temperature, threshold })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, with the model loaded; after loading another state, load the model's again.
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The shape of the images it takes.
    pub fn shape(&self) -> Shape {
        self.model.network.input_shape()
    }

    /// The name of each class.
    pub fn classes(&self) -> &[String] {
        &self.model.classes
    }

    /// The name of an answer's class, whether or not it is rejected.
    pub fn class(&self, answer: &Answer) -> &str {
        &self.model.classes[answer.class]
    }

    /// Divisor of the logits: the model's temperature, or 1 if it has none.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The smallest probability that is answered; `None` if all are.
    pub fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    /// Logits (n, classes) of images (n, h, w, c), averaged with those of mirror images if that
    /// option is set; any n.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images.
    pub fn logits(&mut self, pixels: &[u8]) -> Result<Vec<f32>, ModelError> {
        let logits = self.engine.predict(pixels, Weights::Current)?;
        if !self.options.mirror {
            return Ok(logits);
        }
        self.mirrored(pixels, logits)
    }

    /// The means of `logits`, computed from these images, and the logits of their mirror images.
    ///
    /// # Errors
    /// As [`Predictor::logits`].
    pub fn mirrored(&mut self, pixels: &[u8], logits: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let shape = self.shape();
        Ok(mirrored_logits(&mut self.engine, pixels, shape, logits)?)
    }

    /// The answer that the logits of one image give.
    pub fn answer(&self, logits: &[f32]) -> Answer {
        Answer::new(logits, self.temperature, self.threshold)
    }

    /// The logits of one part of `data` and their evaluation.
    ///
    /// # Errors
    /// As [`Answers::of`].
    pub fn evaluate<'a>(
        &mut self,
        data: &'a Dataset,
        part: PartName,
    ) -> Result<Answers<'a>, ModelError> {
        Answers::of(data, part, |pixels| self.logits(pixels))
    }

    /// The answers to images (n, h, w, c); any n.
    ///
    /// # Errors
    /// If the pixels are not a whole number of images.
    pub fn answers(&mut self, pixels: &[u8]) -> Result<Vec<Answer>, ModelError> {
        let logits = self.logits(pixels)?;
        Ok(logits.chunks_exact(self.model.classes.len()).map(|row| self.answer(row)).collect())
    }

    /// Prepares a picture file for the model; errors call it `name`.
    ///
    /// # Errors
    /// As [`modiste_data::photo::Preparation::picture`].
    pub fn prepare(&self, bytes: &[u8], name: &str) -> Result<Prepared, ModelError> {
        let Options { background, limits, .. } = &self.options;
        Ok(self.model.preparation.picture(bytes, name, *background, limits)?)
    }

    /// The answer to one picture file, and how it was prepared; errors call it `name`.
    ///
    /// # Errors
    /// As [`modiste_data::photo::Preparation::picture`].
    pub fn picture(&mut self, bytes: &[u8], name: &str) -> Result<(Answer, Prepared), ModelError> {
        let prepared = self.prepare(bytes, name)?;
        let logits = self.logits(&prepared.pixels)?;
        Ok((self.answer(&logits), prepared))
    }
}

impl Reject {
    /// The smallest probability that a model with this confidence answers; `None` if it answers all.
    ///
    /// # Errors
    /// If the model has no threshold for the accuracy.
    pub fn threshold(self, confidence: Option<&Confidence>) -> Result<Option<f64>, ModelError> {
        let unknown = |problem: String| Err(ModelError::Unavailable(problem));
        match self {
            Self::Never => Ok(None),
            Self::Under(threshold) => Ok(Some(threshold)),
            Self::Accuracy(target) => {
                let Some(confidence) = confidence else {
                    return unknown(
                        "the model has no thresholds: its run has not ended, or it is from an \
                         older version; give a probability instead"
                            .to_owned(),
                    );
                };
                match (confidence.rule(target), confidence.rejection.last()) {
                    (Some(rule), _) => Ok(Some(rule.threshold)),
                    (None, Some(most)) => unknown(format!(
                        "no threshold gives an accuracy of {target}; the highest possible is {}",
                        most.target
                    )),
                    (None, None) if confidence.images < Confidence::FEWEST => unknown(format!(
                        "no threshold gives an accuracy of {target}: the model's {} validation \
                         images are too few to tell; give a probability instead",
                        confidence.images
                    )),
                    (None, None) => unknown(format!("no threshold gives an accuracy of {target}")),
                }
            }
        }
    }
}

/// The means of `logits`, computed from images (n, h, w, c), and the logits of their mirror images.
///
/// # Errors
/// As [`Engine::predict`].
pub fn mirrored_logits(
    engine: &mut dyn Engine,
    pixels: &[u8],
    shape: Shape,
    mut logits: Vec<f32>,
) -> Result<Vec<f32>, EngineError> {
    let mut turned = pixels.to_vec();
    mirror(&mut turned, shape);
    for (logit, other) in logits.iter_mut().zip(engine.predict(&turned, Weights::Current)?) {
        *logit = f32::midpoint(*logit, other);
    }
    Ok(logits)
}
