//! Multinomial logistic regression on pixels in 0 .. 1.
//!
//! It minimises scikit-learn's objective divided by C times the number of images: the mean
//! cross-entropy + |weights|^2 / (2 C n). This is strictly convex except for a constant common to all
//! biases, so its minimum does not depend on the method.

use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::padded;
use modiste_metrics::argmax;
use serde_json::{Value, json};

use crate::parallel::Team;
use crate::samples::Samples;
use crate::{BaselineError, Classifier, LogisticSettings, Progress, lbfgs};

/// Number of images whose gradients are summed in `f32`; these sums are added in `f64`.
const BLOCK: usize = 512;

/// A fitted regression.
pub(crate) struct Logistic {
    weights: Weights,
    /// The minimum found.
    objective: f64,
    steps: usize,
}

/// Weights and biases, laid out for the matrix product.
struct Weights {
    isa: Isa,
    values: usize,
    classes: usize,
    /// (values, padded classes)
    matrix: Vec<f32>,
    /// (classes)
    biases: Vec<f64>,
}

/// Finds the minimum.
pub(crate) fn fit(
    settings: &LogisticSettings,
    train: &Samples<'_>,
    team: &mut Team<'_>,
) -> Result<Logistic, BaselineError> {
    let isa = Isa::best();
    let penalty = 1.0 / (settings.c * train.len() as f64);
    let (threads, stop) = (team.threads, team.stop);
    let mut function = |at: &[f64]| {
        let mut quiet = Team { threads, stop, watch: &mut |_| {} };
        objective(&Weights::new(isa, train, at), train, at, penalty, &mut quiet)
    };
    let mut step = |done| (team.watch)(Progress { what: "steps", done, of: settings.steps });
    let start = vec![0.0; (train.values + 1) * train.classes];
    let (tolerance, most) = (settings.tolerance, settings.steps);
    match lbfgs::minimise(&mut function, start, tolerance, most, &mut step)? {
        Some((point, steps)) => {
            let weights = Weights::new(isa, train, &point.at);
            Ok(Logistic { weights, objective: point.value, steps })
        }
        None => Err(BaselineError::NotConverged {
            what: format!("logistic regression to a gradient of {tolerance}"),
            steps: most,
        }),
    }
}

/// Value and gradient at `at`: (values + 1, classes), the biases last.
fn objective(
    weights: &Weights,
    train: &Samples<'_>,
    at: &[f64],
    penalty: f64,
    team: &mut Team<'_>,
) -> Result<(f64, Vec<f64>), BaselineError> {
    let blocks: Vec<(&[u8], &[u16])> =
        train.pixels.chunks(BLOCK * train.values).zip(train.labels.chunks(BLOCK)).collect();
    let parts =
        team.map("blocks", blocks.len(), &|i| Ok(weights.block(blocks[i].0, blocks[i].1)))?;
    let (mut value, mut gradient) = (0.0, vec![0.0; at.len()]);
    for (part, slope) in parts {
        value += part;
        gradient.iter_mut().zip(slope).for_each(|(sum, part)| *sum += part);
    }
    let n = train.len() as f64;
    value /= n;
    gradient.iter_mut().for_each(|part| *part /= n);
    let free = train.values * train.classes;
    for (part, &weight) in gradient[..free].iter_mut().zip(at) {
        value += penalty * weight * weight / 2.0;
        *part += penalty * weight;
    }
    Ok((value, gradient))
}

impl Weights {
    fn new(isa: Isa, train: &Samples<'_>, at: &[f64]) -> Self {
        let (values, classes) = (train.values, train.classes);
        let lanes = padded(classes);
        let mut matrix = vec![0.0; values * lanes];
        for (row, from) in matrix.chunks_exact_mut(lanes).zip(at.chunks_exact(classes)) {
            row.iter_mut().zip(from).for_each(|(to, &from)| *to = from as f32);
        }
        Self { isa, values, classes, matrix, biases: at[values * classes..].to_vec() }
    }

    /// Logits (n, padded classes), and the pixels (n, values) as numbers.
    fn logits(&self, pixels: &[u8]) -> (Vec<f32>, Vec<f32>) {
        let x: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let (n, lanes) = (x.len() / self.values, padded(self.classes));
        let mut logits = vec![0.0; n * lanes];
        let a = Strided { values: &x, row: self.values, column: 1 };
        let sizes = (n, lanes, self.values);
        gemm(self.isa, sizes, a, &self.matrix, lanes, &mut logits, lanes, false);
        for row in logits.chunks_exact_mut(lanes) {
            row.iter_mut().zip(&self.biases).for_each(|(logit, bias)| *logit += *bias as f32);
        }
        (logits, x)
    }

    /// Sum of the cross-entropies of some images, and its gradient (values + 1, classes).
    fn block(&self, pixels: &[u8], labels: &[u16]) -> (f64, Vec<f64>) {
        let (mut slopes, x) = self.logits(pixels);
        let (n, lanes) = (labels.len(), padded(self.classes));
        let (mut loss, mut biases) = (0.0, vec![0.0; self.classes]);
        for (row, &label) in slopes.chunks_exact_mut(lanes).zip(labels) {
            loss += cross_entropy(&mut row[..self.classes], usize::from(label));
            row[self.classes..].fill(0.0);
            biases.iter_mut().zip(&*row).for_each(|(sum, &slope)| *sum += f64::from(slope));
        }
        let mut matrix = vec![0.0; self.values * lanes];
        let a = Strided { values: &x, row: 1, column: self.values };
        gemm(self.isa, (self.values, lanes, n), a, &slopes, lanes, &mut matrix, lanes, false);
        let rows = matrix.chunks_exact(lanes).flat_map(|row| &row[..self.classes]);
        (loss, rows.map(|&slope| f64::from(slope)).chain(biases).collect())
    }
}

/// The cross-entropy of one image; replaces its logits by the gradient, probability minus truth.
fn cross_entropy(logits: &mut [f32], label: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |logit: f32| f64::from(logit - most);
    let total: f64 = logits.iter().map(|&logit| shifted(logit).exp()).sum();
    let loss = total.ln() - shifted(logits[label]);
    for (class, logit) in logits.iter_mut().enumerate() {
        let truth = if class == label { 1.0 } else { 0.0 };
        *logit = (shifted(*logit).exp() / total - truth) as f32;
    }
    loss
}

impl Classifier for Logistic {
    fn predict(&self, images: &[u8], team: &mut Team<'_>) -> Result<Vec<u16>, BaselineError> {
        let Weights { values, classes, .. } = self.weights;
        team.predict(images, values, BLOCK, &|images| {
            let (logits, _) = self.weights.logits(images);
            let rows = logits.chunks_exact(padded(classes));
            rows.map(|row| argmax(&row[..classes]) as u16).collect()
        })
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let Weights { values, classes, .. } = self.weights;
        vec![
            ("parameters", json!((values + 1) * classes)),
            ("objective", json!(self.objective)),
            ("steps", json!(self.steps)),
        ]
    }
}
