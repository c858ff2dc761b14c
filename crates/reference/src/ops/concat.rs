//! Concatenation of the inputs' channels.

use crate::Maps;
use modiste_spec::Shape;

/// Maps (n, h, w, c1), (n, h, w, c2), ... to (n, h, w, c1 + c2 + ...).
pub fn concat_forward(inputs: &[&Maps]) -> Maps {
    let Maps { n, shape, .. } = *inputs[0];
    let channels = inputs.iter().map(|x| x.shape.channels).sum();
    let mut values = Vec::with_capacity(n * shape.pixels() * channels);
    for pixel in 0..n * shape.pixels() {
        for x in inputs {
            let c = x.shape.channels;
            values.extend_from_slice(&x.values[pixel * c..][..c]);
        }
    }
    Maps::new(n, Shape { channels, ..shape }, values)
}

/// The gradient of each input: its own channels of `dy`.
pub fn concat_backward(inputs: &[Shape], dy: &Maps) -> Vec<Maps> {
    let mut first = 0;
    let cut = |shape: &Shape| {
        let pixels = dy.values.chunks_exact(dy.shape.channels);
        let values = pixels.flat_map(|p| &p[first..first + shape.channels]).copied().collect();
        first += shape.channels;
        Maps::new(dy.n, *shape, values)
    };
    inputs.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::random_maps;

    #[test]
    fn channels_are_joined_and_split_again() {
        let shapes = [2, 1, 3].map(|c| Shape::new(5, 7, c));
        let inputs = shapes.map(|shape| random_maps(3, shape, shape.channels as u64));
        let y = concat_forward(&[&inputs[0], &inputs[1], &inputs[2]]);
        assert_eq!(y.shape, Shape::new(5, 7, 6));
        assert_eq!(y.values[y.at(2, 4, 6) + 2], inputs[1].values[inputs[1].at(2, 4, 6)]);
        assert_eq!(concat_backward(&shapes, &y), inputs); // a permutation: its transpose undoes it
    }
}
