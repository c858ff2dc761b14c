//! One picture: PNG, JPEG, WebP or BMP, grey or coloured, told by its first bytes and not by its name.
//!
//! This is the one place where picture files are decoded, for folders to train on ([`parse_picture`])
//! and for photographs to predict on ([`crate::photo`]). The decoders are those of the `image` crate,
//! without its colour management (40 seconds of building): pixels are taken as they are stored.

mod bmp;
mod jpeg;
mod limits;
mod orientation;
mod png;
mod size;
mod webp;

pub use limits::Limits;
use modiste_spec::Shape;
use orientation::Orientation;
pub use size::size;

use crate::DataError;
use crate::dataset::Images;

/// What pictures to train on may be.
const TRAINING: Limits = Limits { bytes: usize::MAX, pixels: 4_096 * 4_096, side: 4_096 };

/// The formats known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Jpeg,
    WebP,
    Bmp,
}

impl Format {
    /// The format that `bytes` begin as.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if bytes.starts_with(b"BM") {
            Some(Self::Bmp)
        } else {
            None
        }
    }
}

/// The pixels of a picture.
pub(crate) struct Decoded {
    pub height: usize,
    pub width: usize,
    /// 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// Whether each pixel has its opacity behind its colours.
    pub alpha: bool,
    /// (h, w, channels and alpha).
    pub pixels: Vec<u8>,
    /// How they lie, where the file says how the camera was held; upright once it is decoded.
    orientation: Orientation,
}

impl Decoded {
    /// The picture without its alpha channel, where that is opaque all over; otherwise the picture.
    fn without_idle_alpha(mut self) -> Self {
        let step = self.channels + 1;
        if self.alpha && self.pixels.chunks_exact(step).all(|pixel| pixel[step - 1] == u8::MAX) {
            let colours = self.pixels.chunks_exact(step).flat_map(|pixel| &pixel[..step - 1]);
            self.pixels = colours.copied().collect();
            self.alpha = false;
        }
        self
    }

    /// The picture turned upright.
    fn upright(self) -> Self {
        let (h, w, turned) = (self.height, self.width, self.orientation);
        if turned.is_upright() {
            return self;
        }
        let (height, width) = if turned.is_lying() { (w, h) } else { (h, w) };
        let step = self.channels + usize::from(self.alpha);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            for x in 0..width {
                let (row, column) = turned.place((y, x), (h, w));
                pixels.extend_from_slice(&self.pixels[(row * w + column) * step..][..step]);
            }
        }
        Self { height, width, pixels, orientation: Orientation::default(), ..self }
    }
}

/// Whether `bytes` begin as a picture file does.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    Format::of(bytes).is_some()
}

/// Decodes one picture; the problem, in lower case, where it is none.
///
/// Palettes are resolved, 16 bits a channel become 8, an opaque alpha channel is dropped, the picture
/// is turned upright. What the header claims is checked against `limits` before anything is allocated
/// for pixels.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let format = Format::of(bytes).ok_or("is not a PNG, JPEG, WebP or BMP picture")?;
    limits.check_bytes(bytes.len())?;
    let decoded = match format {
        Format::Png => png::decode(bytes, limits),
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Bmp => bmp::decode(bytes, limits),
    }?;
    Ok(decoded.without_idle_alpha().upright())
}

/// Decodes one picture to a single image of one or three channels; errors speak of it as `name`.
///
/// Palettes are resolved, 16 bits a channel become 8, the picture is turned upright (Exif). Opaque
/// alpha channels are dropped; a picture that shows something through is refused, since it does not
/// say what is behind.
pub fn parse_picture(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let picture = decode(bytes, &TRAINING).map_err(|problem| DataError::file(name, problem))?;
    if picture.alpha {
        let problem = "is transparent in places; put it on a background first";
        return Err(DataError::file(name, problem));
    }
    let Decoded { height, width, channels, pixels, .. } = picture;
    Ok(Images { shape: Shape { height, width, channels }, pixels })
}
