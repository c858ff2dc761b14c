//! One picture: PNG or JPEG, grey or coloured, told by its first bytes and not by its name.
//!
//! The decoders are those of the `image` crate, without its colour management (40 seconds of
//! building): pixels are taken as they are stored, as training wants them.

use std::io::Cursor;

use png::{ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::DataError;
use crate::dataset::{ImageShape, Images};

/// The longest side of a picture, in pixels.
const MAX_SIDE: usize = 4_096;

/// Whether `bytes` begin as a PNG or JPEG file does.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    is_png(bytes) || is_jpeg(bytes)
}

fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// Decodes one picture to a single image of one or three channels; errors speak of it as `name`.
///
/// Palettes are resolved, 16 bits a channel become 8. Opaque alpha channels are dropped; a picture
/// that shows something through is refused, since it does not say what is behind.
pub fn parse_picture(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let decoded = if bytes.is_empty() {
        Err("is empty".to_owned())
    } else if is_png(bytes) {
        decode_png(bytes)
    } else if is_jpeg(bytes) {
        decode_jpeg(bytes)
    } else {
        Err("is not a PNG or JPEG picture".to_owned())
    };
    decoded.map_err(|problem| DataError::file(name, problem))
}

fn decode_png(bytes: &[u8]) -> Result<Images, String> {
    let damaged = |error: png::DecodingError| format!("is a damaged PNG picture ({error})");
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits::default());
    decoder.set_transformations(Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(damaged)?;
    check_sides(info.height as usize, info.width as usize)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().ok_or("is too large a PNG picture")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let (channels, alpha) = match frame.color_type {
        ColorType::Grayscale => (1, false),
        ColorType::GrayscaleAlpha => (1, true),
        ColorType::Rgb => (3, false),
        ColorType::Rgba => (3, true),
        ColorType::Indexed => return Err("is a PNG picture without its palette".to_owned()),
    };
    if alpha {
        pixels = drop_alpha(&pixels, channels)?;
    }
    let shape = ImageShape { height: frame.height as usize, width: frame.width as usize, channels };
    Ok(Images { shape, pixels })
}

/// The pixels without their alpha channel, which must be opaque.
fn drop_alpha(pixels: &[u8], channels: usize) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(pixels.len());
    for pixel in pixels.chunks_exact(channels + 1) {
        if pixel[channels] != u8::MAX {
            return Err("is transparent in places; put it on a background first".to_owned());
        }
        kept.extend_from_slice(&pixel[..channels]);
    }
    Ok(kept)
}

fn decode_jpeg(bytes: &[u8]) -> Result<Images, String> {
    let damaged = |error| format!("is a damaged JPEG picture ({error})");
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        // Without it a truncated picture would be filled up with grey.
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let (width, height) = decoder.dimensions().ok_or("is a JPEG picture without a size")?;
    check_sides(height, width)?;
    let pixels = decoder.decode().map_err(damaged)?;
    let shape = ImageShape { height, width, channels };
    if pixels.len() != shape.len() {
        return Err(format!("is a damaged JPEG picture ({} bytes for {shape})", pixels.len()));
    }
    Ok(Images { shape, pixels })
}

/// Refuses what is too large before anything is allocated for it.
fn check_sides(height: usize, width: usize) -> Result<(), String> {
    if height > MAX_SIDE || width > MAX_SIDE {
        return Err(format!("is {height} x {width} pixels, over the limit of {MAX_SIDE} a side"));
    }
    if height == 0 || width == 0 {
        return Err("is a picture without pixels".to_owned());
    }
    Ok(())
}
