//! PNG.

use std::io::Cursor;

use png::{ColorType, Transformations};

use super::{Decoded, Limits, Orientation};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, String> {
    let damaged = |error: png::DecodingError| format!("is a damaged PNG picture ({error})");
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits::default());
    decoder.set_transformations(Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(damaged)?;
    limits.check_sides(info.height as usize, info.width as usize)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
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
    let (height, width) = (frame.height as usize, frame.width as usize);
    let orientation = orientation.unwrap_or_default();
    Ok(Decoded { height, width, channels, alpha, pixels, orientation })
}
