//! `POST /v1/explain`: one image in, the heat map of what spoke for a class out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::model::Heat;
use crate::models::Serving;
use crate::predict::{Asked, Prediction};
use crate::refusal::{Refusal, json};
use crate::routes::Server;

/// What may stand behind the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedWhy {
    /// The name of the class that is explained; the most probable one without it.
    class: Option<String>,
    /// What lies behind the object in a picture.
    background: Option<String>,
}

/// The body of the response.
#[derive(Serialize)]
struct Answer<'a> {
    model: &'a str,
    version: &'a str,
    prediction: Prediction<'a>,
    /// The class that is explained.
    class: &'a str,
    heat: Heat,
}

/// Answers a request.
pub(crate) async fn explain(
    State(server): State<Arc<Server>>,
    asked: Result<Query<AskedWhy>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(AskedWhy { class, background }) =
        asked.map_err(|error| Refusal::bad(error.body_text()))?;
    let serving = server.models.current();
    let named = class.map(|name| serving.class(&name)).transpose()?;
    let asked = Asked::with_pixels(background);
    let inputs = server.inputs(&headers, body, &asked, &serving).await?;
    if inputs.len() != 1 {
        return Err(Refusal::bad(format!("{} images were sent; one is explained", inputs.len())));
    }
    let logits = server.logits(&serving, &inputs).await?;
    let class = named.unwrap_or_else(|| modiste_metrics::argmax(&logits));
    let heat = server.heat(&serving, inputs[0].pixels.clone(), class).await?;
    let prediction = asked.predictions(&serving, &inputs, &logits).remove(0);
    let about = &serving.about;
    let class = &about.classes[class];
    let answer = Answer { model: &about.name, version: &about.version, prediction, class, heat };
    let text = serde_json::to_string(&answer);
    Ok(json(StatusCode::OK, text.map_err(|error| Refusal::internal(error.to_string()))?))
}

impl Serving {
    /// The position of the class of that name.
    fn class(&self, name: &str) -> Result<usize, Refusal> {
        let classes = &self.about.classes;
        let found = classes.iter().position(|class| class == name);
        found.ok_or_else(|| Refusal::bad(format!("class is none of {}", classes.join(", "))))
    }
}

impl Server {
    /// The heat map of one image, one at a time: it takes much longer than a prediction.
    async fn heat(
        &self,
        serving: &Arc<Serving>,
        pixels: Vec<u8>,
        class: usize,
    ) -> Result<Heat, Refusal> {
        let busy = |_| Refusal::busy("other images are being explained; come back later");
        let place = timeout(self.limits.time, self.explainer.clone().acquire_owned()).await;
        let place = place.map_err(busy)?.map_err(|error| Refusal::internal(error.to_string()))?;
        let serving = serving.clone();
        let work = move || {
            let _place = place;
            (serving.explain)(&pixels, class)
        };
        let done = tokio::task::spawn_blocking(work).await;
        let crashed = |_| {
            self.metrics.panics.inc();
            Refusal::internal("explaining failed; this is a bug")
        };
        done.map_err(crashed)?.map_err(Refusal::internal)
    }
}
