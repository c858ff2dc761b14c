//! `POST /v1/predict`: images in, classes with their probabilities out.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use modiste_data::photo::{self, Background};
use modiste_model::Answer;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::About;
use crate::batcher::PredictError;
use crate::body::Held;
use crate::input::{Input, Kind, Rules, form, is_quick};
use crate::models::Serving;

use crate::refusal::{Refusal, json};
use crate::routes::Server;

/// What may stand behind the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Classes that are told of an image, the most probable first; all without it.
    top_k: Option<usize>,
    /// With less than this probability an image is of no known class.
    threshold: Option<f64>,
    /// What lies behind the object in a picture.
    background: Option<String>,
    /// Whether the image that the network sees is told.
    #[serde(default)]
    pixels: bool,
}

/// The body of the response.
#[derive(Serialize)]
struct Answers<'a> {
    model: &'a str,
    version: &'a str,
    /// One an image, in the order of the images.
    predictions: Vec<Prediction<'a>>,
}

/// What is said of one image.
#[derive(Serialize)]
pub(crate) struct Prediction<'a> {
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

/// Answers a request.
pub(crate) async fn predict(
    State(server): State<Arc<Server>>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(asked) = asked.map_err(|error| Refusal::bad(error.body_text()))?;
    let serving = server.models.current();
    asked.check(&serving)?;
    let inputs = server.inputs(&headers, body, &asked, &serving).await?;
    let logits = server.logits(&serving, &inputs).await?;
    let predictions = asked.predictions(&serving, &inputs, &logits);
    let About { name, version, .. } = &serving.about;
    let text = serde_json::to_string(&Answers { model: name, version, predictions });
    Ok(json(StatusCode::OK, text.map_err(|error| Refusal::internal(error.to_string()))?))
}

impl Asked {
    /// Everything of an image.
    pub fn with_pixels(background: Option<String>) -> Self {
        Self { background, pixels: true, ..Self::default() }
    }

    fn check(&self, serving: &Serving) -> Result<(), Refusal> {
        let classes = serving.about.classes.len();
        if self.top_k.is_some_and(|k| k == 0 || k > classes) {
            return Err(Refusal::bad(format!("top_k is not from 1 to {classes}")));
        }
        if self.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            return Err(Refusal::bad("threshold is not from 0 to 1"));
        }
        Ok(())
    }

    fn background(&self, serving: &Serving) -> Result<Background, Refusal> {
        let text = self.background.as_deref();
        text.map_or(Ok(serving.about.background), str::parse)
            .map_err(|error| Refusal::bad(format!("background: {error}")))
    }

    /// What the logits (n, classes) say of each image.
    pub fn predictions<'a>(
        &self,
        serving: &'a Serving,
        inputs: &'a [Input],
        logits: &[f32],
    ) -> Vec<Prediction<'a>> {
        let About { classes, temperature, .. } = &serving.about;
        let top_k = self.top_k.unwrap_or(classes.len());
        let rows = logits.chunks_exact(classes.len());
        let predictions = inputs.iter().zip(rows).map(|(input, row)| {
            let answer = Answer::new(row, *temperature, self.threshold);
            let top = answer.top(top_k).into_iter();
            Prediction {
                name: &input.name,
                class: (!answer.rejected).then_some(&classes[answer.class]),
                probability: answer.probability,
                classes: top
                    .map(|(class, probability)| ClassProbability {
                        class: &classes[class],
                        probability,
                    })
                    .collect(),
                note: &input.note,
                pixels: self.pixels.then_some(&input.pixels[..]),
            }
        });
        predictions.collect()
    }
}

impl Server {
    /// The images of a request.
    pub(crate) async fn inputs(
        &self,
        headers: &HeaderMap,
        body: Body,
        asked: &Asked,
        serving: &Serving,
    ) -> Result<Vec<Input>, Refusal> {
        let rules = Rules {
            shape: serving.about.image,
            background: asked.background(serving)?,
            limits: photo::Limits {
                bytes: self.limits.body_bytes,
                pixels: self.limits.pixels,
                ..self.pictures
            },
            images: self.limits.images,
        };
        let kind = Kind::of(headers)?;
        let held = self.bodies.read(headers, body).await?;
        let quick = is_quick(&kind, &held.bytes);
        match kind {
            Kind::Picture if quick => {
                return Ok(vec![rules.picture(&held.bytes, "image 0".into())?]);
            }
            Kind::Pixels if quick => return rules.pixels(&held.bytes),
            Kind::Picture => {
                self.pictures_of(vec![(String::new(), held.bytes.clone())], held, rules)
            }
            Kind::Form(boundary) => {
                let pictures = form(held.bytes.clone(), &boundary, rules.images).await?;
                rules.check_count(pictures.len())?;
                self.pictures_of(pictures, held, rules)
            }
            Kind::Pixels => return self.decode(move || rules.pixels(&held.bytes)).await,
        }
        .await
    }

    /// Decodes pictures with their names; one without is called by its place.
    async fn pictures_of(
        &self,
        pictures: Vec<(String, Bytes)>,
        held: Held,
        rules: Rules,
    ) -> Result<Vec<Input>, Refusal> {
        let work = move || {
            // The bodies' memory is in use until all are decoded.
            let _held = held;
            let decode = |(i, (name, bytes)): (usize, (String, Bytes))| {
                let name = if name.is_empty() { format!("image {i}") } else { name };
                rules.picture(&bytes, name)
            };
            pictures.into_iter().enumerate().map(decode).collect()
        };
        self.decode(work).await
    }

    /// Runs `work` beside the connections, so much at once as there are processors.
    async fn decode<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = |_| Refusal::busy("too many pictures are being decoded; come back later");
        let place = timeout(self.limits.time, self.decoders.clone().acquire_owned()).await;
        let place = place.map_err(busy)?.map_err(|error| Refusal::internal(error.to_string()))?;
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| {
            self.metrics.panics.inc();
            Refusal::internal("decoding failed; this is a bug")
        })?
    }

    /// The logits of images, (n, classes).
    pub(crate) async fn logits(
        &self,
        serving: &Serving,
        inputs: &[Input],
    ) -> Result<Vec<f32>, Refusal> {
        let pixels: Vec<u8> = inputs.iter().flat_map(|input| &input.pixels).copied().collect();
        let refuse = |error: PredictError| match error {
            PredictError::Busy(_) => Refusal::busy(error.to_string()),
            PredictError::Engine(_) => Refusal::internal(error.to_string()),
        };
        let answer = serving.batcher.submit(pixels, inputs.len()).map_err(refuse)?;
        let late = |_| Refusal::busy("the answer took too long; come back later");
        let answer = timeout(self.limits.time, answer).await.map_err(late)?;
        let gone = |_| Refusal::internal("the engine's thread ended");
        answer.map_err(gone)?.map_err(refuse)
    }
}
