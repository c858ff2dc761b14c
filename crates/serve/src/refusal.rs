//! Errors for clients: a status and a reason, as JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::headers::HEADERS;
use crate::text::readable;

/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// The largest length of a reason, in characters. Reasons repeat nothing of the request; this also cuts the
/// messages of decoders.
const LONGEST: usize = 300;

/// A status with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    reason: String,
}

impl Refusal {
    pub fn new(status: StatusCode, reason: impl AsRef<str>) -> Self {
        Self { status, reason: readable(reason.as_ref(), LONGEST) }
    }

    /// 400: the request cannot be answered.
    pub fn bad(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 403: the request comes from a page of another site.
    pub fn foreign(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason)
    }

    /// 413: the request is over a limit.
    pub fn too_large(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    /// 503: the server is too busy; the client should try again.
    pub fn busy(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// 500: it is the server's fault.
    pub fn internal(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason)
    }

    /// The reason, in one short line.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// `{"error": "the reason"}`.
    fn json(&self) -> String {
        serde_json::json!({ "error": self.reason }).to_string()
    }

    /// The whole response as bytes, for a connection that is closed after it. It is for errors of the HTTP
    /// layer, which no handler answers.
    pub fn closing(&self) -> Vec<u8> {
        let body = self.json();
        let reason = self.status.canonical_reason().unwrap_or_default();
        let mut text = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n",
            self.status.as_u16(),
            body.len()
        );
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            text += "retry-after: 1\r\n";
        }
        for (name, value) in &HEADERS {
            text += &format!("{name}: {value}\r\n");
        }
        format!("{text}\r\n{body}").into_bytes()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json(self.status, self.json());
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A response of JSON.
pub(crate) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let long = format!("a\nb\u{1b}[2J{}", "\u{1}€\"".repeat(1 << 20));
        let refusal = Refusal::bad(&long);
        assert!(refusal.json().len() < 8 * LONGEST, "{} bytes", refusal.json().len());
        assert!(refusal.json().starts_with("{\"error\":\"a\u{fffd}b\u{fffd}[2J"), "{refusal:?}");
        assert!(refusal.reason.ends_with(" ..."));
        assert_eq!(Refusal::bad("short").reason, "short");
    }

    #[test]
    fn a_closing_response_is_like_any_other() {
        let text = String::from_utf8(Refusal::busy("later").closing()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
        assert!(head.contains("\r\nx-content-type-options: nosniff"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, r#"{"error":"later"}"#);
    }
}
