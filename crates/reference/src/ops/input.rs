//! Conversion of pixels to numbers; it has no gradient.

use crate::Maps;
use modiste_spec::{Shape, engine::PIXEL_MAX};

/// Pixels (n, h, w, c) as numbers in [0, 1].
pub fn input_forward(images: &[u8], shape: Shape) -> Maps {
    let values = images.iter().map(|&pixel| f64::from(pixel) / f64::from(PIXEL_MAX)).collect();
    Maps::new(images.len() / shape.len(), shape, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_lie_between_zero_and_one() {
        let maps = input_forward(&[0, 51, 255], Shape::new(1, 1, 1));
        assert_eq!((maps.n, maps.values), (3, vec![0.0, 0.2, 1.0]));
    }
}
