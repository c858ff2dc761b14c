//! Converts a body to images without a server, for fuzzing.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use modiste_data::photo::{self, Background, Preparation};
use modiste_spec::Shape;

use crate::body_kind::BodyKind;
use crate::input::{Content, Rules};
use crate::refusal::Refusal;
use crate::{form, json};

/// Small enough that no input takes long.
const LIMITS: photo::Limits = photo::Limits { bytes: 1 << 20, pixels: 1 << 14, side: 1024 };
/// The largest number of images in a body.
const IMAGES: usize = 16;

/// The images of `shape` in a body of this content type: for each its pixels (h, w, c), or why it cannot
/// be read.
///
/// # Errors
/// The reason that a client would get, if the body or all of its images cannot be read.
#[doc(hidden)]
pub fn images_of(
    content_type: &str,
    body: &[u8],
    shape: Shape,
) -> Result<Vec<Result<Vec<u8>, String>>, String> {
    parse(content_type, body, shape).map_err(|refusal| refusal.reason().to_owned())
}

fn parse(
    content_type: &str,
    body: &[u8],
    shape: Shape,
) -> Result<Vec<Result<Vec<u8>, String>>, Refusal> {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    let background = Background::Auto;
    let preparation = Preparation { garments: true, ..Preparation::of(shape) };
    let rules = Rules {
        shape,
        background,
        preparation,
        limits: LIMITS,
        images: IMAGES,
        pixels: LIMITS.pixels,
    };
    let body = Bytes::copy_from_slice(body);
    let uploads = match BodyKind::of(&headers)? {
        BodyKind::Picture => return Ok(vec![rules.picture(&body, 0).map(|image| image.pixels)]),
        BodyKind::Json => json::images(&body, &rules)?,
        BodyKind::Form(boundary) => {
            let parts = pin!(form::pictures(body, &boundary, &rules));
            match parts.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(uploads) => uploads?,
                Poll::Pending => return Err(Refusal::internal("the form is complete")),
            }
        }
    };
    rules.check_count(uploads.len())?;
    rules.sizes(&uploads)?;
    let image = |(number, content)| match content {
        Content::Image(image) => Ok(image.pixels),
        Content::Wrong(reason) => Err(reason),
        Content::Picture(bytes) => rules.picture(&bytes, number).map(|image| image.pixels),
    };
    Ok(uploads.into_iter().map(|upload| upload.content).enumerate().map(image).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_every_kind_are_parsed() {
        let shape = Shape::new(1, 2, 1);
        let of = |kind: &str, body: &[u8]| images_of(kind, body, shape);
        let json = of("application/json", b"{\"images\": [[1, 2], [3], \"QUI/\"]}").unwrap();
        assert_eq!(json[0], Ok(vec![1, 2]));
        assert!(json[1].is_err() && json[2].is_err());
        let head = "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n";
        let form = format!("{head}no picture\r\n--x--\r\n");
        let form = of("multipart/form-data; boundary=x", form.as_bytes()).unwrap();
        assert!(form[0].as_ref().unwrap_err().contains("is not a"), "{form:?}");
        assert!(of("image/png", b"").unwrap()[0].is_err());
        assert!(of("text/plain", b"").is_err());
    }
}
