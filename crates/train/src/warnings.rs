//! Warnings about a run: data that makes its numbers less meaningful than they seem, and training
//! without progress. Each warning is one line that says what to do.

use modiste_check::{Copies, Match, copies, oddity};
use modiste_data::{Dataset, PartName};
use modiste_metrics::Confidence;
use modiste_model::EpochMetrics;
use modiste_spec::engine::Optimiser;

use crate::Config;

/// Number of epochs after which validation should be better than chance.
const EPOCHS: usize = 5;
/// How far the evaluated accuracy on training pictures may fall below the accuracy during training.
const GAP: f64 = 0.15;

/// Learning rates of at least this much cause a warning with Adam.
const HIGH_FOR_ADAM: f64 = 0.03;

/// The problems of `data`, one line each.
pub fn data_warnings(data: &Dataset) -> Vec<String> {
    let mut lines: Vec<String> = odd(data).into_iter().collect();
    lines.extend(repeated(data));
    lines.extend(thin_classes(data));
    lines
}

/// A warning about the learning rate: rates that suit SGD and Muon make Adam diverge.
pub fn rate_warning(config: &Config) -> Option<String> {
    let rate = config.training.schedule.base_learning_rate();
    let adam = matches!(config.training.optimiser, Optimiser::Adam(_));
    (adam && rate >= HIGH_FOR_ADAM)
        .then(|| format!("a learning rate of {rate} is high for adam; --lr 0.001 to 0.01 is usual"))
}

/// A warning about pictures without content.
fn odd(data: &Dataset) -> Option<String> {
    let shape = data.shape();
    let mut found = 0;
    let mut first = None;
    for part in PartName::ALL {
        let images = &data.part(part).images;
        for i in 0..images.len() {
            if let Some(what) = oddity(images.get(i), shape.channels).filter(|what| what.empty()) {
                found += 1;
                let name = data.part(part).names.get(i);
                first.get_or_insert_with(|| format!("{name} is {what}"));
            }
        }
    }
    let first = first?;
    Some(format!("{} black or of one colour ({first}); {CHECK}", are(found)))
}

/// How to see all of them.
const CHECK: &str = "modiste data check shows them";

/// A count as in "1 picture is" or "3 pictures are".
fn are(count: usize) -> String {
    if count == 1 { "1 picture is".to_owned() } else { format!("{count} pictures are") }
}

/// Warnings about copies, with other labels or in other parts.
fn repeated(data: &Dataset) -> Vec<String> {
    let (mut images, mut labels, mut ends): (Vec<&[u8]>, Vec<Option<u16>>, _) =
        (Vec::new(), Vec::new(), [0; 3]);
    for (part, end) in PartName::ALL.into_iter().zip(&mut ends) {
        let part = data.part(part);
        images.extend((0..part.len()).map(|i| part.images.get(i)));
        let known = part.labels.as_ref();
        labels.extend((0..part.len()).map(|i| known.map(|labels| labels[i])));
        *end = images.len();
    }
    let shape = data.shape();
    let shape = [shape.height, shape.width, shape.channels];
    // Only exact copies: searching near ones takes longer than some training runs.
    let found =
        copies(&Copies { images: &images, shape, groups: &ends, similarity: 2.0, threads: 1 });
    let part = |i: usize| ends.partition_point(|&end| end <= i);
    let conflict =
        |m: &&Match| matches!((labels[m.image], labels[m.of]), (Some(a), Some(b)) if a != b);
    let count = |of: &dyn Fn(&&Match) -> bool| {
        let mut images: Vec<usize> = found.iter().filter(of).map(|m| m.image).collect();
        images.dedup();
        images.len()
    };
    let conflicts = count(&conflict);
    let leaks = count(&|m| part(m.image) != part(m.of));
    let within = count(&|m| part(m.image) == part(m.of));
    let mut lines = Vec::new();
    if conflicts > 0 {
        lines.push(format!("{} identical to one with another label; {CHECK}", are(conflicts)));
    }
    if leaks > 0 {
        let what = are(leaks);
        lines.push(format!("{what} in two parts, which makes accuracies too high; {CHECK}"));
    }
    // A few copies are harmless; many reduce the variety of an epoch.
    if within * 10 >= images.len().max(1) {
        lines.push(format!("{} repeated within a part; {CHECK}", are(within)));
    }
    lines
}

/// Warnings about classes with hardly any pictures.
fn thin_classes(data: &Dataset) -> Vec<String> {
    let counts =
        |part: PartName| data.part(part).class_counts(data.classes.len()).unwrap_or_default();
    let named = |part: PartName, few: usize| -> Vec<&str> {
        let counts = counts(part);
        let classes = data.classes.iter().zip(counts).filter(|&(_, count)| count == few);
        classes.map(|(class, _)| class.as_str()).collect()
    };
    let mut lines = Vec::new();
    if let [first, rest @ ..] = &named(PartName::Train, 1)[..] {
        let more = more(rest.len());
        lines.push(format!(
            "class {first:?}{more} has only one training picture, too few to learn from"
        ));
    }
    if !data.validation.is_empty()
        && let [first, rest @ ..] = &named(PartName::Validation, 0)[..]
    {
        let more = more(rest.len());
        lines.push(format!(
            "class {first:?}{more} has no validation picture; the best epoch is chosen without it"
        ));
    }
    lines
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

/// Warns once if the validation accuracy is no better than guessing.
///
/// `counts` are the validation pictures of each class.
pub fn at_chance(history: &[EpochMetrics], counts: &[usize]) -> Option<String> {
    let epochs = history.len();
    let [.., last] = history else { return None };
    let images: usize = counts.iter().sum();
    if epochs < EPOCHS || images == 0 {
        return None;
    }
    // The most frequent class is the best guess; three deviations above that is better than guessing.
    let guess = counts.iter().copied().max().unwrap_or(0) as f64 / images as f64;
    let spread = (guess * (1.0 - guess) / images as f64).sqrt();
    let best = history.iter().filter_map(|m| m.validation_accuracy).fold(0.0, f64::max);
    (best <= guess + spread.max(0.01) && images >= 10).then(|| {
        format!(
            "after {epochs} epochs validation accuracy is {:.3}, no better than guessing; try \
             --flip=false if left and right matter, a smaller --batch, another --lr, or more --epochs",
            last.validation_accuracy.unwrap_or_default()
        )
    })
}

/// Warns if the evaluated network is much worse on training pictures than during training, which means
/// that its running statistics do not fit.
pub fn parted(metrics: &EpochMetrics, evaluated: f64) -> Option<String> {
    let while_training = metrics.train_accuracy;
    (while_training - evaluated > GAP).then(|| {
        format!(
            "accuracy on the training pictures was {while_training:.3} during training but is \
             {evaluated:.3} in evaluation: the running statistics do not fit; try a smaller --batch or \
             more --epochs"
        )
    })
}

/// Warns if a model's probabilities could not be calibrated.
pub fn uncalibrated(confidence: &Confidence) -> Option<String> {
    (confidence.temperature == 1.0).then(|| {
        format!(
            "probabilities are not calibrated: {} validation pictures, or their few mistakes, are too \
             few to fit a temperature, which stays 1{}",
            confidence.images,
            if confidence.rejection.is_empty() { "; there are no thresholds for --reject" } else { "" }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(accuracies: &[f64]) -> Vec<EpochMetrics> {
        let metrics = |(i, &validation_accuracy): (usize, &f64)| EpochMetrics {
            epoch: i + 1,
            learning_rate: 0.1,
            train_loss: 1.0,
            train_accuracy: 0.9,
            validation_loss: Some(1.0),
            validation_accuracy: Some(validation_accuracy),
            validation_auroc: None,
            current: None,
        };
        accuracies.iter().enumerate().map(metrics).collect()
    }

    #[test]
    fn validation_at_chance_gives_a_warning_after_some_epochs() {
        let told = |accuracies: &[f64], counts: &[usize]| at_chance(&epochs(accuracies), counts);
        let line = told(&[0.5, 0.5, 0.45, 0.5, 0.52], &[25, 25]).unwrap();
        assert!(line.contains("after 5 epochs") && line.contains("--flip=false"), "{line}");
        assert_eq!(told(&[0.5, 0.5, 0.5, 0.5], &[25, 25]), None);
        assert_eq!(told(&[0.5, 0.5, 0.9, 0.5, 0.5], &[25, 25]), None);
        // Guessing gives the most frequent class.
        assert!(told(&[0.9; 6], &[90, 10]).is_some());
        assert_eq!(told(&[0.9; 6], &[50, 50]), None);
        assert_eq!(told(&[], &[]), None);
    }

    #[test]
    fn a_large_gap_of_training_accuracies_gives_a_warning() {
        let metrics = epochs(&[0.5])[0];
        assert!(parted(&metrics, 0.5).is_some_and(|line| line.contains("0.900")));
        assert_eq!(parted(&metrics, 0.8), None);
        assert_eq!(parted(&metrics, 1.0), None);
    }
}
