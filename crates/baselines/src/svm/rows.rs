//! Rows of a pair's kernel matrix, computed on demand, with a cache of limited size.

use modiste_kernels::bytes::dots;
use modiste_kernels::isa::Isa;

use super::norm;
use crate::BaselineError;
use crate::samples::Samples;

/// The kernel matrix of some images, row by row.
pub(super) struct Rows {
    isa: Isa,
    gamma: f64,
    values: usize,
    /// The images (n, values).
    pixels: Vec<u8>,
    norms: Vec<u64>,
    /// The cached rows of `norms.len()` values.
    kept: Vec<Vec<f32>>,
    /// The image whose row is in each place, and when it was last used.
    owners: Vec<(usize, u64)>,
    /// The place of each image's row.
    places: Vec<Option<usize>>,
    most: usize,
    clock: u64,
    products: Vec<u64>,
}

impl Rows {
    /// The matrix of `images`; up to `bytes` bytes of rows are cached.
    ///
    /// # Errors
    /// If that is too small for two rows, which every step needs.
    pub fn new(
        isa: Isa,
        samples: &Samples<'_>,
        images: &[usize],
        gamma: f64,
        bytes: usize,
    ) -> Result<Self, BaselineError> {
        let n = images.len();
        let most = (bytes / (n * size_of::<f32>())).min(n);
        if most < 2 {
            let reason = format!("a thread's share does not hold two kernel rows of {n} images");
            let value = (bytes >> 20).to_string();
            return Err(BaselineError::Setting { setting: "cache-mb", value, reason });
        }
        Ok(Self {
            isa,
            gamma,
            values: samples.values,
            pixels: images.iter().flat_map(|&i| samples.image(i)).copied().collect(),
            norms: images.iter().map(|&i| norm(samples.image(i))).collect(),
            kept: Vec::new(),
            owners: Vec::new(),
            places: vec![None; n],
            most,
            clock: 0,
            products: vec![0; n],
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.norms.len()
    }

    /// The rows of two different images.
    pub fn two(&mut self, i: usize, j: usize) -> [&[f32]; 2] {
        let (i, j) = (self.place(i, None), self.place(j, Some(i)));
        [&self.kept[i], &self.kept[j]]
    }

    /// The row of one image.
    pub fn one(&mut self, i: usize) -> &[f32] {
        let place = self.place(i, None);
        &self.kept[place]
    }

    /// The place of the row of `image`; if necessary, it replaces the least recently used one,
    /// except that of `partner`.
    fn place(&mut self, image: usize, partner: Option<usize>) -> usize {
        self.clock += 1;
        if let Some(place) = self.places[image] {
            self.owners[place].1 = self.clock;
            return place;
        }
        let place = if self.kept.len() < self.most {
            self.kept.push(vec![0.0; self.len()]);
            self.owners.push((image, 0));
            self.kept.len() - 1
        } else {
            let others = (0..self.kept.len()).filter(|&place| Some(place) != partner);
            let oldest = others.min_by_key(|&place| self.owners[place].1).expect("two are kept");
            self.places[self.owners[oldest].0] = None;
            oldest
        };
        self.owners[place] = (image, self.clock);
        self.places[image] = Some(place);
        self.fill(image, place);
        place
    }

    /// exp(-gamma |x - y|^2), rounded to `f32` as in LIBSVM.
    fn fill(&mut self, image: usize, place: usize) {
        let row = &self.pixels[image * self.values..][..self.values];
        dots(self.isa, row, &self.pixels, &mut self.products);
        let own = self.norms[image];
        let terms = self.products.iter().zip(&self.norms);
        for (kernel, (product, norm)) in self.kept[place].iter_mut().zip(terms) {
            let distance = own + norm - 2 * product;
            *kernel = (-self.gamma * distance as f64).exp() as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(most: usize) -> Rows {
        let pixels: Vec<u8> = (0..60_u8).map(|i| i.wrapping_mul(37)).collect();
        let samples = Samples { pixels: &pixels, labels: &[0; 20], values: 3, classes: 1 };
        let images: Vec<usize> = (5..15).collect();
        Rows::new(Isa::best(), &samples, &images, 1e-5, most * 40).unwrap()
    }

    #[test]
    fn a_small_cache_gives_the_rows_of_a_large_one() {
        let (mut small, mut large) = (rows(2), rows(10));
        for step in 0..100 {
            let (i, j) = (step * 7 % 10, (step * step + 1 + step * 7) % 10);
            if i == j {
                assert_eq!(small.one(i), large.one(i));
                assert_eq!(large.one(i)[i], 1.0);
            } else {
                assert_eq!(small.two(i, j), large.two(i, j), "rows {i} and {j}");
            }
        }
        assert_eq!((small.kept.len(), large.kept.len()), (2, 10));
    }

    #[test]
    fn a_cache_of_one_row_is_refused() {
        let samples = Samples { pixels: &[0; 9], labels: &[0; 9], values: 1, classes: 1 };
        let images: Vec<usize> = (0..9).collect();
        let error = Rows::new(Isa::best(), &samples, &images, 1.0, 71).err().unwrap().to_string();
        assert!(error.starts_with("cache-mb = 0: a thread's share does not hold"), "{error}");
    }
}
