//! Pictures of pixels and their encoding.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::DrawError;

/// Pixels, (h, w, c), with 1 channel for grey or 3 for red, green, blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pixels: Vec<u8>,
    shape: [usize; 3],
}

impl Picture {
    /// A picture of `pixels` with the height, width and channels of `shape`.
    ///
    /// # Errors
    /// If pixels and shape do not fit, there is no pixel, or the channels are not 1 or 3.
    pub fn new(pixels: Vec<u8>, shape: [usize; 3]) -> Result<Self, DrawError> {
        let [height, width, channels] = shape;
        let fits = (1..=1 << 16).contains(&height)
            && (1..=1 << 16).contains(&width)
            && [1, 3].contains(&channels)
            && height * width * channels == pixels.len();
        if !fits {
            return Err(DrawError::Picture { bytes: pixels.len(), height, width, channels });
        }
        Ok(Self { pixels, shape })
    }

    /// Height, width and channels.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The pixels, (h, w, c).
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Red, green and blue of a pixel.
    pub(crate) fn rgb(&self, row: usize, column: usize) -> [u8; 3] {
        let [_, width, channels] = self.shape;
        let at = (row * width + column) * channels;
        match channels {
            1 => [self.pixels[at]; 3],
            _ => [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]],
        }
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let [height, width, channels] = self.shape;
        let colour = if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        // Writing to a vector cannot fail, and the sizes were checked.
        let mut writer = encoder.write_header().expect("the header is valid");
        writer.write_image_data(&self.pixels).expect("the pixels are all there");
        writer.finish().expect("a vector can be written");
        file
    }

    /// The picture as the address of a page's image, `data:image/png;base64,...`.
    pub fn data_url(&self) -> String {
        format!("data:image/png;base64,{}", BASE64_STANDARD.encode(self.png()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_png() {
        let pixels: Vec<u8> = (0..18).collect();
        for (shape, count) in [([2, 3, 1], 6), ([2, 3, 3], 18)] {
            let file = Picture::new(pixels[..count].to_vec(), shape).unwrap().png();
            let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
            let mut read = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut read).unwrap();
            assert_eq!((info.height, info.width), (2, 3));
            assert_eq!(read, pixels[..count]);
        }
    }

    #[test]
    fn pixels_that_do_not_fit_are_an_error() {
        for shape in [[2, 3, 2], [2, 2, 1], [0, 0, 1], [usize::MAX, 2, 3]] {
            let error = Picture::new(vec![0; 6], shape).unwrap_err().to_string();
            assert!(error.starts_with("6 bytes are not a picture of"), "{error}");
        }
        assert!(Picture::new(Vec::new(), [0, 4, 1]).is_err());
    }
}
