//! Metrics of a classifier's answers.
//!
//! Everything here is computed from logits and labels: accuracy, cross-entropy, the mean one-vs-rest
//! AUROC, the confusion matrix, precision, recall and F1 of each class, the calibration error and the
//! temperature that reduces it, 95 % intervals, and the worst mistakes. Definitions follow scikit-learn, and
//! golden values from it check them (`golden/make.py`). The report crate displays the numbers.
//!
//! Logits are f32, (n, classes) row major; labels are class indices. All sums are taken in f64.

mod auroc;
mod calibration;
mod classes;
mod confidence;
mod evaluation;
mod intervals;
mod mistakes;
mod roc;
mod softmax;

pub use auroc::{auroc, mean_auroc};
pub use calibration::{Calibration, CalibrationBin};
pub use classes::{ClassReport, MacroAverage, confusion};
pub use confidence::{Confidence, Rejection, answered, temperature};
pub use evaluation::{Evaluation, evaluate};
pub use intervals::wilson;
pub use mistakes::{Mistake, worst_mistakes};
pub use roc::{RocCurve, roc_curve, roc_curves};
pub use softmax::{accuracy, argmax, cross_entropy, log_softmax, softmax, softmax_at};

/// Why logits and labels could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// There is no image, so no mean exists.
    #[error("there are no images to evaluate")]
    NoImages,
    /// The network has no class.
    #[error("there are no classes to evaluate")]
    NoClasses,
    /// Logits and labels do not belong together.
    #[error("{logits} logits are not {labels} labels times {classes} classes")]
    Length {
        /// Number of logits given.
        logits: usize,
        /// Number of labels given.
        labels: usize,
        /// Number of classes given.
        classes: usize,
    },
    /// A label names a class that does not exist.
    #[error("label {label} of image {image} is not below {classes}, the number of classes")]
    Label {
        /// Index of the image.
        image: usize,
        /// Its label.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// A logit is infinite or not a number.
    #[error("logit of image {image} for class {class} is {value}, not a finite number")]
    NotFinite {
        /// Index of the image.
        image: usize,
        /// Index of the class.
        class: usize,
        /// The logit, as text.
        value: String,
    },
}
