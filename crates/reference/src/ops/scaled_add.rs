//! First input + scale x second input.

use crate::Maps;

/// a + scale x b.
pub fn scaled_add_forward(a: &Maps, b: &Maps, scale: f64) -> Maps {
    let mut y = b.map(|v| scale * v);
    y.add(a);
    y
}

/// The gradients of a and b.
pub fn scaled_add_backward(dy: &Maps, scale: f64) -> [Maps; 2] {
    [dy.clone(), dy.map(|v| scale * v)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::differences::{dot, expect_gradient, random_maps};
    use modiste_spec::Shape;

    #[test]
    fn gradients_are_finite_differences() {
        let shape = Shape::new(5, 7, 3);
        let [a, b, dy] = [1, 2, 3].map(|seed| random_maps(2, shape, seed));
        let [da, db] = scaled_add_backward(&dy, -0.7);
        let loss = |a: &Maps, b: &Maps| dot(&scaled_add_forward(a, b, -0.7).values, &dy.values);
        let maps = |values: &[f64]| Maps::new(2, shape, values.to_vec());
        expect_gradient("da", &a.values, &da.values, |a| loss(&maps(a), &b));
        expect_gradient("db", &b.values, &db.values, |b| loss(&a, &maps(b)));
    }
}
