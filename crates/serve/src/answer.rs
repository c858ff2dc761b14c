//! What is said of each image of a request.

use modiste_model::Answer;
use serde::Serialize;

use crate::About;
use crate::input::{Image, Input};
use crate::serving::Serving;

/// One entry of `predictions`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Entry<'a> {
    /// The image was read.
    Prediction(Prediction<'a>),
    /// It was not.
    Problem {
        /// As in [`Prediction`].
        name: &'a str,
        /// Why there is no prediction.
        error: &'a str,
    },
}

/// What is said of an image.
#[derive(Serialize)]
pub(crate) struct Prediction<'a> {
    /// The file's name in a form, otherwise `image` and its number.
    name: &'a str,
    /// The most probable class; none where it is under the threshold.
    class: Option<&'a str>,
    /// Of the most probable class.
    probability: f64,
    /// The most probable first.
    classes: Vec<ClassProbability<'a>>,
    /// What was done to the picture; empty where nothing was.
    note: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<&'a [u8]>,
}

#[derive(Serialize)]
struct ClassProbability<'a> {
    class: &'a str,
    probability: f64,
}

/// How predictions are told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    /// How many classes of an image, the most probable first; all without it.
    pub top_k: Option<usize>,
    /// With less than this probability an image is of no known class.
    pub threshold: Option<f64>,
    /// Whether the image that the network sees is told.
    pub pixels: bool,
}

impl Telling {
    /// An entry for each input; `logits` (n, classes) are those of the images among them.
    pub fn entries<'a>(
        &self,
        serving: &'a Serving,
        inputs: &'a [Input],
        logits: &[f32],
    ) -> Vec<Entry<'a>> {
        let mut rows = logits.chunks_exact(serving.about.classes.len());
        let entry = |input: &'a Input| match &input.image {
            Ok(image) => {
                // The engine gives a row an image.
                let row = rows.next().unwrap_or_default();
                Entry::Prediction(self.prediction(serving, &input.name, image, row))
            }
            Err(error) => Entry::Problem { name: &input.name, error },
        };
        inputs.iter().map(entry).collect()
    }

    /// What the logits of one image say.
    pub fn prediction<'a>(
        &self,
        serving: &'a Serving,
        name: &'a str,
        image: &'a Image,
        logits: &[f32],
    ) -> Prediction<'a> {
        let About { classes, temperature, .. } = &serving.about;
        let answer = Answer::new(logits, *temperature, self.threshold);
        let top = answer.top(self.top_k.unwrap_or(classes.len())).into_iter();
        let told = |(class, probability): (usize, f64)| {
            let class = &classes[class];
            ClassProbability { class, probability }
        };
        Prediction {
            name,
            class: (!answer.rejected).then_some(&classes[answer.class]),
            probability: answer.probability,
            classes: top.map(told).collect(),
            note: &image.note,
            pixels: self.pixels.then_some(&image.pixels[..]),
        }
    }
}
