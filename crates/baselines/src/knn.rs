//! Nearest neighbours by exhaustive search.
//!
//! Squared distances of bytes are whole numbers, so ties are exact: of equally near training images
//! the first counts, and of equal numbers of votes the lower class wins.

use modiste_kernels::bytes::dots;
use modiste_kernels::isa::Isa;
use serde_json::{Value, json};

use crate::parallel::Team;
use crate::samples::Samples;
use crate::{BaselineError, Classifier, KnnSettings};

/// Number of images predicted as one unit of work.
const IMAGES: usize = 16;
/// Number of training images that stay in the caches while a unit of images is compared with them.
const ROWS: usize = 64;

/// The training images, with their norms.
pub(crate) struct Knn<'a> {
    isa: Isa,
    k: usize,
    train: Samples<'a>,
    /// |y|^2 of each training image.
    norms: Vec<u64>,
}

/// Stores the training images.
pub(crate) fn fit<'a>(settings: &KnnSettings, train: &Samples<'a>) -> Knn<'a> {
    let norm = |i| train.image(i).iter().map(|&p| u64::from(p) * u64::from(p)).sum();
    let norms = (0..train.len()).map(norm).collect();
    Knn { isa: Isa::best(), k: settings.k, train: *train, norms }
}

impl Knn<'_> {
    /// The classes of a few images.
    fn classes_of(&self, images: &[u8]) -> Vec<u16> {
        let (values, n) = (self.train.values, self.train.len());
        let count = images.len() / values;
        // |x - y|^2 - |x|^2, which gives the same order, and the training image's number: (images, n).
        let mut near: Vec<(i64, u32)> = vec![(0, 0); count * n];
        let mut products = [0; ROWS];
        for (block, rows) in self.train.pixels.chunks(ROWS * values).enumerate() {
            let first = block * ROWS;
            let products = &mut products[..rows.len() / values];
            for (i, image) in images.chunks_exact(values).enumerate() {
                dots(self.isa, image, rows, products);
                for (j, &product) in products.iter().enumerate() {
                    let distance = self.norms[first + j] as i64 - 2 * product as i64;
                    near[i * n + first + j] = (distance, (first + j) as u32);
                }
            }
        }
        near.chunks_exact_mut(n).map(|near| self.vote(near)).collect()
    }

    /// The most frequent class among the k nearest, the lowest of equal ones.
    fn vote(&self, near: &mut [(i64, u32)]) -> u16 {
        near.select_nth_unstable(self.k - 1);
        let mut votes = vec![0_usize; self.train.classes];
        for &(_, image) in &near[..self.k] {
            votes[usize::from(self.train.labels[image as usize])] += 1;
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        votes.iter().position(|&count| count == most).unwrap_or(0) as u16
    }
}

impl Classifier for Knn<'_> {
    fn predict(&self, images: &[u8], team: &mut Team<'_>) -> Result<Vec<u16>, BaselineError> {
        team.predict(images, self.train.values, IMAGES, &|images| self.classes_of(images))
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("bytes", json!(self.train.pixels.len()))]
    }
}
