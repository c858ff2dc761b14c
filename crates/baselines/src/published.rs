//! What others published on Fashion-MNIST, with its source.
//!
//! All were measured on the official test part, 10,000 images, after training on the official
//! 60,000. "Page" is the list of submitted results in the repository zalandoresearch/fashion-mnist.

use serde::{Deserialize, Serialize};

/// A published result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The classifier and what sets it apart.
    pub name: String,
    /// Its accuracy.
    pub accuracy: f64,
    /// The part that the accuracy was measured on.
    pub part: String,
    /// Images it was trained on.
    pub train_images: usize,
    /// Images it was measured on.
    pub images: usize,
    /// Where it was published.
    pub source: String,
}

const PAGE: &str = "Fashion-MNIST page";

/// Name, accuracy and source of the results that stand beside each of our baselines.
const RESULTS: [(&str, &str, f64, &str); 7] = [
    ("svm", "SVC", 0.897, PAGE),
    ("svm", "HOG and SVM", 0.926, PAGE),
    ("forest", "XGBoost", 0.898, PAGE),
    ("mlp", "MLP 256-128-64", 0.900, PAGE),
    ("cnn", "2 convolutions, 113e3 parameters", 0.922, PAGE),
    ("cnn", "2 convolutions, 3 dense, 1.8e6 parameters", 0.932, PAGE),
    ("cnn", "VGG16, 26e6 parameters", 0.935, PAGE),
];

/// The paper's network, accuracy on its own validation part; its text says that it learned from 5,000
/// images, other's code for the same competition has 50,000.
pub const PAPER: (&str, f64) = ("the paper's network", 0.940);

/// The published results beside which the baseline of that name stands.
pub fn published(baseline: &str) -> Vec<Published> {
    let of = RESULTS.iter().filter(|(kind, ..)| *kind == baseline);
    of.map(|&(_, name, accuracy, source)| Published {
        name: name.to_owned(),
        accuracy,
        part: "test".to_owned(),
        train_images: 60_000,
        images: 10_000,
        source: source.to_owned(),
    })
    .collect()
}
