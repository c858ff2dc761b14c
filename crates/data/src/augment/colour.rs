//! Changes of brightness, contrast and saturation.

/// Factors of torchvision's `adjust_brightness`, `adjust_contrast` and `adjust_saturation`, applied
/// in this order and rounded once at the end. A factor of 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// Factor of every value.
    pub brightness: f64,
    /// Factor of every value's distance from the mean grey of the image.
    pub contrast: f64,
    /// Factor of every value's distance from the grey of its pixel; has no effect on grey images.
    pub saturation: f64,
}

/// Weights of red, green and blue in grey (ITU-R 601-2).
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

impl Colour {
    /// Changes an image (h, w, `channels`) in place.
    pub fn apply(&self, image: &mut [u8], channels: usize) {
        let tones = self.tones(image, channels);
        let factor = self.saturation as f32;
        if channels != 3 || factor == 1.0 {
            image.iter_mut().for_each(|value| *value = to_byte(tones[usize::from(*value)]));
            return;
        }
        for pixel in image.chunks_exact_mut(3) {
            let values = [pixel[0], pixel[1], pixel[2]].map(|value| tones[usize::from(value)]);
            let grey = grey(values);
            for (out, value) in pixel.iter_mut().zip(values) {
                *out = to_byte(grey + factor * (value - grey));
            }
        }
    }

    /// The table of values after brightness and contrast.
    fn tones(&self, image: &[u8], channels: usize) -> [f32; 256] {
        let mut tones = [0.0; 256];
        for (value, tone) in (0_u8..=255).zip(&mut tones) {
            *tone = (f32::from(value) * self.brightness as f32).min(255.0);
        }
        if self.contrast != 1.0 {
            let mean = mean_grey(image, channels, &tones);
            for tone in &mut tones {
                *tone = (mean + self.contrast as f32 * (*tone - mean)).clamp(0.0, 255.0);
            }
        }
        tones
    }
}

fn grey(values: [f32; 3]) -> f32 {
    values.iter().zip(GREY).map(|(value, share)| value * share).sum()
}

/// The mean grey of the image after applying `tones`.
fn mean_grey(image: &[u8], channels: usize, tones: &[f32; 256]) -> f32 {
    // Counting values first costs one addition per byte.
    let mut counts = [[0_u32; 256]; 3];
    for pixel in image.chunks_exact(channels) {
        for (counts, &value) in counts.iter_mut().zip(pixel) {
            counts[usize::from(value)] += 1;
        }
    }
    let pixels = (image.len() / channels).max(1) as f32;
    let mean = |counts: &[u32; 256]| {
        counts.iter().zip(tones).map(|(&n, tone)| n as f32 * tone).sum::<f32>() / pixels
    };
    match channels {
        3 => grey([mean(&counts[0]), mean(&counts[1]), mean(&counts[2])]),
        _ => mean(&counts[0]),
    }
}

/// The nearest byte.
fn to_byte(value: f32) -> u8 {
    (value + 0.5) as u8
}
