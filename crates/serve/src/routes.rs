//! Which path is answered by what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use modiste_data::photo;
use serde_json::json;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::body::Bodies;
use crate::card::CardError;
use crate::limits::Limits;
use crate::models::Models;
use crate::refusal::{self, Refusal};
use crate::{Metrics, Token, explain, guard, page, predict};

/// All that handlers share.
pub(crate) struct Server {
    pub models: Models,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    /// Limits of pictures beside those of `limits`.
    pub pictures: photo::Limits,
    pub bodies: Bodies,
    /// Pictures that are decoded at once.
    pub decoders: Arc<Semaphore>,
    /// Images that are explained at once: one.
    pub explainer: Arc<Semaphore>,
    /// Requests that are worked on at once.
    pub requests: Semaphore,
    pub token: Option<Token>,
    /// Set once the server was asked to stop.
    pub draining: AtomicBool,
}

/// All routes.
pub(crate) fn router(server: Arc<Server>) -> Router {
    let admitted = Router::new()
        .route("/v1/predict", post(predict::predict))
        .route("/v1/explain", post(explain::explain))
        .route("/v1/model", get(model))
        .route("/v1/evaluation", get(evaluation))
        .route("/v1/reload", post(reload))
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(server.clone(), guard::admit));
    let panicked = {
        let server = server.clone();
        move |panic: Box<dyn std::any::Any + Send>| guard::panicked(&server, panic)
    };
    Router::new()
        .merge(page::routes())
        .route(
            "/health",
            get(|| async { refusal::json(StatusCode::OK, r#"{"healthy":true}"#.into()) }),
        )
        .route("/ready", get(ready))
        .merge(admitted)
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_FOUND, "there is nothing here; see /docs")
        })
        .method_not_allowed_fallback(|| async {
            let reason = "this path does not take this method; see /docs";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason)
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(server.clone(), guard::observe))
        .with_state(server)
}

/// Whether requests are answered, and by what.
async fn ready(State(server): State<Arc<Server>>) -> Response {
    let serving = server.models.current();
    let draining = server.draining.load(Ordering::Relaxed);
    let ready = serving.batcher.healthy() && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let file = server.models.status();
    let body = json!({
        "ready": ready,
        "draining": draining,
        "model": serving.about.name,
        "version": serving.about.version,
        "reloads": file.reloads,
        "problem": file.problem,
    });
    refusal::json(status, body.to_string())
}

async fn model(State(server): State<Arc<Server>>) -> Response {
    let serving = server.models.current();
    let mut body = json!(serving.about);
    body["engine"] = json!(serving.batcher.engine());
    body["loaded"] = json!(serving.loaded);
    body["limits"] = json!({
        "body_bytes": server.limits.body_bytes,
        "pixels": server.limits.pixels,
        "images": server.limits.images,
    });
    refusal::json(StatusCode::OK, body.to_string())
}

/// The card, once it is made.
async fn evaluation(State(server): State<Arc<Server>>) -> Response {
    match server.models.current().card.get() {
        Some(Ok(json)) => refusal::json(StatusCode::OK, json.clone()),
        Some(Err(error @ CardError::None(_))) => {
            Refusal::new(StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
        Some(Err(error @ CardError::Failed(_))) => {
            Refusal::internal(error.to_string()).into_response()
        }
        None => Refusal::busy("the model is being evaluated; come back later").into_response(),
    }
}

async fn reload(State(server): State<Arc<Server>>) -> Result<Response, Refusal> {
    let again = server.clone();
    let read = move || again.models.reload("asked to reload");
    let read = tokio::task::spawn_blocking(read).await;
    let crashed = |_| Refusal::internal("reading the model failed; this is a bug");
    let served = read.map_err(crashed)?.map_err(|problem| {
        Refusal::internal(format!("{problem}; the model that was loaded is served still"))
    })?;
    let body = json!({ "model": served.about.name, "version": served.about.version });
    Ok(refusal::json(StatusCode::OK, body.to_string()))
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    server.metrics.queued.set(server.models.current().batcher.waiting() as i64);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], server.metrics.text()).into_response()
}
