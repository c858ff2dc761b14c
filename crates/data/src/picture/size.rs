//! Reads the size of a picture from its header, without decoding pixels.

use std::io::Cursor;

use image_webp::WebPDecoder;
use zune_bmp::BmpDecoder;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Format, Limits, look};

/// No limits: the caller judges the size.
const UNLIMITED: Limits = Limits { bytes: usize::MAX, pixels: usize::MAX >> 8, side: usize::MAX };

/// Rows and columns in the header of the picture file `bytes`; `None` if it cannot be read.
pub fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    let file = Cursor::new(bytes);
    let (width, height) = match Format::of(bytes)? {
        Format::Png => {
            let mut decoder = png::Decoder::new(file);
            let info = decoder.read_header_info().ok()?;
            (info.width as usize, info.height as usize)
        }
        Format::Jpeg => {
            let mut decoder = JpegDecoder::new_with_options(file, options);
            decoder.decode_headers().ok()?;
            decoder.dimensions()?
        }
        Format::WebP => {
            let (width, height) = WebPDecoder::new(file).ok()?.dimensions();
            (width as usize, height as usize)
        }
        Format::Bmp => {
            let mut decoder = BmpDecoder::new_with_options(file, options);
            decoder.decode_headers().ok()?;
            decoder.dimensions()?
        }
        Format::Gif | Format::Tiff => {
            let seen = look(bytes, &UNLIMITED).ok()?;
            (seen.width, seen.height)
        }
    };
    Some((height, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_png_is_enough() {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 300, 20);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[7; 6000]).unwrap();
        assert_eq!(size(&file), Some((20, 300)));
        assert_eq!(size(&file[..40]), Some((20, 300)));
        assert_eq!(size(&file[..20]), None);
        assert_eq!(size(b"GIF89a"), None);
    }
}
