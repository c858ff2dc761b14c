//! The values of a node's output for a batch.

use modiste_spec::Shape;

/// Feature maps of a batch, (n, h, w, c) with channels last.
#[derive(Clone, Debug, PartialEq)]
pub struct Maps {
    /// Images in the batch.
    pub n: usize,
    /// Shape of one image's map.
    pub shape: Shape,
    /// The values (n, h, w, c), row-major.
    pub values: Vec<f64>,
}

impl Maps {
    /// Maps of zeros.
    pub fn zeros(n: usize, shape: Shape) -> Self {
        Self { n, shape, values: vec![0.0; n * shape.len()] }
    }

    /// Maps of `values` (n, h, w, c).
    ///
    /// # Panics
    /// If the number of values is not n x h x w x c.
    pub fn new(n: usize, shape: Shape, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), n * shape.len(), "{n} maps of {shape}");
        Self { n, shape, values }
    }

    /// Position of the first channel of pixel (`row`, `column`) of image `n`.
    pub fn at(&self, n: usize, row: usize, column: usize) -> usize {
        ((n * self.shape.height + row) * self.shape.width + column) * self.shape.channels
    }

    /// Applies `f` to every value.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { values: self.values.iter().map(|&v| f(v)).collect(), ..*self }
    }

    /// Adds `other` value by value.
    pub(crate) fn add(&mut self, other: &Self) {
        assert_eq!((self.n, self.shape), (other.n, other.shape), "sum of gradients");
        for (sum, &value) in self.values.iter_mut().zip(&other.values) {
            *sum += value;
        }
    }
}
