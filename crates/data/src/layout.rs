//! The order of values in coloured images: channels last, or first as in CIFAR's files.

use modiste_spec::Shape;

use crate::dataset::Images;

/// Number of images examined.
const SAMPLE: usize = 200;
/// Neighbours in one order must differ by less than this share of the difference in the other order.
const CLEARLY: f64 = 0.8;

/// Whether images assumed to be (h, w, 3) are really (3, h, w): neighbouring pixels are similar only in
/// the right order.
pub(crate) fn is_channels_first(images: &Images) -> bool {
    let Shape { height, width, channels } = images.shape;
    if channels != 3 || width < 8 || height < 8 {
        return false;
    }
    let plane = height * width;
    let (mut first, mut last) = (0_u64, 0_u64);
    for i in 0..images.len().min(SAMPLE) {
        let pixels = images.get(i);
        for y in 0..height {
            for x in 1..width {
                let at = y * width + x;
                for channel in 0..3 {
                    let there = channel * plane + at;
                    first += u64::from(pixels[there].abs_diff(pixels[there - 1]));
                    let here = 3 * at + channel;
                    last += u64::from(pixels[here].abs_diff(pixels[here - 3]));
                }
            }
        }
    }
    (first as f64) < CLEARLY * last as f64
}

/// Reorders (n, c, h, w) to (n, h, w, c); the shape is already (h, w, c).
pub(crate) fn channels_last(images: &mut Images) {
    let Shape { height, width, channels } = images.shape;
    let plane = height * width;
    let mut image = vec![0; images.shape.len()];
    for pixels in images.pixels.chunks_exact_mut(image.len()) {
        for (at, pixel) in image.chunks_exact_mut(channels).enumerate() {
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = pixels[channel * plane + at];
            }
        }
        pixels.copy_from_slice(&image);
    }
}

/// Exchanges rows and columns of grey images, which EMNIST's files need.
pub(crate) fn transpose(images: &mut Images) {
    let Shape { height, width, channels } = images.shape;
    let mut image = vec![0; images.shape.len()];
    for pixels in images.pixels.chunks_exact_mut(image.len()) {
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    image[(x * height + y) * channels + c] = pixels[(y * width + x) * channels + c];
                }
            }
        }
        pixels.copy_from_slice(&image);
    }
    (images.shape.height, images.shape.width) = (width, height);
}
