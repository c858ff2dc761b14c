//! The images of a request: as uploaded, and as prepared for the network.

use axum::body::Bytes;
use modiste_data::photo::{self, Background, Preparation};
use modiste_spec::Shape;

use crate::refusal::Refusal;
use crate::text::readable;

/// One image of a request, as uploaded.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The name of the file in a form, otherwise `image` and its number.
    pub name: String,
    pub content: Content,
}

/// The contents uploaded as an image.
#[derive(Debug)]
pub(crate) enum Content {
    /// A picture file.
    Picture(Bytes),
    /// Pixels.
    Image(Image),
    /// Something else; the text says why it is not an image.
    Wrong(String),
}

/// An image prepared for the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// (h, w, c).
    pub pixels: Vec<u8>,
    /// How it was prepared; empty if it was not changed.
    pub note: String,
}

/// One image of a request, or why it cannot be read.
#[derive(Debug)]
pub(crate) struct Input {
    pub name: String,
    pub image: Result<Image, String>,
}

/// The largest length of the error of one image, in characters.
const LONGEST_REASON: usize = 200;

/// Limits of the images of a request, and how pictures are prepared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub shape: Shape,
    pub background: Background,
    /// The preparation of pictures.
    pub preparation: Preparation,
    pub limits: photo::Limits,
    /// The largest number of images in a request.
    pub images: usize,
    /// The largest number of pixels in all pictures of a request together.
    pub pixels: usize,
}

/// The largest size of a picture that is quick to decode, in bytes and in pixels.
const QUICK: (usize, usize) = (16 << 10, 1 << 14);

impl Rules {
    /// Decodes and prepares a picture file; errors call it image `number`.
    pub fn picture(&self, bytes: &[u8], number: usize) -> Result<Image, String> {
        let Self { preparation, background, limits, .. } = self;
        let name = format!("image {number}");
        match preparation.picture(bytes, &name, *background, limits) {
            Ok(prepared) => Ok(Image { pixels: prepared.pixels, note: prepared.note }),
            Err(error) => Err(readable(&error.to_string(), LONGEST_REASON)),
        }
    }

    /// The number of pixels of each picture that will be decoded, according to its header.
    ///
    /// # Errors
    /// 413 if all pictures together have too many.
    pub fn sizes(&self, uploads: &[Upload]) -> Result<Vec<usize>, Refusal> {
        let size = |upload: &Upload| match &upload.content {
            Content::Picture(bytes) => {
                let size = photo::size(bytes).map_or(0, |(h, w)| h.saturating_mul(w));
                if size <= self.limits.pixels { size } else { 0 }
            }
            Content::Image(_) | Content::Wrong(_) => 0,
        };
        let sizes: Vec<usize> = uploads.iter().map(size).collect();
        if sizes.iter().fold(0_usize, |sum, &size| sum.saturating_add(size)) > self.pixels {
            let most = self.pixels;
            let reason =
                format!("the pictures of a request may have at most {most} pixels together");
            return Err(Refusal::too_large(reason));
        }
        Ok(sizes)
    }

    /// Checks the number of images in a request.
    ///
    /// # Errors
    /// 400 if there are none, 413 if there are too many.
    pub fn check_count(&self, count: usize) -> Result<(), Refusal> {
        if count == 0 {
            return Err(Refusal::bad("the body holds no image"));
        }
        if count > self.images {
            let most = self.images;
            return Err(Refusal::too_large(format!("a request may have at most {most} images")));
        }
        Ok(())
    }
}

/// Whether a picture is decoded faster than it could be handed to another thread.
pub(crate) fn is_quick(bytes: &[u8]) -> bool {
    let few = |(h, w): (usize, usize)| h.checked_mul(w).is_some_and(|pixels| pixels <= QUICK.1);
    // Other formats may take long in spite of few pixels.
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
