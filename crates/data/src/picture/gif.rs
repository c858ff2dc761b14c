//! GIF; only the first frame is used.

use std::io::Cursor;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::{Decoded, Limits, Orientation, PictureHeader};

/// The decoder after reading the header.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<gif::Decoder<Cursor<&'a [u8]>>, String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let most = 4 * limits.pixels as u64;
    options
        .set_memory_limit(NonZeroU64::new(most).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let decoder = options.read_info(Cursor::new(bytes)).map_err(damaged)?;
    limits.check_sides(decoder.height().into(), decoder.width().into())?;
    Ok(decoder)
}

fn damaged(error: gif::DecodingError) -> String {
    format!("is a damaged GIF picture ({error})")
}

pub(super) fn look(bytes: &[u8], limits: &Limits) -> Result<PictureHeader, String> {
    let decoder = open(bytes, limits)?;
    Ok(PictureHeader::new(decoder.height().into(), decoder.width().into(), 3))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    let mut decoder = open(bytes, limits)?;
    let (height, width) = (usize::from(decoder.height()), usize::from(decoder.width()));
    let mut pixels = vec![0; 4 * height * width];
    let frame = decoder.read_next_frame().map_err(damaged)?;
    let frame = frame.ok_or("is a GIF picture without a frame")?;
    let [top, left] = [frame.top, frame.left].map(usize::from);
    let [rows, columns] = [frame.height, frame.width].map(usize::from);
    if top + rows > height || left + columns > width {
        return Err("is a damaged GIF picture (its frame is outside)".to_owned());
    }
    // The frame covers part of the picture; the rest is transparent.
    for (y, row) in frame.buffer.chunks_exact((4 * columns).max(1)).enumerate() {
        pixels[4 * ((top + y) * width + left)..][..4 * columns].copy_from_slice(row);
    }
    let orientation = Orientation::default();
    Ok(Decoded { height, width, channels: 3, alpha: true, pixels, peak: None, orientation })
}
