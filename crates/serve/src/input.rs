//! What was sent, as images that the network takes.

use axum::body::Bytes;
use modiste_data::photo::{self, Background};
use modiste_spec::Shape;

use crate::refusal::Refusal;
use crate::text::readable;

/// One image of a request, as it was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The file's name in a form, otherwise `image` and its number.
    pub name: String,
    pub what: What,
}

/// What was sent as an image.
#[derive(Debug)]
pub(crate) enum What {
    /// A picture file.
    Picture(Bytes),
    /// Pixels.
    Image(Image),
    /// Something that is no image; the reason says why.
    Wrong(String),
}

/// An image as the network takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// (h, w, c).
    pub pixels: Vec<u8>,
    /// What was done to it; empty where nothing was.
    pub note: String,
}

/// One image of a request, or why there is none.
#[derive(Debug)]
pub(crate) struct Input {
    pub name: String,
    pub image: Result<Image, String>,
}

/// The longest reason why one of several images has no answer, in characters.
const LONGEST_REASON: usize = 200;

/// What pictures may be, and how they are seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub shape: Shape,
    pub background: Background,
    pub limits: photo::Limits,
    /// The most images of a request.
    pub images: usize,
    /// The most pixels of all pictures of a request.
    pub pixels: usize,
}

/// The most bytes of a picture that is quick to decode, and the most pixels.
const QUICK: (usize, usize) = (16 << 10, 1 << 14);

impl Rules {
    /// The image that a picture file gives, or why it gives none.
    pub fn picture(&self, bytes: &[u8], number: usize) -> Result<Image, String> {
        let Self { shape, background, limits, .. } = self;
        let name = format!("image {number}");
        match photo::prepare(bytes, &name, *shape, *background, limits) {
            Ok(prepared) => Ok(Image { pixels: prepared.pixels, note: prepared.note }),
            Err(error) => Err(readable(&error.to_string(), LONGEST_REASON)),
        }
    }

    /// Pixels of each picture, as far as its header tells and they will be decoded.
    ///
    /// # Errors
    /// 413 if all together are too many.
    pub fn sizes(&self, sent: &[Sent]) -> Result<Vec<usize>, Refusal> {
        let size = |sent: &Sent| match &sent.what {
            What::Picture(bytes) => {
                let size = photo::size(bytes).map_or(0, |(h, w)| h.saturating_mul(w));
                if size <= self.limits.pixels { size } else { 0 }
            }
            What::Image(_) | What::Wrong(_) => 0,
        };
        let sizes: Vec<usize> = sent.iter().map(size).collect();
        if sizes.iter().fold(0_usize, |sum, &size| sum.saturating_add(size)) > self.pixels {
            let most = self.pixels;
            let reason = format!("the pictures of a request have at most {most} pixels together");
            return Err(Refusal::too_large(reason));
        }
        Ok(sizes)
    }

    /// Refuses nothing and too much.
    ///
    /// # Errors
    /// 400 without images, 413 if there are too many.
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

/// Whether decoding takes less than the change to another thread does.
pub(crate) fn is_quick(bytes: &[u8]) -> bool {
    let few = |(h, w): (usize, usize)| h.checked_mul(w).is_some_and(|pixels| pixels <= QUICK.1);
    // Of other formats a header of few pixels does not say enough.
    let is_png = bytes.starts_with(b"\x89PNG");
    is_png && bytes.len() <= QUICK.0 && photo::size(bytes).is_some_and(few)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_pictures_are_quick() {
        let png = |side: u32, extra: usize| {
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, side, side);
            encoder.set_color(png::ColorType::Grayscale);
            let pixels = vec![0; (side * side) as usize];
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            file.resize(file.len() + extra, 0);
            file
        };
        assert!(is_quick(&png(128, 0)));
        assert!(!is_quick(&png(129, 0)));
        assert!(!is_quick(&png(28, QUICK.0)));
        assert!(!is_quick(&png(28, 0)[..20]));
        assert!(!is_quick(b"\xff\xd8\xff"));
    }
}
