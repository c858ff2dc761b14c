//! JPEG.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Decoded, Limits, Orientation, PictureHeader};

/// A decoder of bytes in memory.
type Reader<'a> = JpegDecoder<Cursor<&'a [u8]>>;

/// The decoder after reading the header; rows, columns and channels.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Reader<'a>, [usize; 3]), String> {
    // Sizes are checked by our own code, between the header and the pixels.
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        // Otherwise a truncated picture would be filled with grey.
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or("is a JPEG picture without a size")?;
    limits.check_sides(height, width)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    Ok((decoder, [height, width, channels]))
}

fn damaged(error: zune_jpeg::errors::DecodeErrors) -> String {
    format!("is a damaged JPEG picture ({error})")
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let (decoder, [height, width, channels]) = open(bytes, limits)?;
    let orientation = decoder.exif().map(|exif| Orientation::from_exif(exif)).unwrap_or_default();
    Ok(PictureHeader::new(height, width, channels).turned(orientation))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    let (mut decoder, [height, width, channels]) = open(bytes, limits)?;
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != height * width * channels {
        let there = pixels.len();
        return Err(format!("is a damaged JPEG picture ({there} bytes for {height} x {width})"));
    }
    let orientation = decoder.exif().map(|exif| Orientation::from_exif(exif)).unwrap_or_default();
    Ok(Decoded { height, width, channels, alpha: false, pixels, peak: None, orientation })
}
