//! Decodes pictures: PNG, JPEG, WebP, BMP, GIF or TIFF, grey or coloured, recognised by the first
//! bytes, not by the name.
//!
//! All picture files are decoded here, for training ([`parse_picture`]) and for prediction
//! ([`crate::photo`]). The decoders are those of the `image` crate, without its colour management
//! (which adds 40 seconds of building): pixels are used as stored.

mod bmp;
mod gif;
mod jpeg;
mod limits;
mod orientation;
mod png;
mod size;
mod tiff;
mod webp;

pub use limits::Limits;
use modiste_spec::Shape;
use orientation::Orientation;
pub use size::size;

use crate::DataError;
use crate::dataset::Images;

/// Limits for training pictures.
pub(crate) const TRAINING: Limits =
    Limits { bytes: usize::MAX, pixels: 4_096 * 4_096, side: 4_096 };

/// The supported formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Jpeg,
    WebP,
    Bmp,
    Gif,
    Tiff,
}

impl Format {
    /// The format that the first bytes indicate.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if bytes.starts_with(b"BM") {
            Some(Self::Bmp)
        } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            Some(Self::Gif)
        } else if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
            Some(Self::Tiff)
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
    /// Whether each pixel has an alpha value after its colours.
    pub alpha: bool,
    /// (h, w, channels and alpha).
    pub pixels: Vec<u8>,
    /// The largest 16-bit value of a channel before scaling to 8 bits.
    pub peak: Option<u16>,
    /// Orientation of the stored pixels, if the file says how the camera was held; upright once decoded.
    orientation: Orientation,
}

impl Decoded {
    /// An upright picture without opacity.
    pub fn opaque(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Self {
        let orientation = Orientation::default();
        Self { height, width, channels, alpha: false, pixels, peak: None, orientation }
    }

    /// Drops the alpha channel if the whole picture is opaque.
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

/// Whether `bytes` begin like a picture file.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    Format::of(bytes).is_some()
}

/// The header of a picture file, with the sides of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureHeader {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// Whether each channel has 16 bits.
    pub deep: bool,
}

impl PictureHeader {
    fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, deep: false }
    }

    fn deep(self, deep: bool) -> Self {
        Self { deep, ..self }
    }

    fn turned(self, orientation: Orientation) -> Self {
        if orientation.is_lying() {
            return Self { height: self.width, width: self.height, ..self };
        }
        self
    }
}

/// Reads the header of a picture file; errors are in lower case.
pub(crate) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    match format(bytes, limits)? {
        Format::Png => png::look(bytes, limits),
        Format::Jpeg => jpeg::look(bytes, limits),
        Format::WebP => webp::look(bytes, limits),
        Format::Bmp => bmp::look(bytes, limits),
        Format::Gif => gif::look(bytes, limits),
        Format::Tiff => tiff::look(bytes, limits),
    }
}

/// The format of a picture file; checks its length.
fn format(bytes: &[u8], limits: &Limits) -> Result<Format, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let format = Format::of(bytes).ok_or("is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture")?;
    limits.check_bytes(bytes.len())?;
    Ok(format)
}

/// Decodes one picture; errors are in lower case.
///
/// Resolves palettes, reduces 16 bits per channel to 8, drops an opaque alpha channel and turns the
/// picture upright. The header is checked against `limits` before anything is allocated for pixels.
/// `white` is the value of white in channels of 16 bits, see [`narrow`].
pub(crate) fn decode_deep(
    bytes: &[u8],
    limits: &Limits,
    white: Option<u16>,
) -> Result<Decoded, String> {
    let decoded = match format(bytes, limits)? {
        Format::Png => png::decode(bytes, limits, white),
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Bmp => bmp::decode(bytes, limits),
        Format::Gif => gif::decode(bytes, limits),
        Format::Tiff => tiff::decode(bytes, limits, white),
    }?;
    Ok(decoded.without_idle_alpha().upright())
}

/// The likely value of white in pictures whose largest value is `peak`: many programs write 8 or 12
/// bits into 16-bit files.
pub(crate) fn white_of(peak: u16) -> u16 {
    [u8::MAX.into(), 0xfff].into_iter().find(|&white| peak <= white).unwrap_or(u16::MAX)
}

/// Converts 16-bit values to bytes; also returns the largest one, ignoring alpha. A pixel has
/// `step` values. Without `white`, it is inferred from the largest value.
fn narrow(values: &[u16], step: usize, alpha: bool, white: Option<u16>) -> (Vec<u8>, Option<u16>) {
    let is_opacity = |i: usize| alpha && i % step == step - 1;
    let colours = values.iter().enumerate().filter(|(i, _)| !is_opacity(*i));
    let peak = colours.map(|(_, &value)| value).max().unwrap_or(0);
    let white = white.unwrap_or_else(|| white_of(peak));
    let scaled = |value: u16| match white {
        u16::MAX => (value >> 8) as u8,
        white => {
            let (value, white) = (u32::from(value.min(white)), u32::from(white));
            ((value * 255 + white / 2) / white) as u8
        }
    };
    let bytes = values.iter().enumerate();
    let bytes = bytes.map(|(i, &v)| if is_opacity(i) { (v >> 8) as u8 } else { scaled(v) });
    (bytes.collect(), Some(peak))
}

/// Decodes one picture to a single image of one or three channels; errors call it `name`.
///
/// Resolves palettes, reduces 16 bits per channel to 8, and turns the picture upright (Exif).
/// Opaque alpha channels are dropped; a transparent picture is refused, because its background is
/// unknown.
pub fn parse_picture(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let picture =
        decode_deep(bytes, &TRAINING, None).map_err(|problem| DataError::file(name, problem))?;
    if picture.alpha {
        let problem = "is transparent in places; put it on a background first";
        return Err(DataError::file(name, problem));
    }
    let Decoded { height, width, channels, pixels, .. } = picture;
    Ok(Images { shape: Shape { height, width, channels }, pixels })
}
