//! A heat map laid over its image.

use modiste_draw::Picture;
use modiste_spec::Shape;

use crate::{ExplainError, HeatMap};

/// Colours of heat from 0 to 1 in even steps: the key colours of the map "inferno" (van der Walt and
/// Smith 2015), whose lightness rises evenly, so that they can be distinguished without seeing colours.
const COLOURS: [[f32; 3]; 6] = [
    [0.0, 0.0, 4.0],
    [66.0, 10.0, 104.0],
    [147.0, 38.0, 103.0],
    [221.0, 81.0, 58.0],
    [252.0, 165.0, 10.0],
    [252.0, 255.0, 164.0],
];
/// How strongly the colour of the greatest heat covers the image.
const STRENGTH: f32 = 0.75;

/// The image (h, w, c) with every pixel as a square of `scale` pixels.
///
/// # Errors
/// If the pixels are not an image of `shape` with 1 or 3 channels.
pub fn enlarged(pixels: &[u8], shape: Shape, scale: usize) -> Result<Picture, ExplainError> {
    picture(pixels, shape, scale, |_, colour| colour)
}

/// The enlarged image with `map`, smoothly enlarged, over it: the hotter, the more of the colour
/// and the less of the image.
///
/// # Errors
/// As [`enlarged`].
pub fn overlay(
    map: &HeatMap,
    pixels: &[u8],
    shape: Shape,
    scale: usize,
) -> Result<Picture, ExplainError> {
    let map = map.resized(shape.height * scale, shape.width * scale);
    picture(pixels, shape, scale, |at, colour| {
        let heat = map.values[at];
        let (over, part) = (heat_colour(heat), STRENGTH * heat);
        std::array::from_fn(|i| (f32::from(colour[i]) * (1.0 - part) + over[i] * part) as u8)
    })
}

/// The enlarged image, with each pixel changed by `change`, which gets its position.
fn picture(
    pixels: &[u8],
    shape: Shape,
    scale: usize,
    change: impl Fn(usize, [u8; 3]) -> [u8; 3],
) -> Result<Picture, ExplainError> {
    let c = shape.channels;
    if pixels.len() != shape.len() {
        return Err(ExplainError::Image { bytes: pixels.len(), shape });
    }
    let (height, width) = (shape.height * scale, shape.width * scale);
    let mut rgb = Vec::with_capacity(height * width * 3);
    for at in 0..height * width {
        let (row, column) = (at / width / scale, at % width / scale);
        let pixel = &pixels[(row * shape.width + column) * c..][..c];
        let colour = match *pixel {
            [grey] => [grey; 3],
            [red, green, blue] => [red, green, blue],
            _ => return Err(ExplainError::Channels(shape)),
        };
        rgb.extend(change(at, colour));
    }
    Ok(Picture::new(rgb, [height, width, 3])?)
}

/// Red, green and blue of a heat from 0 to 1.
fn heat_colour(heat: f32) -> [f32; 3] {
    let place = heat.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let low = (place as usize).min(COLOURS.len() - 2);
    let part = place - low as f32;
    std::array::from_fn(|i| COLOURS[low][i] + part * (COLOURS[low + 1][i] - COLOURS[low][i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_pixels_stay_unchanged_and_hot_ones_are_coloured() {
        let (shape, pixels) = (Shape::new(1, 2, 1), [100, 100]);
        let map = HeatMap::new(1, 2, vec![0.0, 3.0]);
        let found = overlay(&map, &pixels, shape, 1).unwrap();
        assert_eq!(found.shape(), [1, 2, 3]);
        let hot = [252.0, 255.0, 164.0].map(|over| (25.0 + 0.75 * over) as u8);
        assert_eq!(found.pixels(), [&[100; 3][..], &hot].concat());
    }

    #[test]
    fn enlarging_keeps_squares_and_colours() {
        let coloured = enlarged(&[1, 2, 3, 4, 5, 6], Shape::new(2, 1, 3), 2).unwrap();
        assert_eq!(coloured.shape(), [4, 2, 3]);
        assert_eq!(coloured.pixels(), [[1, 2, 3].repeat(4), [4, 5, 6].repeat(4)].concat());
    }

    #[test]
    fn images_that_cannot_be_shown_are_errors() {
        let error = |pixels: &[u8], shape| enlarged(pixels, shape, 1).unwrap_err().to_string();
        assert_eq!(error(&[0; 5], Shape::new(2, 2, 1)), "5 bytes are not an image of 2x2x1");
        let two = error(&[0; 8], Shape::new(2, 2, 2));
        assert_eq!(two, "images of 2x2x2 cannot be shown; images have 1 or 3 channels");
    }
}
