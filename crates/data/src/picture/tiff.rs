//! TIFF: grey or coloured, 8 or 16 bits per channel, with or without a palette.

use std::io::Cursor;

use tiff::ColorType;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

use super::{Decoded, Limits, Orientation, PictureHeader, narrow};

/// A decoder of bytes in memory.
type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// The decoder after reading the header, and the size of the picture.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Reader<'a>, usize, usize), String> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    limits.check_sides(height as usize, width as usize)?;
    let mut bounds = tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = 8 * limits.pixels;
    bounds.intermediate_buffer_size = 8 * limits.pixels;
    Ok((decoder.with_limits(bounds), height as usize, width as usize))
}

fn damaged(error: TiffError) -> String {
    format!("is a damaged TIFF picture ({error})")
}

/// The number of channels, and whether there is an alpha channel.
fn channels(colour: ColorType) -> Result<(usize, bool), String> {
    match colour {
        ColorType::Gray(1 | 2 | 4 | 8 | 16) => Ok((1, false)),
        ColorType::GrayA(8 | 16) => Ok((1, true)),
        ColorType::RGB(8 | 16) | ColorType::Palette(8) => Ok((3, false)),
        ColorType::RGBA(8 | 16) => Ok((3, true)),
        other => Err(format!("is a TIFF picture of colours {other:?}, which are not supported")),
    }
}

fn orientation(decoder: &mut Decoder<Cursor<&[u8]>>) -> Orientation {
    let number = decoder.find_tag_unsigned::<u16>(Tag::Orientation).ok().flatten();
    Orientation::of(number)
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let (mut decoder, height, width) = open(bytes, limits)?;
    let colour = decoder.colortype().map_err(damaged)?;
    let (channels, _) = channels(colour)?;
    let deep = matches!(colour, ColorType::Gray(16) | ColorType::GrayA(16))
        || matches!(colour, ColorType::RGB(16) | ColorType::RGBA(16));
    let orientation = orientation(&mut decoder);
    Ok(PictureHeader::new(height, width, channels).deep(deep).turned(orientation))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, white: Option<u16>) -> Result<Decoded, String> {
    let (mut decoder, height, width) = open(bytes, limits)?;
    let colour = decoder.colortype().map_err(damaged)?;
    let (channels, alpha) = channels(colour)?;
    let orientation = orientation(&mut decoder);
    let read = decoder.read_image().map_err(damaged)?;
    let step = channels + usize::from(alpha);
    let (mut pixels, peak) = match read {
        DecodingResult::U8(pixels) => (pixels, None),
        DecodingResult::U16(values) => narrow(&values, step, alpha, white),
        _ => return Err("is a TIFF picture of signed or fractional values".to_owned()),
    };
    match colour {
        ColorType::Gray(bits @ (1 | 2 | 4)) => pixels = unpack(&pixels, width, bits),
        ColorType::Palette(_) => {
            let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(damaged)?;
            pixels = colours(&pixels, &map)?;
        }
        _ => {}
    }
    if pixels.len() != height * width * step {
        let there = pixels.len();
        return Err(format!("is a damaged TIFF picture ({there} bytes for {height} x {width})"));
    }
    Ok(Decoded { height, width, channels, alpha, pixels, peak, orientation })
}

/// Unpacks values of 1, 2 or 4 bits, with rows starting at a byte, to bytes from 0 to 255.
fn unpack(packed: &[u8], width: usize, bits: u8) -> Vec<u8> {
    let each = usize::from(8 / bits);
    let most = (1_u16 << bits) - 1;
    let row_bytes = width.div_ceil(each).max(1);
    let mut pixels = Vec::with_capacity(packed.len() * each);
    for row in packed.chunks_exact(row_bytes) {
        for x in 0..width {
            let shift = 8 - bits * (x % each + 1) as u8;
            let value = u16::from(row[x / each] >> shift) & most;
            pixels.push((value * 255 / most) as u8);
        }
    }
    pixels
}

/// Looks up colours in a palette: all reds, all greens, all blues, 16 bits each.
fn colours(indices: &[u8], map: &[u16]) -> Result<Vec<u8>, String> {
    let count = map.len() / 3;
    let mut pixels = Vec::with_capacity(3 * indices.len());
    for &index in indices {
        let index = usize::from(index);
        if index >= count {
            return Err("is a damaged TIFF picture (a colour beyond its palette)".to_owned());
        }
        pixels.extend([0, 1, 2].map(|channel| (map[channel * count + index] >> 8) as u8));
    }
    Ok(pixels)
}
