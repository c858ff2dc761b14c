//! BMP.

use std::io::Cursor;

use zune_bmp::BmpDecoder;
use zune_bmp::BmpDecoderErrors;
use zune_bmp::zune_core::colorspace::ColorSpace;
use zune_bmp::zune_core::options::DecoderOptions;

use super::{Decoded, Limits, Orientation, PictureHeader};

/// A decoder of bytes in memory.
type Reader<'a> = BmpDecoder<Cursor<&'a [u8]>>;

/// The decoder after reading the header; rows, columns, channels and whether there is an alpha channel.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Reader<'a>, [usize; 3], bool), String> {
    let options = DecoderOptions::default()
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .set_strict_mode(true);
    let mut decoder = BmpDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or("is a BMP picture without a size")?;
    limits.check_sides(height, width)?;
    let (channels, alpha) = match decoder.colorspace() {
        Some(ColorSpace::Luma) => (1, false),
        Some(ColorSpace::RGB) => (3, false),
        Some(ColorSpace::RGBA) => (3, true),
        other => {
            return Err(format!("is a BMP picture of colours {other:?}, which are not supported"));
        }
    };
    Ok((decoder, [height, width, channels], alpha))
}

fn damaged(error: BmpDecoderErrors) -> String {
    format!("is a damaged BMP picture ({})", format!("{error:?}").trim())
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let (_, [height, width, channels], _) = open(bytes, limits)?;
    Ok(PictureHeader::new(height, width, channels))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    let (mut decoder, [height, width, channels], alpha) = open(bytes, limits)?;
    let mut pixels = decoder.decode().map_err(damaged)?;
    // Most writers set the fourth byte of every pixel to 0 and mean opaque pixels.
    if alpha && pixels.chunks_exact(4).all(|pixel| pixel[3] == 0) {
        pixels.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = u8::MAX);
    }
    let orientation = Orientation::default();
    Ok(Decoded { height, width, channels, alpha, pixels, peak: None, orientation })
}
