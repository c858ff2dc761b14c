//! Dropout with the masks that all engines draw.

use crate::Maps;
use modiste_spec::NodeId;
use modiste_spec::random::{Purpose, Stream, dropout_keeps, dropout_threshold};

/// The key of a mask: the run's seed, the node and the training step.
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    /// The run's seed.
    pub seed: u64,
    /// The node's [`modiste_spec::Network::mask_key`].
    pub node: NodeId,
    /// Number of steps before this one.
    pub step: u64,
}

/// Zeroes dropped elements and multiplies the kept ones by 1 / (1 - rate); elements are numbered in
/// the order (n, h, w, c) of the batch.
pub fn dropout_forward(x: &Maps, rate: f64, mask: Mask) -> Maps {
    let node = u32::try_from(mask.node).expect("a node's position fits into 24 bits");
    let stream = Stream::new(mask.seed, Purpose::Dropout, node, mask.step);
    let threshold = dropout_threshold(rate);
    let kept = |i: usize| dropout_keeps(&stream, i as u64, threshold);
    let values = x.values.iter().enumerate();
    let values = values.map(|(i, &v)| if kept(i) { v / (1.0 - rate) } else { 0.0 });
    Maps::new(x.n, x.shape, values.collect())
}

/// The same mask and factor on the gradient.
pub fn dropout_backward(dy: &Maps, rate: f64, mask: Mask) -> Maps {
    dropout_forward(dy, rate, mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};
    use modiste_spec::Shape;

    #[test]
    fn gradient_is_the_finite_difference() {
        let (shape, mask) = (Shape::new(5, 7, 3), Mask { seed: 9, node: 4, step: 2 });
        let (x, dy) = (random_maps(3, shape, 1), random_maps(3, shape, 2));
        expect_gradient("dx", &x.values, &dropout_backward(&dy, 0.3, mask).values, |x| {
            let x = Maps::new(3, shape, x.to_vec());
            dot(&dropout_forward(&x, 0.3, mask).values, &dy.values)
        });
    }

    #[test]
    fn kept_values_are_scaled_and_steps_have_different_masks() {
        let ones = Maps::new(1, Shape::new(20, 20, 10), vec![1.0; 4000]);
        let mask = Mask { seed: 9, node: 4, step: 2 };
        let first = dropout_forward(&ones, 0.5, mask);
        assert!(first.values.iter().all(|&v| v == 0.0 || v == 2.0));
        let mean = first.values.iter().sum::<f64>() / 4000.0;
        assert!((0.95..1.05).contains(&mean), "{mean}");
        assert_ne!(first, dropout_forward(&ones, 0.5, Mask { step: 3, ..mask }));
        assert_ne!(first, dropout_forward(&ones, 0.5, Mask { node: 5, ..mask }));
        assert_ne!(first, dropout_forward(&ones, 0.5, Mask { seed: 8, ..mask }));
    }
}
