//! Classical classifiers for comparison with the paper's network: a support vector machine,
//! logistic regression, nearest neighbours, a random forest.
//!
//! [`run`] fits one to the training part and measures it on others; it prints nothing. Images stay
//! bytes: inner products and distances are exact whole numbers, and a forest's splits are found by
//! counting. So results are the same with any number of threads and on every instruction set
//! (except for logistic regression, which computes in `f32`). This crate knows no networks and no
//! engines; [`BaselineResult`] can also hold results measured elsewhere.

mod error;
mod forest;
mod knn;
mod lbfgs;
mod logistic;
mod parallel;
mod published;
mod result;
mod samples;
mod settings;
mod svm;
mod tree;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use modiste_data::{Dataset, PartName};

pub use error::BaselineError;
pub use published::Published;
pub use result::{BaselineResult, PartResult, Seconds};
pub use samples::draw;
pub use settings::{ForestSettings, Gamma, KnnSettings, LogisticSettings, Settings, SvmSettings};

use parallel::Team;
use samples::Samples;

/// Options of a run besides the classifier's settings.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The parts to measure on, in that order.
    pub parts: &'a [PartName],
    /// Threads to compute with; the result is the same for any number.
    pub threads: usize,
    /// Checked often: once it is true, the run ends with [`BaselineError::Interrupted`].
    pub stop: &'a AtomicBool,
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The current work, as in `pairs of classes`.
    pub what: &'static str,
    /// Amount that is done.
    pub done: usize,
    /// Total amount.
    pub of: usize,
}

/// A fitted classifier.
trait Classifier {
    /// The class of each image.
    fn predict(&self, images: &[u8], team: &mut Team<'_>) -> Result<Vec<u16>, BaselineError>;

    /// Facts about the fit, for tables.
    fn facts(&self) -> Vec<(&'static str, serde_json::Value)>;
}

/// Fits the classifier of `settings` to the training part of `data` and measures it on `options.parts`.
/// `watch` is called with the progress on the caller's thread. To use fewer images, [`draw`]
/// them first.
///
/// # Errors
/// If a setting is out of range, a part is empty or has no labels, the fit does not converge, or it
/// is interrupted.
pub fn run(
    settings: &Settings,
    data: &Dataset,
    options: &Options<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<BaselineResult, BaselineError> {
    predict(settings, data, options, watch).map(|(result, _)| result)
}

/// Like [`run`], but also returns the predicted class of every image of each part.
///
/// # Errors
/// As [`run`].
pub fn predict(
    settings: &Settings,
    data: &Dataset,
    options: &Options<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<(BaselineResult, Vec<Vec<u16>>), BaselineError> {
    let train = Samples::of(data, PartName::Train)?;
    settings.check(&train)?;
    // Report problems with the other parts before starting work.
    let parts: Vec<Samples<'_>> =
        options.parts.iter().map(|&part| Samples::of(data, part)).collect::<Result<_, _>>()?;
    let mut team = Team { threads: options.threads.max(1), stop: options.stop, watch };
    let clock = Instant::now();
    let classifier: Box<dyn Classifier + '_> = match settings {
        Settings::Svm(settings) => Box::new(svm::fit(settings, &train, &mut team)?),
        Settings::Logistic(settings) => Box::new(logistic::fit(settings, &train, &mut team)?),
        Settings::Knn(settings) => Box::new(knn::fit(settings, &train)),
        Settings::Forest(settings) => Box::new(forest::fit(settings, &train, &mut team)?),
    };
    let train_seconds = clock.elapsed().as_secs_f64();
    let (mut results, mut answers) = (Vec::new(), Vec::new());
    let clock = Instant::now();
    for (part, &name) in parts.iter().zip(options.parts) {
        let predictions = classifier.predict(part.pixels, &mut team)?;
        results.push(PartResult::new(name, &predictions, part.labels));
        answers.push(predictions);
    }
    let seconds = Seconds { train: train_seconds, predict: clock.elapsed().as_secs_f64() };
    let facts = classifier.facts().into_iter().map(|(name, fact)| (name.to_owned(), fact));
    let result = BaselineResult {
        baseline: settings.kind().to_owned(),
        settings: settings.fields(),
        data: data.name.clone(),
        split: data.split.clone(),
        train_images: train.len(),
        parts: results,
        seconds,
        facts: facts.collect(),
        published: Vec::new(),
    };
    Ok((result, answers))
}
