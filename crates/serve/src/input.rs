//! What was sent, as images that the network takes: one picture, a form of pictures, or pixels.

use std::fmt;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyDataStream, Full};
use modiste_data::photo::{self, Background};
use modiste_spec::Shape;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::refusal::Refusal;

/// An image as the network takes it.
pub(crate) struct Input {
    /// What it is called: the file's name in a form, otherwise `image` and its number.
    pub name: String,
    /// (h, w, c).
    pub pixels: Vec<u8>,
    /// What was done to a picture; empty for pixels.
    pub note: String,
}

/// The kinds of body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One picture, told by its first bytes.
    Picture,
    /// `multipart/form-data` with this boundary: a picture a part.
    Form(String),
    /// `{"images": [[0, 255, ...], ...]}`.
    Pixels,
}

const TAKEN: &str = "image/png, image/jpeg, image/webp, image/bmp or application/octet-stream (one \
    picture), multipart/form-data (any number of pictures) and application/json (pixels) are taken";

impl Kind {
    /// What the `Content-Type` says.
    ///
    /// # Errors
    /// 415 if it is of no use.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let unsupported = |problem: String| {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{problem}: {TAKEN}"))
        };
        let Some(header) = headers.get(header::CONTENT_TYPE) else {
            return Err(unsupported("no content type is given".into()));
        };
        let text = header.to_str().unwrap_or("not readable");
        let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Self::Pixels),
            "application/octet-stream"
            | "image/png"
            | "image/jpeg"
            | "image/webp"
            | "image/bmp" => Ok(Self::Picture),
            "multipart/form-data" => multer::parse_boundary(text)
                .map(Self::Form)
                .map_err(|_| Refusal::bad("multipart/form-data is given without its boundary")),
            _ => Err(unsupported(format!("the content type is {essence}"))),
        }
    }
}

/// The most bytes of a body that is quick to decode, and the most pixels.
const QUICK: (usize, u32) = (16 << 10, 1 << 14);

/// Whether decoding takes less than the change to another thread does: a little JSON, or a PNG picture
/// whose header claims few pixels. Other formats are not looked into.
pub(crate) fn is_quick(kind: &Kind, bytes: &[u8]) -> bool {
    let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let claimed = || side(16)?.checked_mul(side(20)?);
    let little = match kind {
        Kind::Picture => {
            let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
            is_png && claimed().is_some_and(|pixels| pixels <= QUICK.1)
        }
        Kind::Form(_) => false,
        Kind::Pixels => true,
    };
    little && bytes.len() <= QUICK.0
}

/// What pictures may be, and how they are seen.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub shape: Shape,
    pub background: Background,
    pub limits: photo::Limits,
    /// The most images of a request.
    pub images: usize,
}

impl Rules {
    /// One picture.
    pub fn picture(&self, bytes: &[u8], name: String) -> Result<Input, Refusal> {
        let Self { shape, background, limits, .. } = self;
        let prepared = photo::prepare(bytes, &name, *shape, *background, limits);
        let prepared = prepared.map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(Input { name, pixels: prepared.pixels, note: prepared.note })
    }

    /// The images of a JSON body.
    pub fn pixels(&self, bytes: &[u8]) -> Result<Vec<Input>, Refusal> {
        let body: PixelsBody = serde_json::from_slice(bytes)
            .map_err(|error| Refusal::bad(format!("the body is not as expected: {error}")))?;
        let Few(images) = body.images;
        self.check_count(images.len())?;
        let (shape, wanted) = (self.shape, self.shape.len());
        let input = |(i, pixels): (usize, Vec<u8>)| {
            if pixels.len() != wanted {
                let given = pixels.len();
                return Err(Refusal::bad(format!(
                    "image {i} has {given} values; the model takes {shape}, that is {wanted}"
                )));
            }
            Ok(Input { name: format!("image {i}"), pixels, note: String::new() })
        };
        images.into_iter().enumerate().map(input).collect()
    }

    /// Refuses nothing and too much.
    pub fn check_count(&self, count: usize) -> Result<(), Refusal> {
        if count == 0 {
            return Err(Refusal::bad("there is no image in the body"));
        }
        if count > self.images {
            let most = self.images;
            return Err(Refusal::too_large(format!("a request has at most {most} images")));
        }
        Ok(())
    }
}

/// The JSON body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PixelsBody {
    /// (n, h * w * c) from 0 to 255.
    images: Few,
}

/// The most images of a body that are read at all: a list of a million empty lists would take many
/// times the memory of its text.
const MOST_READ: usize = 4096;

/// A list that is not read on once it is too long.
struct Few(Vec<Vec<u8>>);

impl<'de> Deserialize<'de> for Few {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor)
    }
}

struct FewVisitor;

impl<'de> Visitor<'de> for FewVisitor {
    type Value = Few;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of images, each a list of values from 0 to 255")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few, A::Error> {
        let mut images = Vec::new();
        while let Some(image) = list.next_element()? {
            if images.len() == MOST_READ {
                return Err(A::Error::custom(format!("there are more than {MOST_READ} images")));
            }
            images.push(image);
        }
        Ok(Few(images))
    }
}

/// The pictures of a form with their names; fields without a file name are not known.
///
/// # Errors
/// 400 if it is no form, 413 if it has more than `most` pictures.
pub(crate) async fn form(
    bytes: Bytes,
    boundary: &str,
    most: usize,
) -> Result<Vec<(String, Bytes)>, Refusal> {
    let broken = |error: multer::Error| Refusal::bad(format!("the form is broken: {error}"));
    let mut parts = multer::Multipart::new(BodyDataStream::new(Full::new(bytes)), boundary);
    let mut pictures = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let Some(name) = part.file_name().map(readable) else {
            let field = part.name().map(readable).unwrap_or_default();
            return Err(Refusal::bad(format!("field \"{field}\" of the form is not a file")));
        };
        if pictures.len() == most {
            return Err(Refusal::too_large(format!("a request has at most {most} images")));
        }
        pictures.push((name, part.bytes().await.map_err(broken)?));
    }
    Ok(pictures)
}

/// A name from outside, as it may stand in messages.
fn readable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content_type: &str) -> Result<Kind, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Kind::of(&headers).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn only_small_pictures_are_quick() {
        let claim = |width: u32, height: u32| {
            let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
            [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &sides].concat()
        };
        assert!(is_quick(&Kind::Picture, &claim(128, 128)));
        for slow in [claim(129, 128), claim(1 << 16, 1 << 16), claim(28, 28)[..20].to_vec()] {
            assert!(!is_quick(&Kind::Picture, &slow), "{slow:?}");
        }
        assert!(!is_quick(&Kind::Picture, &[claim(28, 28), vec![0; QUICK.0]].concat()));
        assert!(!is_quick(&Kind::Picture, b"\xff\xd8\xff"));
        assert!(is_quick(&Kind::Pixels, b"{}"));
        assert!(!is_quick(&Kind::Pixels, &vec![b' '; QUICK.0 + 1]));
    }

    #[test]
    fn content_types() {
        assert_eq!(kind("image/png"), Ok(Kind::Picture));
        assert_eq!(kind("Application/JSON; charset=utf-8"), Ok(Kind::Pixels));
        assert_eq!(kind("multipart/form-data; boundary=x"), Ok(Kind::Form("x".into())));
        assert_eq!(kind("multipart/form-data"), Err(400));
        for wrong in ["text/plain", "image/gif", "application/x-www-form-urlencoded", "", ";"] {
            assert_eq!(kind(wrong), Err(415), "{wrong}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()).unwrap_err().status.as_u16(), 415);
    }
}
