//! `POST /v1/explain`: the heat map of a class for one image.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use crate::answer::{AnswerOptions, Prediction};
use crate::deadline::Deadline;
use crate::model::Heat;
use crate::query::{self, Pairs};
use crate::refusal::Refusal;
use crate::serving::Serving;
use crate::state::Server;

/// The body of the response.
#[derive(Serialize)]
struct Answer<'a> {
    model: &'a str,
    version: &'a str,
    prediction: Prediction<'a>,
    /// The explained class.
    class: &'a str,
    heat: Heat,
}

/// Answers a request.
pub(crate) async fn explain(
    State(server): State<Arc<Server>>,
    pairs: Pairs,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let serving = server.models.current();
    let (mut class, mut background) = (None, None);
    query::each(pairs, "class, background", |name, text| {
        match name {
            "class" => class = Some(serving.class(text)?),
            "background" => background = query::background(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let request = server.receive(&serving, background, true, &headers, body).await?;
    let [input] = &request.inputs[..] else {
        let count = request.inputs.len();
        return Err(Refusal::bad(format!("there are {count} images; only one can be explained")));
    };
    let image = input.image.as_ref().map_err(Refusal::bad)?;
    let logits = server.logits(&serving, &request.inputs, request.deadline).await?;
    let class = class.unwrap_or_else(|| modiste_metrics::argmax(&logits));
    let heat = server.heat(&serving, image.pixels.clone(), class, request.deadline).await?;
    let options = AnswerOptions { pixels: true, ..AnswerOptions::default() };
    let prediction = options.prediction(&serving, &input.name, image, &logits);
    let about = &serving.about;
    let class = &about.classes[class];
    server.answer(&Answer { model: &about.name, version: &about.version, prediction, class, heat })
}

/// A heat map takes as long as this many passes over the network: one forward, and one backward,
/// which counts as two.
const PASSES: u64 = 3;
/// Multiply-adds per second of an explanation on a slow machine. Work cannot be interrupted, so it
/// is not started if it would not end in time.
const SPEED: u64 = 1 << 29;

impl Serving {
    /// The index of the class with this name.
    fn class(&self, name: &str) -> Result<usize, Refusal> {
        let classes = &self.about.classes;
        let found = classes.iter().position(|class| class == name);
        found.ok_or_else(|| Refusal::bad(format!("class is not one of {}", classes.join(", "))))
    }
}

impl Server {
    /// Computes the heat map of one image. Only one is computed at a time, because it takes much
    /// longer than a prediction.
    async fn heat(
        &self,
        serving: &Arc<Serving>,
        pixels: Vec<u8>,
        class: usize,
        deadline: Deadline,
    ) -> Result<Heat, Refusal> {
        let seconds = (PASSES * serving.about.multiply_adds / SPEED).min(1 << 30);
        if Duration::from_secs(seconds) > self.limits.time {
            let reason = "the model is too large to be explained within the time for a request";
            return Err(Refusal::bad(reason));
        }
        let place = deadline.wait(self.explainer.clone().acquire_owned()).await?;
        let place = place.map_err(|_| Refusal::internal("the server cannot explain images"))?;
        let explain = serving.explain.clone();
        let work = move || {
            let _place = place;
            explain(&pixels, class)
        };
        let done = deadline.wait(tokio::task::spawn_blocking(work)).await?;
        done.map_err(|_| self.panicked("explaining"))?.map_err(Refusal::internal)
    }
}
