//! The supported kinds of body, by their `Content-Type`.

use axum::http::{HeaderMap, StatusCode, header};

use crate::refusal::Refusal;

/// The kinds of body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// One picture, whose format is recognised by its first bytes.
    Picture,
    /// `multipart/form-data` with this boundary; each part is a picture.
    Form(String),
    /// `{"images": [...]}`.
    Json,
}

const SUPPORTED: &str = "send a picture as image/png, image/jpeg, image/webp, image/bmp or \
    application/octet-stream, any number of pictures as multipart/form-data, or application/json";

impl BodyKind {
    /// The kind according to the `Content-Type`.
    ///
    /// # Errors
    /// 415 if it is not supported.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let unsupported = |problem: &str| {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{problem}; {SUPPORTED}"))
        };
        let Some(header) = headers.get(header::CONTENT_TYPE) else {
            return Err(unsupported("there is no Content-Type"));
        };
        let text = header.to_str().unwrap_or_default();
        let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            "application/octet-stream" => Ok(Self::Picture),
            "multipart/form-data" => multer::parse_boundary(text)
                .map(Self::Form)
                .map_err(|_| Refusal::bad("multipart/form-data needs its boundary")),
            // The format is recognised by the first bytes of the file.
            _ if essence.starts_with("image/") && essence != "image/svg+xml" => Ok(Self::Picture),
            _ => Err(unsupported("this Content-Type is not supported")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content_type: &str) -> Result<BodyKind, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        BodyKind::of(&headers).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn content_types() {
        assert_eq!(kind("image/png"), Ok(BodyKind::Picture));
        assert_eq!(kind("Application/JSON; charset=utf-8"), Ok(BodyKind::Json));
        assert_eq!(kind("multipart/form-data; boundary=x"), Ok(BodyKind::Form("x".into())));
        assert_eq!(kind("multipart/form-data"), Err(400));
        for wrong in ["text/plain", "image/svg+xml", "application/x-www-form-urlencoded", "", ";"] {
            assert_eq!(kind(wrong), Err(415), "{wrong}");
        }
        assert_eq!(BodyKind::of(&HeaderMap::new()).unwrap_err().status.as_u16(), 415);
    }
}
