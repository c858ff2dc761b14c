//! The routes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use crate::card::CardError;
use crate::models::NotReloaded;
use crate::refusal::{self, Refusal};
use crate::state::Server;
use crate::{explain, guard, page, predict};

/// All routes; `base` is their path behind a proxy, or empty.
pub(crate) fn router(server: Arc<Server>, base: &str) -> Router {
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
        .merge(page::routes(base))
        .route("/health", get(|| async { refusal::json(StatusCode::OK, r#"{"healthy":true}"#) }))
        .route("/ready", get(ready))
        .merge(admitted)
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_FOUND, "this path does not exist; see /docs")
        })
        .method_not_allowed_fallback(|| async {
            let reason = "this path does not support this method; see /docs";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason)
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(server.clone(), guard::observe))
        .with_state(server)
}

/// Whether requests are answered, and with which model.
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
        "problem": file.problem.map(|problem| problem.to_string()),
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
        "request_pixels": server.limits.request_pixels,
        "images": server.limits.images,
    });
    refusal::json(StatusCode::OK, body.to_string())
}

/// The card, once it is ready.
async fn evaluation(State(server): State<Arc<Server>>) -> Response {
    match server.models.current().card.get() {
        Some(Ok(json)) => refusal::json(StatusCode::OK, json.clone()),
        Some(Err(error @ CardError::None(_))) => {
            Refusal::new(StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
        Some(Err(error @ CardError::Failed(_))) => {
            Refusal::internal(error.to_string()).into_response()
        }
        None => Refusal::busy("the model is being evaluated; try again later").into_response(),
    }
}

async fn reload(State(server): State<Arc<Server>>) -> Result<Response, Refusal> {
    let again = server.clone();
    let read = move || again.models.reload("asked to reload");
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| server.panicked("reloading"))?;
    let served = read.map_err(|error| match error {
        NotReloaded::Busy => Refusal::busy("the model is being reloaded already; try again later"),
        NotReloaded::Problem(problem) => {
            Refusal::internal(format!("{problem}; the previous model is still served"))
        }
    })?;
    let body = json!({ "model": served.about.name, "version": served.about.version });
    Ok(refusal::json(StatusCode::OK, body.to_string()))
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    server.metrics.queued.set(server.models.current().batcher.waiting() as i64);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], server.metrics.text()).into_response()
}
