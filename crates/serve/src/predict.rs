//! `POST /v1/predict`: classifies images.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use modiste_data::photo::Background;
use serde::Serialize;

use crate::ModelDescription;
use crate::answer::{AnswerOptions, Entry};
use crate::batcher::PredictError;
use crate::deadline::Deadline;
use crate::input::Input;
use crate::query::{self, Pairs};
use crate::refusal::{Refusal, json};
use crate::serving::Serving;
use crate::state::Server;

/// The largest number of pixel values in an answer.
const MAX_PIXEL_VALUES: usize = 1 << 20;

/// The query's parameters.
#[derive(Debug, Default)]
struct Parameters {
    options: AnswerOptions,
    /// The background of the object in a picture.
    background: Option<Background>,
}

/// The body of the response.
#[derive(Serialize)]
struct Answers<'a> {
    model: &'a str,
    version: &'a str,
    /// One entry per image, in order.
    predictions: Vec<Entry<'a>>,
}

/// Answers a request.
pub(crate) async fn predict(
    State(server): State<Arc<Server>>,
    pairs: Pairs,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let serving = server.models.current();
    let Parameters { options, background } = Parameters::read(pairs, serving.about.classes.len())?;
    let request = server.receive(&serving, background, false, &headers, body).await?;
    let inputs = &request.inputs;
    if options.pixels && inputs.len() * serving.about.image.len() > MAX_PIXEL_VALUES {
        let most = (MAX_PIXEL_VALUES / serving.about.image.len()).max(1);
        let reason = format!("with pixels=true a request may have at most {most} images");
        return Err(Refusal::too_large(reason));
    }
    let logits = server.logits(&serving, inputs, request.deadline).await?;
    let predictions = options.entries(&serving, inputs, &logits);
    let ModelDescription { name, version, .. } = &serving.about;
    server.answer(&Answers { model: name, version, predictions })
}

impl Parameters {
    fn read(pairs: Pairs, classes: usize) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        let options = &mut parameters.options;
        let background = &mut parameters.background;
        query::each(pairs, "top_k, threshold, background, pixels", |name, text| {
            match name {
                "top_k" => options.top_k = query::value(text, "top_k is not a whole number")?,
                "threshold" => options.threshold = query::value(text, "threshold is not a number")?,
                "background" => *background = query::background(text)?,
                "pixels" => {
                    let wrong = "pixels is not true or false";
                    options.pixels = query::value(text, wrong)?.unwrap_or_default();
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if options.top_k.is_some_and(|k| k == 0 || k > classes) {
            return Err(Refusal::bad(format!("top_k is not from 1 to {classes}")));
        }
        if options.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            return Err(Refusal::bad("threshold is not from 0 to 1"));
        }
        Ok(parameters)
    }
}

impl Server {
    /// The logits (n, classes) of the inputs that could be read.
    pub(crate) async fn logits(
        &self,
        serving: &Serving,
        inputs: &[Input],
        deadline: Deadline,
    ) -> Result<Vec<f32>, Refusal> {
        let images = || inputs.iter().filter_map(|input| input.image.as_ref().ok());
        let pixels: Vec<u8> = images().flat_map(|image| &image.pixels).copied().collect();
        let refuse = |error: PredictError| match error {
            PredictError::Busy(_) => Refusal::busy(error.to_string()),
            PredictError::Engine(_) => Refusal::internal(error.to_string()),
        };
        let answer = serving.batcher.submit(pixels, images().count()).map_err(refuse)?;
        let answer = deadline.wait(answer).await?;
        answer.map_err(|_| Refusal::internal("the engine's thread ended"))?.map_err(refuse)
    }

    /// An answer as JSON; its memory is counted until the client has received it.
    pub(crate) fn answer(&self, answer: &impl Serialize) -> Result<Response, Refusal> {
        let text = serde_json::to_vec(answer);
        let text = text.map_err(|error| Refusal::internal(error.to_string()))?;
        Ok(json(StatusCode::OK, self.bodies.answer(text)?))
    }
}
