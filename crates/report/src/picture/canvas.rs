//! A picture to draw rectangles and text on, and its encoding as PNG.

use super::font::{ADVANCE, HEIGHT, glyph};
use crate::ReportError;

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

/// An RGB picture.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>, // (height, width, 3)
}

impl Canvas {
    /// A picture of one colour.
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self { width, height, pixels: colour.repeat(width * height) }
    }

    /// Fills a rectangle; what lies outside is left out.
    pub(super) fn fill(&mut self, x: usize, y: usize, size: [usize; 2], colour: Colour) {
        for row in y..(y + size[1]).min(self.height) {
            for column in x..(x + size[0]).min(self.width) {
                self.pixels[(row * self.width + column) * 3..][..3].copy_from_slice(&colour);
            }
        }
    }

    /// Writes `text` with its upper left corner at (x, y), a dot being `scale` pixels wide.
    pub(super) fn text(&mut self, x: usize, y: usize, scale: usize, colour: Colour, text: &str) {
        for_each_dot(text, |right, down| {
            self.fill(x + right * scale, y + down * scale, [scale; 2], colour);
        });
    }

    /// Writes `text` upwards, its start at (x, y), x the left of its upper side.
    pub(super) fn text_up(&mut self, x: usize, y: usize, scale: usize, colour: Colour, text: &str) {
        for_each_dot(text, |right, down| {
            let y = y.saturating_sub((right + 1) * scale);
            self.fill(x + down * scale, y, [scale; 2], colour);
        });
    }

    /// The picture as a PNG file.
    pub(super) fn into_png(self) -> Result<Vec<u8>, ReportError> {
        encode_png(&self.pixels, [self.height, self.width, 3])
    }
}

/// Length of `text` in pixels.
pub(super) fn text_width(text: &str, scale: usize) -> usize {
    (text.chars().count() * ADVANCE).saturating_sub(1) * scale
}

/// Calls `draw` with the position of each dot of `text`.
fn for_each_dot(text: &str, mut draw: impl FnMut(usize, usize)) {
    for (i, character) in text.chars().enumerate() {
        let (rows, hang) = glyph(character);
        for (row, bits) in rows.iter().enumerate().take(HEIGHT) {
            for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                draw(i * ADVANCE + column, row + hang);
            }
        }
    }
}

/// `pixels` (h, w, c) with 1 or 3 channels as a PNG file.
pub(crate) fn encode_png(pixels: &[u8], shape: [usize; 3]) -> Result<Vec<u8>, ReportError> {
    let [height, width, channels] = shape;
    let wrong = || ReportError::Picture { bytes: pixels.len(), height, width, channels };
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => return Err(wrong()),
    };
    let sides = (u32::try_from(width), u32::try_from(height));
    let (Ok(columns), Ok(rows)) = sides else { return Err(wrong()) };
    if width.checked_mul(height).and_then(|n| n.checked_mul(channels)) != Some(pixels.len()) {
        return Err(wrong());
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, columns, rows);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|_| wrong())?;
    writer.write_image_data(pixels).map_err(|_| wrong())?;
    writer.finish().map_err(|_| wrong())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn a_picture_survives_png() {
        let grey: Vec<u8> = (0..6).collect();
        assert_eq!(decode(&encode_png(&grey, [2, 3, 1]).unwrap()), (3, 2, grey));
        let mut canvas = Canvas::new(4, 2, [9, 8, 7]);
        canvas.fill(3, 1, [5, 5], [1, 2, 3]);
        let (width, height, pixels) = decode(&canvas.into_png().unwrap());
        assert_eq!((width, height), (4, 2));
        assert_eq!(pixels[..3], [9, 8, 7]);
        assert_eq!(pixels[21..], [1, 2, 3]);
    }

    #[test]
    fn pixels_that_do_not_fit_are_an_error() {
        for shape in [[2, 3, 2], [2, 2, 1], [0, 0, 1], [usize::MAX, 2, 3]] {
            let error = encode_png(&[0; 6], shape).unwrap_err().to_string();
            assert!(error.starts_with("6 bytes are not an image of"), "{error}");
        }
    }

    #[test]
    fn text_upwards_is_text_turned() {
        let (mut plain, mut turned) = (Canvas::new(30, 30, [0; 3]), Canvas::new(30, 30, [0; 3]));
        plain.text(0, 0, 1, [255; 3], "Lp");
        turned.text_up(0, 30, 1, [255; 3], "Lp");
        let at = |canvas: &Canvas, x: usize, y: usize| canvas.pixels[(y * 30 + x) * 3];
        let mut dots = 0;
        for x in 0..30 {
            for y in 0..30 {
                dots += u32::from(at(&plain, x, y) > 0);
                assert_eq!(at(&plain, x, y), at(&turned, y, 29 - x));
            }
        }
        assert!(dots > 20);
    }
}
