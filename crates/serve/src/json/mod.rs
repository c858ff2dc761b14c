//! `{"images": [...]}`: pixels as lists of numbers, or picture files as base64 or data URLs.
//!
//! An image of (h, w, c) is a flat list of h * w * c numbers, or rows of columns (of channels, if it has
//! several). If no number of the request is above 1 and some are written with a decimal point, they are
//! fractions of full brightness; otherwise they are values from 0 to 255. Errors repeat nothing of the
//! body.

mod values;

use std::cell::Cell;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use modiste_spec::Shape;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::input::{Content, Image, Rules, Upload};
use crate::refusal::Refusal;

use values::{Level, Values};

/// The images of a JSON body.
///
/// # Errors
/// 400 if the body is something else, 413 if it has too many images.
pub(crate) fn images(bytes: &[u8], rules: &Rules) -> Result<Vec<Upload>, Refusal> {
    let too_many = Cell::new(false);
    let body = Body { rules, too_many: &too_many };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = body.deserialize(&mut json).and_then(|images| json.end().map(|()| images));
    if too_many.get() {
        rules.check_count(rules.images + 1)?;
    }
    // The texts are serde_json's own or those of the visitors below; none repeats the body.
    let raw = read.map_err(|error| Refusal::bad(format!("the body is not valid: {error}")))?;
    rules.check_count(raw.len())?;
    let scale = Scale::of(&raw);
    let upload = |(number, raw): (usize, Raw)| {
        let wrong = |problem: String| Content::Wrong(format!("image {number} {problem}"));
        let content = match raw {
            Raw::Values(Values { problem: Some(problem), .. }) => wrong(problem),
            Raw::Values(values) => Content::Image(scale.image(&values)),
            Raw::Picture(bytes) => Content::Picture(bytes.into()),
            Raw::Wrong(problem) => wrong(problem.to_owned()),
        };
        Upload { name: format!("image {number}"), content }
    };
    Ok(raw.into_iter().enumerate().map(upload).collect())
}

/// One image, as uploaded.
enum Raw {
    Values(Values),
    /// A picture file, decoded from base64.
    Picture(Vec<u8>),
    Wrong(&'static str),
}

/// The range of the numbers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// From 0 to 255.
    Bytes,
    /// From 0 to 1.
    Fractions,
}

impl Scale {
    fn of(images: &[Raw]) -> Self {
        let (mut decimal, mut most) = (false, 0.0_f64);
        for image in images {
            if let Raw::Values(values) = image {
                decimal |= values.decimal;
                most = most.max(values.most);
            }
        }
        if decimal && most <= 1.0 { Self::Fractions } else { Self::Bytes }
    }

    fn image(self, values: &Values) -> Image {
        let (factor, note) = match self {
            Self::Fractions => (255.0, "values from 0 to 1 multiplied by 255"),
            Self::Bytes if values.fraction => (1.0, "values rounded"),
            Self::Bytes => (1.0, ""),
        };
        let pixels = values.numbers.iter().map(|value| (value * factor).round() as u8).collect();
        Image { pixels, note: note.to_owned() }
    }
}

/// `{"images": [...]}`.
struct Body<'a> {
    rules: &'a Rules,
    too_many: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = Vec<Raw>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Raw>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Visitor methods that refuse a value without repeating it.
macro_rules! refuse {
    ($text:expr; $($visit:ident($kind:ty)),*) => {
        $(fn $visit<E: Error>(self, _: $kind) -> Result<Self::Value, E> {
            Err(E::custom($text))
        })*
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Err(E::custom($text))
        }
    };
}

const EXPECTED: &str = "expected {\"images\": [...]}, a list of images";

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Vec<Raw>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Raw>, A::Error> {
        let mut images = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if key != "images" || images.is_some() {
                return Err(A::Error::custom(EXPECTED));
            }
            let Self { rules, too_many } = self;
            images = Some(map.next_value_seed(List { rules, too_many })?);
        }
        images.ok_or_else(|| A::Error::custom(EXPECTED))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Vec<Raw>, A::Error> {
        Err(A::Error::custom(EXPECTED))
    }

    refuse!(EXPECTED; visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

/// The list of images.
struct List<'a> {
    rules: &'a Rules,
    too_many: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Vec<Raw>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Raw>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<Raw>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Raw>, A::Error> {
        let mut images = Vec::new();
        while let Some(image) = list.next_element_seed(OneImage { shape: self.rules.shape })? {
            if images.len() == self.rules.images {
                self.too_many.set(true);
                return Err(A::Error::custom("there are too many images"));
            }
            images.push(image);
        }
        Ok(images)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Vec<Raw>, A::Error> {
        Err(A::Error::custom(EXPECTED))
    }

    refuse!(EXPECTED; visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

/// Reads one image: a list or a string.
struct OneImage {
    shape: Shape,
}

impl<'de> DeserializeSeed<'de> for OneImage {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl OneImage {
    fn wrong<E>() -> Result<Raw, E> {
        Ok(Raw::Wrong("is neither a list of numbers nor a string"))
    }
}

impl<'de> Visitor<'de> for OneImage {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Raw, A::Error> {
        let mut values = Values::new(self.shape);
        Level { values: &mut values, depth: 1 }.visit_seq(list)?;
        Ok(Raw::Values(values))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(decoded(text).map_or_else(Raw::Wrong, Raw::Picture))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Self::wrong()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Raw, E> {
        Self::wrong()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
        Self::wrong()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
        Self::wrong()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
        Self::wrong()
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Self::wrong()
    }
}

/// Decodes base64, by itself or in a data URL.
fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    let is_url = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let data = match text.split_once(',') {
        Some((head, data)) if is_url && head.to_ascii_lowercase().ends_with(";base64") => data,
        _ if is_url => return Err("is a data URL without \";base64,\""),
        _ => text,
    };
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe = data.contains(['-', '_']);
    let alphabet = if url_safe { &URL_SAFE } else { &STANDARD };
    let engine = GeneralPurpose::new(alphabet, config);
    let wrapped = data.contains(|c: char| c.is_ascii_whitespace());
    let bytes = if wrapped {
        engine.decode(data.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>())
    } else {
        engine.decode(data)
    };
    bytes.map_err(|_| "is a string that is neither base64 nor a data URL")
}

#[cfg(test)]
mod tests {
    use modiste_data::photo::{Background, Limits, Preparation};

    use super::*;

    /// Reads a body for a model of 2 x 3 images with `channels`.
    fn read(channels: usize, body: &str) -> Result<Vec<Upload>, Refusal> {
        let rules = Rules {
            shape: Shape { height: 2, width: 3, channels },
            background: Background::Auto,
            preparation: Preparation::of(Shape::new(2, 3, 1)),
            limits: Limits::default(),
            images: 3,
            pixels: 1000,
        };
        images(body.as_bytes(), &rules)
    }

    fn pixels(channels: usize, image: &str) -> Vec<u8> {
        let sent = read(channels, &format!("{{\"images\": [{image}]}}")).unwrap();
        match &sent[0].content {
            Content::Image(image) => image.pixels.clone(),
            other => panic!("{image}: {other:?}"),
        }
    }

    #[test]
    fn flat_and_nested_lists_are_the_same_image() {
        let flat = pixels(1, "[1, 2, 3, 4, 5, 255]");
        assert_eq!(flat, [1, 2, 3, 4, 5, 255]);
        for nested in ["[[1, 2, 3], [4, 5, 255]]", "[[[1], [2], [3]], [[4], [5], [255]]]"] {
            assert_eq!(pixels(1, nested), flat, "{nested}");
        }
        let coloured = "[[[1,2,3],[4,5,6],[7,8,9]],[[1,2,3],[4,5,6],[7,8,9]]]";
        assert_eq!(pixels(3, coloured), [1, 2, 3, 4, 5, 6, 7, 8, 9].repeat(2));
    }

    #[test]
    fn decimals_are_shares_or_values() {
        assert_eq!(pixels(1, "[0.0, 0.5, 1.0, 0.25, 1, 0]"), [0, 128, 255, 64, 255, 0]);
        assert_eq!(pixels(1, "[0.0, 0.5, 1.0, 0.25, 2, 0]"), [0, 1, 1, 0, 2, 0]);
        assert_eq!(pixels(1, "[0, 0, 1, 1, 1, 0]"), [0, 0, 1, 1, 1, 0]);
        assert_eq!(pixels(1, "[0.0, 12.0, 255.0, 7.0, 1e1, 0.0]"), [0, 12, 255, 7, 10, 0]);
        // All images of a request have the same scale.
        let sent = read(1, "{\"images\": [[0.5,0,0,0,0,0], [0,0,0,0,0,200]]}").unwrap();
        assert!(matches!(&sent[0].content, Content::Image(image) if image.pixels[0] == 1));
    }

    #[test]
    fn errors_distinguish_lists_that_are_not_images() {
        for (channels, image, problem) in [
            (1, "[]", "has 0 values"),
            (1, "[1, 2, 3]", "has 3 values"),
            (1, "[1, 2, 3, 4, 5, 6, 7]", "has 7 values; the model takes"),
            (1, "[[1, 2], [3, 4], [5, 6]]", "2 lists of 3"),
            (1, "[[1, 2, 3], [4, 5]]", "2 lists of 3"),
            (1, "[[1, 2, 3], 4, 5, 6]", "2 lists of 3"),
            (3, "[[1, 2, 3], [4, 5, 6]]", "2 lists of 3 of 3"),
            (1, "[[[[1]]]]", "nested too deeply"),
            (1, "[1, 2, 3, 4, 5, 256]", "outside 0 to 255"),
            (1, "[1, 2, 3, 4, 5, -1]", "outside 0 to 255"),
            (1, "[1, 2, 3, 4, 5, 1e300]", "outside 0 to 255"),
            (1, "[1, 2, 3, 4, 5, null]", "not a number"),
            (1, "[1, 2, 3, 4, 5, \"6\"]", "not a number"),
            (1, "[1, 2, 3, 4, 5, {\"a\": [1]}]", "not a number"),
            (1, "7", "neither a list"),
            (1, "{\"a\": {\"b\": 1}}", "neither a list"),
            (1, "\"secret!\"", "neither base64 nor"),
            (1, "\"data:image/png,secret\"", "without"),
        ] {
            let sent = read(channels, &format!("{{\"images\": [{image}]}}")).unwrap();
            let Content::Wrong(text) = &sent[0].content else { panic!("{image} is taken") };
            assert!(text.starts_with("image 0 ") && text.contains(problem), "{image}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn base64_and_data_urls_are_files() {
        for text in [
            "QUI/Pg==",
            "QUI/Pg",
            "QUI_Pg",
            "QUI\\n/Pg==\\n",
            "data:image/png;base64,QUI/Pg==",
            "DATA:;BASE64,QUI/Pg==",
        ] {
            let sent = read(1, &format!("{{\"images\": [\"{text}\"]}}")).unwrap();
            assert!(
                matches!(&sent[0].content, Content::Picture(bytes) if &bytes[..] == b"AB?>"),
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_bodies_are_refused_without_repeating_their_text() {
        for (body, status) in [
            ("", 400),
            ("secret", 400),
            ("[1]", 400),
            ("\"secret\"", 400),
            ("{}", 400),
            ("{\"secret\": []}", 400),
            ("{\"images\": \"secret\"}", 400),
            ("{\"images\": {\"secret\": 1}}", 400),
            ("{\"images\": []}", 400),
            ("{\"images\": [], \"images\": []}", 400),
            ("{\"images\": [[1e999]]}", 400),
            ("{\"images\": [[1]]} secret", 400),
            ("{\"images\": [[], [], [], []]}", 413),
        ] {
            let refusal = read(1, body).unwrap_err();
            assert_eq!(refusal.status.as_u16(), status, "{body}");
            assert!(!format!("{refusal:?}").contains("secret"), "{refusal:?}");
        }
        let deep = format!("{{\"images\": {}", "[".repeat(100_000));
        assert_eq!(read(1, &deep).unwrap_err().status.as_u16(), 400);
    }
}
