//! All values of a map as the channels of one pixel.

use crate::Maps;
use modiste_spec::Shape;

/// Output (n, 1, 1, h w c), the same values in the same order.
pub fn flatten_forward(x: &Maps) -> Maps {
    Maps::new(x.n, Shape::new(1, 1, x.shape.len()), x.values.clone())
}

/// The gradient with respect to a map of `shape`.
pub fn flatten_backward(shape: Shape, dy: &Maps) -> Maps {
    Maps::new(dy.n, shape, dy.values.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::random_maps;

    #[test]
    fn values_keep_their_order_in_a_round_trip() {
        let x = random_maps(2, Shape::new(3, 2, 4), 1);
        let y = flatten_forward(&x);
        assert_eq!((y.shape, &y.values), (Shape::new(1, 1, 24), &x.values));
        let dx = flatten_backward(x.shape, &y);
        assert_eq!((dx.shape, dx.values), (x.shape, x.values));
    }
}
