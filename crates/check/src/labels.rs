//! Label errors by confident learning (Northcutt, Jiang, Chuang: "Confident Learning: Estimating
//! Uncertainty in Dataset Labels", JAIR 2021).
//!
//! Given probabilities from networks that were not trained on the pictures, it estimates how many
//! pictures of each label really belong to each other class, and takes that many, those with the
//! largest margin first. Definitions and constants are those of the cleanlab package's
//! `find_label_issues` with its defaults (`prune_by_noise_rate`); `tests/cleanlab.rs` compares the
//! results.

use crate::CheckError;

/// How far a probability may be below a class's threshold and still count as confident.
const SLACK: f64 = 1e-6;
/// Smallest threshold, above [`SLACK`].
const LOWEST: f64 = 2e-6;
/// How far the sum of a row may be from 1.
const SUM_SLACK: f64 = 1e-3;

/// A picture whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelError {
    /// Index of the picture.
    pub image: usize,
    /// The label it has.
    pub label: u16,
    /// The class that the network suggests.
    pub suggested: u16,
    /// The probability of the label it has; the lower, the worse.
    pub self_confidence: f64,
    /// The probability of the suggested class.
    pub confidence: f64,
}

/// The pictures whose label is probably wrong, the lowest self-confidence first.
///
/// `probabilities` is (n, classes), row-major; each row comes from a network that was not trained
/// on that picture. `labels` is (n).
///
/// # Errors
/// If the sizes do not fit, a label is not a class, or a row is not a distribution.
pub fn label_errors(
    probabilities: &[f64],
    labels: &[u16],
    classes: usize,
) -> Result<Vec<LabelError>, CheckError> {
    check(probabilities, labels, classes)?;
    let rows: Vec<&[f64]> = probabilities.chunks_exact(classes).collect();
    let members = members(labels, classes);
    let joint = calibrate(&confident_joint(&rows, labels, &thresholds(&rows, &members)), &members);
    let mut wrong = vec![false; labels.len()];
    for (label, (images, joint)) in members.iter().zip(&joint).enumerate() {
        // A class with a single picture keeps it.
        if images.len() > 1 {
            mark_largest_margins(&rows, images, label, &keep_one(joint, label), &mut wrong);
        }
    }
    let mut errors: Vec<LabelError> = (0..labels.len())
        .filter(|&image| wrong[image])
        .filter_map(|image| error(image, labels[image], rows[image]))
        .collect();
    errors.sort_by(|a, b| {
        a.self_confidence.total_cmp(&b.self_confidence).then(a.image.cmp(&b.image))
    });
    Ok(errors)
}

fn check(probabilities: &[f64], labels: &[u16], classes: usize) -> Result<(), CheckError> {
    if classes < 2 || labels.is_empty() {
        return Err(CheckError::Empty);
    }
    if labels.len().checked_mul(classes) != Some(probabilities.len()) {
        let (probabilities, labels) = (probabilities.len(), labels.len());
        return Err(CheckError::Length { probabilities, labels, classes });
    }
    if let Some(image) = labels.iter().position(|&label| usize::from(label) >= classes) {
        return Err(CheckError::Label { image, label: labels[image], classes });
    }
    let distribution = |row: &[f64]| {
        row.iter().all(|p| (0.0..=1.0).contains(p))
            && (row.iter().sum::<f64>() - 1.0).abs() <= SUM_SLACK
    };
    match probabilities.chunks_exact(classes).position(|row| !distribution(row)) {
        Some(image) => Err(CheckError::Probabilities { image }),
        None => Ok(()),
    }
}

/// The pictures of each label.
fn members(labels: &[u16], classes: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); classes];
    for (image, &label) in labels.iter().enumerate() {
        members[usize::from(label)].push(image);
    }
    members
}

/// The mean probability of each class over the pictures with that label; unreachable for a class without
/// pictures.
fn thresholds(rows: &[&[f64]], members: &[Vec<usize>]) -> Vec<f64> {
    let mean = |(class, images): (usize, &Vec<usize>)| match images.len() {
        0 => 2.0,
        n => (images.iter().map(|&i| rows[i][class]).sum::<f64>() / n as f64).max(LOWEST),
    };
    members.iter().enumerate().map(mean).collect()
}

/// (label, class): pictures with that label that confidently belong to that class.
fn confident_joint(rows: &[&[f64]], labels: &[u16], thresholds: &[f64]) -> Vec<Vec<f64>> {
    let classes = thresholds.len();
    let mut joint = vec![vec![0.0_f64; classes]; classes];
    for (row, &label) in rows.iter().zip(labels) {
        let mut confident = (0..classes).filter(|&c| row[c] >= thresholds[c] - SLACK);
        let class = match (confident.next(), confident.next()) {
            (None, _) => continue,
            (Some(class), None) => class,
            (Some(_), Some(_)) => largest(row),
        };
        joint[usize::from(label)][class] += 1.0;
    }
    for class in 0..classes {
        joint[class][class] = joint[class][class].max(1.0);
    }
    joint
}

/// The first of the largest values.
fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// Scales each label's row to the number of pictures that have the label, in whole numbers.
fn calibrate(joint: &[Vec<f64>], members: &[Vec<usize>]) -> Vec<Vec<f64>> {
    let images: usize = members.iter().map(Vec::len).sum();
    let scaled: Vec<Vec<f64>> = joint
        .iter()
        .zip(members)
        .map(|(row, members)| {
            let all: f64 = row.iter().sum();
            row.iter().map(|value| value / all * members.len() as f64).collect()
        })
        .collect();
    let total: f64 = scaled.iter().flatten().sum();
    scaled
        .iter()
        .map(|row| round(&row.iter().map(|v| v / total * images as f64).collect::<Vec<_>>()))
        .collect()
}

/// Whole numbers with the rounded sum of `values`, rounding up the largest remainders.
fn round(values: &[f64]) -> Vec<f64> {
    let mut whole: Vec<f64> = values.iter().map(|v| v.round_ties_even()).collect();
    let wanted = values.iter().sum::<f64>().round_ties_even();
    loop {
        let short = wanted - whole.iter().sum::<f64>();
        if short == 0.0 {
            return whole;
        }
        let rest = |i: usize| values[i] - whole[i];
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| rest(a).total_cmp(&rest(b)));
        if short > 0.0 {
            order.reverse();
        }
        for &i in order.iter().take(short.abs() as usize) {
            whole[i] += short.signum();
        }
    }
}

/// The counts of one label, changed if they would take away all its pictures: one stays, and the
/// other counts are reduced evenly.
fn keep_one(joint: &[f64], label: usize) -> Vec<usize> {
    let kept = joint[label].max(1.0);
    let others = (joint.iter().filter(|&&count| count != 0.0).count() as f64 - 1.0).max(1.0);
    let less = (kept - joint[label]) / others;
    let count = |(class, &count): (usize, &f64)| match class == label {
        true => kept as usize,
        false => (count - less).max(0.0) as usize,
    };
    joint.iter().enumerate().map(count).collect()
}

/// Marks, for each other class, the number of `images` given by `counts`: those with the largest
/// margin of that class over their label.
fn mark_largest_margins(
    rows: &[&[f64]],
    images: &[usize],
    label: usize,
    counts: &[usize],
    wrong: &mut [bool],
) {
    for (class, &count) in counts.iter().enumerate() {
        if class == label || count == 0 {
            continue;
        }
        let margin = |&image: &usize| rows[image][class] - rows[image][label];
        let mut order = images.to_vec();
        order.sort_by(|a, b| margin(b).total_cmp(&margin(a)));
        for &image in order.iter().take(count) {
            wrong[image] = true;
        }
    }
}

/// The error of a marked picture, unless no class is more probable than its label.
fn error(image: usize, label: u16, row: &[f64]) -> Option<LabelError> {
    let own = usize::from(label);
    let mut favoured = row.to_vec();
    favoured[own] += SLACK;
    let suggested = largest(&favoured);
    (suggested != own).then(|| LabelError {
        image,
        label,
        suggested: u16::try_from(suggested).expect("classes are numbered in 16 bits"),
        self_confidence: row[own],
        confidence: row[suggested],
    })
}
