//! PNG.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};

use super::{Decoded, Limits, Orientation, PictureHeader, narrow};

/// The decoder after reading the header.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<png::Decoder<Cursor<&'a [u8]>>, String> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits::default());
    decoder.set_transformations(Transformations::EXPAND);
    let info = decoder.read_header_info().map_err(damaged)?;
    limits.check_sides(info.height as usize, info.width as usize)?;
    Ok(decoder)
}

fn damaged(error: png::DecodingError) -> String {
    format!("is a damaged PNG picture ({error})")
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let reader = open(bytes, limits)?.read_info().map_err(damaged)?;
    let info = reader.info();
    let channels = match info.color_type {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => 1,
        ColorType::Rgb | ColorType::Rgba | ColorType::Indexed => 3,
    };
    let orientation = info.exif_metadata.as_deref().map(Orientation::from_exif).unwrap_or_default();
    let seen = PictureHeader::new(info.height as usize, info.width as usize, channels);
    Ok(seen.deep(info.bit_depth == BitDepth::Sixteen).turned(orientation))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, white: Option<u16>) -> Result<Decoded, String> {
    let mut reader = open(bytes, limits)?.read_info().map_err(damaged)?;
    let orientation = reader.info().exif_metadata.as_deref().map(Orientation::from_exif);
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
    let mut peak = None;
    if frame.bit_depth == BitDepth::Sixteen {
        let pairs = pixels.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let values: Vec<u16> = pairs.collect();
        (pixels, peak) = narrow(&values, channels + usize::from(alpha), alpha, white);
    }
    let (height, width) = (frame.height as usize, frame.width as usize);
    let orientation = orientation.unwrap_or_default();
    Ok(Decoded { height, width, channels, alpha, pixels, peak, orientation })
}
