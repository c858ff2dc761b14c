//! The support vector machine: a binary one for each pair of classes, and their votes.
//!
//! This is scikit-learn's `SVC()`, that is LIBSVM's C-SVC (Chang and Lin 2011) with the kernel
//! exp(-gamma |x - y|^2). The pairs are independent of each other and are fitted in parallel.

mod rows;
mod smo;

use modiste_kernels::bytes::dots;
use modiste_kernels::isa::Isa;
use serde_json::{Value, json};

use crate::parallel::Team;
use crate::samples::Samples;
use crate::{BaselineError, Classifier, Gamma, SvmSettings};
use rows::Rows;

/// Number of images predicted as one unit of work.
const IMAGES: usize = 16;
/// Number of support vectors that stay in the caches while a unit of images is compared with them.
const VECTORS: usize = 64;
/// The square of a pixel's range: distances are computed on bytes, gamma is for pixels in 0 .. 1.
const BYTE: f64 = 255.0 * 255.0;

/// A fitted machine.
pub(crate) struct Svm {
    isa: Isa,
    values: usize,
    classes: usize,
    /// Gamma for bytes.
    gamma: f64,
    /// The support vectors of all pairs (n, values).
    vectors: Vec<u8>,
    /// |x|^2 of each support vector.
    norms: Vec<u64>,
    pairs: Vec<Pair>,
    /// Number of steps of all pairs together.
    steps: usize,
}

/// The machine of two classes: their sum of kernels is above `rho` for the first of them.
struct Pair {
    classes: [u16; 2],
    rho: f64,
    /// A support vector's position and its coefficient, alpha times the sign of its class.
    terms: Vec<(u32, f64)>,
}

/// Fits the machine of every pair of classes that have images.
pub(crate) fn fit(
    settings: &SvmSettings,
    train: &Samples<'_>,
    team: &mut Team<'_>,
) -> Result<Svm, BaselineError> {
    let isa = Isa::best();
    let gamma = match settings.gamma {
        Gamma::Scale => scale(train)?,
        Gamma::Value(gamma) => gamma / BYTE,
    };
    let members: Vec<Vec<usize>> = (0..train.classes)
        .map(|class| (0..train.len()).filter(|&i| usize::from(train.labels[i]) == class).collect())
        .collect();
    let there = || (0..train.classes).filter(|&class| !members[class].is_empty());
    let pairs: Vec<[usize; 2]> =
        there().flat_map(|a| there().filter(move |&b| b > a).map(move |b| [a, b])).collect();
    let cache = (settings.cache_mb << 20) / team.threads;
    let stop = team.stop;
    let fits = team.map("pairs of classes", pairs.len(), &|piece| {
        let [a, b] = pairs[piece];
        let images: Vec<usize> = members[a].iter().chain(&members[b]).copied().collect();
        let mut rows = Rows::new(isa, train, &images, gamma, cache)?;
        let solution =
            smo::solve(&mut rows, members[a].len(), settings, stop).map_err(|e| e.of_pair(a, b))?;
        Ok((images, solution))
    })?;
    Ok(Svm::collect(isa, train, gamma, &pairs, fits))
}

/// scikit-learn's gamma = "scale", for bytes.
fn scale(train: &Samples<'_>) -> Result<f64, BaselineError> {
    let [_, variance] = train.moments();
    if variance > 0.0 {
        return Ok(1.0 / (train.values as f64 * variance));
    }
    let reason = "all pixels are equal, so it has no value; give a number".to_owned();
    Err(BaselineError::Setting { setting: "gamma", value: "scale".to_owned(), reason })
}

impl Svm {
    /// Stores each support vector once, however many pairs use it.
    fn collect(
        isa: Isa,
        train: &Samples<'_>,
        gamma: f64,
        pairs: &[[usize; 2]],
        fits: Vec<(Vec<usize>, smo::Solution)>,
    ) -> Self {
        let mut place: Vec<Option<u32>> = vec![None; train.len()];
        let (mut vectors, mut norms, mut all, mut steps) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (&[a, b], (images, solution)) in pairs.iter().zip(fits) {
            steps += solution.steps;
            let mut terms = Vec::new();
            for (&image, &coefficient) in images.iter().zip(&solution.coefficients) {
                if coefficient != 0.0 {
                    let at = *place[image].get_or_insert_with(|| {
                        vectors.extend_from_slice(train.image(image));
                        norms.push(norm(train.image(image)));
                        norms.len() as u32 - 1
                    });
                    terms.push((at, coefficient));
                }
            }
            all.push(Pair { classes: [a as u16, b as u16], rho: solution.rho, terms });
        }
        let (values, classes) = (train.values, train.classes);
        Self { isa, values, classes, gamma, vectors, norms, pairs: all, steps }
    }

    /// The classes of a few images.
    fn classes_of(&self, images: &[u8]) -> Vec<u16> {
        let count = images.len() / self.values;
        let n = self.norms.len();
        let mut kernels = vec![0.0_f64; count * n]; // (images, vectors)
        let mut products = [0; VECTORS];
        for (block, vectors) in self.vectors.chunks(VECTORS * self.values).enumerate() {
            let first = block * VECTORS;
            let products = &mut products[..vectors.len() / self.values];
            for (i, image) in images.chunks_exact(self.values).enumerate() {
                dots(self.isa, image, vectors, products);
                let own = norm(image);
                for (j, product) in products.iter().enumerate() {
                    let distance = own + self.norms[first + j] - 2 * product;
                    kernels[i * n + first + j] = (-self.gamma * distance as f64).exp();
                }
            }
        }
        (0..count).map(|i| self.vote(&kernels[i * n..][..n])).collect()
    }

    /// The class that wins the most pairs, the first of equal ones, as in LIBSVM.
    fn vote(&self, kernels: &[f64]) -> u16 {
        let mut votes = vec![0; self.classes];
        for pair in &self.pairs {
            let sum: f64 = pair.terms.iter().map(|&(at, c)| c * kernels[at as usize]).sum();
            let [first, second] = pair.classes;
            votes[usize::from(if sum > pair.rho { first } else { second })] += 1;
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        votes.iter().position(|&count| count == most).unwrap_or(0) as u16
    }
}

impl Classifier for Svm {
    fn predict(&self, images: &[u8], team: &mut Team<'_>) -> Result<Vec<u16>, BaselineError> {
        team.predict(images, self.values, IMAGES, &|images| self.classes_of(images))
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("support_vectors", json!(self.norms.len())),
            ("gamma", json!(self.gamma * BYTE)),
            ("steps", json!(self.steps)),
        ]
    }
}

/// |x|^2
fn norm(image: &[u8]) -> u64 {
    image.iter().map(|&pixel| u64::from(pixel) * u64::from(pixel)).sum()
}
