//! The preparation of pictures for a network: chosen when training starts, stored with the model,
//! and the same in training, evaluation and prediction.

use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use super::{Background, Fit, Limits, Prepared, convert};
use crate::DataError;
use crate::picture::{Decoded, decode_deep};
use crate::variants::named;

/// Background of a transparent picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransparencyFill {
    /// White, like photographs of goods; black if the visible part is white.
    #[default]
    Auto,
    /// White.
    White,
    /// Black.
    Black,
}

named!(TransparencyFill, "a background for transparent pictures: auto, white or black":
    Auto "auto", White "white", Black "black");

/// The preparation of pictures, the same in training, evaluation and prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Rows, columns and channels (1 or 3) of an image.
    pub shape: Shape,
    /// How a picture of another shape is fitted.
    #[serde(default)]
    pub fit: Fit,
    /// Background of transparent pictures.
    #[serde(default)]
    pub ground: TransparencyFill,
    /// Whether pictures become garments on black as in Fashion-MNIST: bright backgrounds are inverted,
    /// and pictures of another size are trimmed and centred.
    #[serde(default)]
    pub garments: bool,
    /// The value of white in pictures of 16 bits per channel; `None` to infer it from each picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub white: Option<u16>,
}

impl Preparation {
    /// Prepares images of `shape`; pictures of other shapes are padded.
    pub fn of(shape: Shape) -> Self {
        let (fit, ground) = (Fit::default(), TransparencyFill::default());
        Self { shape, fit, ground, garments: false, white: None }
    }

    /// Prepares the picture file `bytes`; errors call it `name`. `background` overrides what would
    /// be inferred from the border.
    ///
    /// # Errors
    /// If the file is not a picture, is damaged, too large or too small, or shows nothing; or if the
    /// network takes images that are not pictures, with other than one or three channels.
    pub fn picture(
        &self,
        bytes: &[u8],
        name: &str,
        background: Background,
        limits: &Limits,
    ) -> Result<Prepared, DataError> {
        let prepared = self.check().and_then(|()| {
            let picture = decode_deep(bytes, limits, self.white)?;
            self.decoded(&picture, background)
        });
        prepared.map_err(|problem| DataError::file(name, problem))
    }

    /// Prepares an image (h, w, c) of an array; it is unchanged if it has the network's shape.
    ///
    /// # Errors
    /// As [`Preparation::picture`].
    pub fn image(&self, pixels: &[u8], shape: Shape, name: &str) -> Result<Vec<u8>, DataError> {
        if shape == self.shape {
            return Ok(pixels.to_vec());
        }
        let Shape { height, width, channels } = shape;
        let picture = Decoded::opaque(height, width, channels, pixels.to_vec());
        let prepared = self.check().and_then(|()| self.decoded(&picture, Background::Auto));
        prepared.map(|prepared| prepared.pixels).map_err(|problem| DataError::file(name, problem))
    }

    fn check(&self) -> Result<(), String> {
        if matches!(self.shape.channels, 1 | 3) {
            return Ok(());
        }
        Err(format!("is a picture; the network takes images of {}, not pictures", self.shape))
    }

    /// Prepares a decoded picture.
    pub(crate) fn decoded(
        &self,
        picture: &Decoded,
        background: Background,
    ) -> Result<Prepared, String> {
        let background = match background {
            Background::Auto if !self.garments => Background::Keep,
            typed => typed,
        };
        convert(picture, self, background)
    }
}
