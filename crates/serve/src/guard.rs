//! Handling common to all requests: checks the host, counts, and adds headers; under `/v1/` also checks
//! the origin and the token.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::headers::HEADERS;
use crate::origin::RequestOrigin;
use crate::refusal::Refusal;
use crate::state::Server;

/// Seconds for which browsers remember that a site may use the server.
const REMEMBERED: &str = "600";

/// Checks the host, counts and times a request, and adds [`HEADERS`].
pub(crate) async fn observe(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let from = server.origins.of(request.method(), request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match server.origins.check_host(&request) {
        Err(refusal) => refusal.into_response(),
        Ok(()) if from == RequestOrigin::Allowed && is_preflight(&request) => {
            preflight(request.headers())
        }
        Ok(()) => next.run(request).await,
    };
    // Made-up paths would become an unlimited number of time series.
    let path = path.as_ref().map_or("other", |path| path.as_str());
    server.metrics.request(path, response.status().as_u16(), started.elapsed());
    let headers = response.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if server.origins.any_allowed() {
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    if let (RequestOrigin::Allowed, Some(origin)) = (from, origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let told = HeaderValue::from_static("retry-after");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, told);
    }
    response
}

/// Whether a browser asks if a page may send a request.
fn is_preflight(request: &Request) -> bool {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks && request.method() == Method::OPTIONS
}

/// Tells a browser what a page of an allowed site may send.
fn preflight(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let mut allow = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    allow(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
    allow(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type");
    allow(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    if headers.contains_key("access-control-request-private-network") {
        allow(HeaderName::from_static("access-control-allow-private-network"), "true");
    }
    response
}

/// Refuses pages of other sites, and clients without the token if there is one.
pub(crate) async fn admit(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    // Otherwise any page open in a browser on this machine could use a server without a token.
    if server.origins.of(request.method(), headers) == RequestOrigin::Foreign {
        let reason = "pages of other sites may not use this server; start it with --allow-origin \
                      to allow a site";
        return Refusal::foreign(reason).into_response();
    }
    if let Some(token) = &server.token {
        let given = headers.get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        if !token.opens(given) {
            let reason = "this needs the right token, as in \"Authorization: Bearer TOKEN\"";
            return Refusal::new(StatusCode::UNAUTHORIZED, reason).into_response();
        }
    }
    next.run(request).await
}

/// The response after a panic.
pub(crate) fn panicked(server: &Server, _: Box<dyn Any + Send>) -> Response {
    server.panicked("this request").into_response()
}
