//! What every request passes: counting, headers, panics caught; under `/v1/` also the token and the
//! limit of requests at once.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;
use crate::routes::Server;

/// Headers of every response. The page loads nothing from elsewhere and is shown in no other page.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// Counts and times a request, and adds [`HEADERS`].
pub(crate) async fn observe(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    // Paths that clients make up would be new time series without end.
    let path = path.as_ref().map_or("other", |path| path.as_str());
    server.metrics.request(path, response.status().as_u16(), started.elapsed());
    for (name, value) in &HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets in who may: the token where there is one, and no page of another site.
pub(crate) async fn admit(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if let Some(token) = &server.token {
        let given = headers.get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        if !token.opens(given) {
            let reason = "this needs the right token, as in \"Authorization: Bearer TOKEN\"";
            return Refusal::new(StatusCode::UNAUTHORIZED, reason).into_response();
        }
    }
    // Browsers say where a request comes from. Without a token, any page that the user of this
    // machine looks at could otherwise make the server work.
    let from_elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if request.method() == Method::POST && from_elsewhere {
        let reason = "pages of other sites may not use this server";
        return Refusal::new(StatusCode::FORBIDDEN, reason).into_response();
    }
    let Ok(_place) = server.requests.try_acquire() else {
        let most = server.limits.requests;
        let reason = format!("{most} requests are worked on already; come back later");
        return Refusal::busy(reason).into_response();
    };
    next.run(request).await
}

/// What a client hears of a panic.
pub(crate) fn panicked(server: &Server, _: Box<dyn Any + Send>) -> Response {
    server.metrics.panics.inc();
    Refusal::internal("something went wrong here; this is a bug").into_response()
}
