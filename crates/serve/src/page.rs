//! The page and the documentation of the interface: files that are part of the program.

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Path, type and text of each file.
const FILES: [(&str, &str, &str); 10] = [
    ("/", "text/html; charset=utf-8", include_str!("../assets/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../assets/style.css")),
    ("/app.js", JAVASCRIPT, include_str!("../assets/app.js")),
    ("/parts.js", JAVASCRIPT, include_str!("../assets/parts.js")),
    ("/draw.js", JAVASCRIPT, include_str!("../assets/draw.js")),
    ("/card.js", JAVASCRIPT, include_str!("../assets/card.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    ("/docs", "text/html; charset=utf-8", include_str!("../assets/docs.html")),
    ("/docs.js", JAVASCRIPT, include_str!("../assets/docs.js")),
    ("/openapi.json", "application/json", include_str!("../assets/openapi.json")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Routes of the files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { file(kind, text) }))
    })
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
