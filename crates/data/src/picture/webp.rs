//! WebP, still pictures only.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::{Decoded, Limits, Orientation, PictureHeader};

/// A decoder of bytes in memory.
type Reader<'a> = WebPDecoder<Cursor<&'a [u8]>>;

/// The decoder after reading the header, and the size of the picture.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Reader<'a>, usize, usize), String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    limits.check_sides(height, width)?;
    if decoder.is_animated() {
        return Err("is an animated WebP picture; only still pictures are supported".to_owned());
    }
    check_frame(bytes, height, width)?;
    decoder.set_memory_limit(bytes.len());
    Ok((decoder, height, width))
}

fn damaged(error: image_webp::DecodingError) -> String {
    format!("is a damaged WebP picture ({error})")
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let (mut decoder, height, width) = open(bytes, limits)?;
    let exif = decoder.exif_metadata().map_err(damaged)?;
    let orientation = exif.as_deref().map(Orientation::from_exif).unwrap_or_default();
    Ok(PictureHeader::new(height, width, 3).turned(orientation))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    let (mut decoder, height, width) = open(bytes, limits)?;
    let exif = decoder.exif_metadata().map_err(damaged)?;
    let alpha = decoder.has_alpha();
    let mut pixels = vec![0; height * width * (3 + usize::from(alpha))];
    decoder.read_image(&mut pixels).map_err(damaged)?;
    let orientation = exif.as_deref().map(Orientation::from_exif).unwrap_or_default();
    Ok(Decoded { height, width, channels: 3, alpha, pixels, peak: None, orientation })
}

/// Checks the inner size of a lossy picture: the size is stored twice, and the decoder allocates
/// according to the inner one.
fn check_frame(bytes: &[u8], height: usize, width: usize) -> Result<(), String> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    // A chunk: four letters, its length, its content, padded to an even number of bytes.
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] == b"VP8 " {
            // Three bytes of a tag and three of a start code, then width and height in 14 bits each.
            let side = |at: usize| {
                let pair = after.get(at..at + 2).unwrap_or_default();
                pair.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)) & 0x3fff
            };
            let inner = (side(8), side(6));
            if inner != (height, width) {
                let (h, w) = inner;
                let sizes = format!("{h} x {w} pixels in a frame of {height} x {width}");
                return Err(format!("is a damaged WebP picture ({sizes})"));
            }
        }
        rest = after.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Ok(())
}
