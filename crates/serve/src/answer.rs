//! The predictions in an answer.

use modiste_model::Answer;
use serde::Serialize;

use crate::ModelDescription;
use crate::input::{Image, Input};
use crate::serving::Serving;

/// One entry of `predictions`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Entry<'a> {
    /// The image could be read.
    Prediction(Prediction<'a>),
    /// The image could not be read.
    Problem {
        /// As in [`Prediction`].
        name: &'a str,
        /// Why the image has no prediction.
        error: &'a str,
    },
}

/// The prediction for one image.
#[derive(Serialize)]
pub(crate) struct Prediction<'a> {
    /// The name of the file in a form, otherwise `image` and its number.
    name: &'a str,
    /// The most probable class; none if its probability is below the threshold.
    class: Option<&'a str>,
    /// Probability of the most probable class.
    probability: f64,
    /// Classes, the most probable first.
    classes: Vec<ClassProbability<'a>>,
    /// How the picture was prepared; empty if it was not changed.
    note: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<&'a [u8]>,
}

#[derive(Serialize)]
struct ClassProbability<'a> {
    class: &'a str,
    probability: f64,
}

/// Options for the contents of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnswerOptions {
    /// Number of classes for each image, the most probable first; by default all.
    pub top_k: Option<usize>,
    /// If the highest probability is below this, the image belongs to no known class.
    pub threshold: Option<f64>,
    /// Whether to include the image that the network sees.
    pub pixels: bool,
}

impl AnswerOptions {
    /// An entry for each input; `logits` (n, classes) belong to those that could be read.
    pub fn entries<'a>(
        &self,
        serving: &'a Serving,
        inputs: &'a [Input],
        logits: &[f32],
    ) -> Vec<Entry<'a>> {
        let mut rows = logits.chunks_exact(serving.about.classes.len());
        let entry = |input: &'a Input| match &input.image {
            Ok(image) => {
                // The engine returns one row per image.
                let row = rows.next().unwrap_or_default();
                Entry::Prediction(self.prediction(serving, &input.name, image, row))
            }
            Err(error) => Entry::Problem { name: &input.name, error },
        };
        inputs.iter().map(entry).collect()
    }

    /// The prediction from the logits of one image.
    pub fn prediction<'a>(
        &self,
        serving: &'a Serving,
        name: &'a str,
        image: &'a Image,
        logits: &[f32],
    ) -> Prediction<'a> {
        let ModelDescription { classes, temperature, .. } = &serving.about;
        let answer = Answer::new(logits, *temperature, self.threshold);
        let top = answer.top(self.top_k.unwrap_or(classes.len())).into_iter();
        let class_probability = |(class, probability): (usize, f64)| {
            let class = &classes[class];
            ClassProbability { class, probability }
        };
        Prediction {
            name,
            class: (!answer.rejected).then_some(&classes[answer.class]),
            probability: answer.probability,
            classes: top.map(class_probability).collect(),
            note: &image.note,
            pixels: self.pixels.then_some(&image.pixels[..]),
        }
    }
}
