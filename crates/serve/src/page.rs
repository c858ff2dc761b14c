//! The files of the page and of the API's documentation, which are part of the program.

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Path, content type and text of each file. They refer to each other by relative paths, so that they work
/// below any path of a proxy.
const FILES: [(&str, &str, &str); 9] = [
    ("/", "text/html; charset=utf-8", include_str!("../assets/index.html")),
    ("/style.css", "text/css; charset=utf-8", STYLE),
    ("/app.js", JAVASCRIPT, include_str!("../assets/app.js")),
    ("/parts.js", JAVASCRIPT, include_str!("../assets/parts.js")),
    ("/draw.js", JAVASCRIPT, include_str!("../assets/draw.js")),
    ("/card.js", JAVASCRIPT, include_str!("../assets/card.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    ("/docs", "text/html; charset=utf-8", include_str!("../assets/docs.html")),
    ("/docs.js", JAVASCRIPT, include_str!("../assets/docs.js")),
];

const STYLE: &str =
    concat!(include_str!("../assets/base.css"), include_str!("../assets/style.css"));
/// The part of the page where pictures are chosen and drawn; exported pages have it, too.
const PANES: &str = include_str!("../assets/panes.html");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const OPENAPI: &str = include_str!("../assets/openapi.json");

/// The routes of the files; `base` is the server's path behind a proxy, or empty.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(base: &str) -> Router<S> {
    let router = FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        let text = Bytes::from(text.replacen("PANES", PANES, 1));
        router.route(path, get(move || async move { file(kind, text) }))
    });
    let root = if base.is_empty() { "/" } else { base };
    let openapi = OPENAPI.replacen("\"url\": \"/\"", &format!("\"url\": \"{root}\""), 1);
    let described = move || async move { file("application/json", openapi) };
    router.route("/openapi.json", get(described))
}

fn file(kind: &'static str, text: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}
