//! The paper's claims about its best model, judged by our model's answers.

use modiste_baselines::BaselineResult;
use modiste_data::{DataInfo, PartName};
use modiste_metrics::Evaluation;

use crate::verdict::Side;
use crate::{PUBLISHED_BEST, Verdict};

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The share of images classified correctly, and the number of images.
pub type Share = (f64, usize);

/// Verdicts on the paper's claims about its data and its final model, from the answers on the training
/// and validation images, and on that model compared with `baselines`.
pub fn judge(
    data: &DataInfo,
    train: &Evaluation,
    validation: &Evaluation,
    baselines: &[BaselineResult],
) -> Vec<Verdict> {
    let share = |part: &Evaluation| (part.accuracy, part.images as usize);
    let published = PUBLISHED_BEST.train_accuracy - PUBLISHED_BEST.validation_accuracy;
    let mut verdicts = vec![balance(data)];
    verdicts.push(gap(share(train), share(validation), published));
    verdicts.push(class_bias(&validation.confusion));
    verdicts.extend(hard_class(&validation.confusion, &data.classes, "Shirt"));
    for baseline in baselines {
        if let Some(part) = baseline.part(PartName::Validation) {
            let theirs = (part.accuracy, part.images);
            verdicts.push(better_than(&baseline.baseline, share(validation), theirs));
        }
    }
    verdicts
}

/// Every part has the same number of images of each class.
fn balance(data: &DataInfo) -> Verdict {
    let shares = data.parts.iter().flat_map(|part| part.classes.iter().map(|class| class.share));
    let even = 1.0 / data.classes.len().max(1) as f64;
    let uneven = shares.map(|share| (share - even).abs()).fold(0.0, f64::max);
    Verdict::new(
        "classes are balanced in every part",
        "largest distance between a class's share and an even one",
        (Some(uneven), Some([uneven, uneven])),
        data.parts.iter().map(|part| part.images).sum(),
        (Side::Below, 0.01),
    )
}

/// "No bias problem": the model predicts every class as often as it occurs.
///
/// The measure is the largest distance between a class's share of the predictions and its share of
/// the images; the bound is a fifth of an even share. The variance of a class's distance is that of
/// two margins of one table (Stuart, Biometrika 1955), and Bonferroni's correction makes the
/// intervals hold for all classes at once.
pub fn class_bias(confusion: &[Vec<u64>]) -> Verdict {
    let classes = confusion.len();
    let images: u64 = confusion.iter().flatten().sum();
    let (k, n) = (classes.max(1) as f64, images.max(1) as f64);
    let z = normal_quantile(1.0 - 0.025 / k);
    let mut largest: Option<[f64; 3]> = None;
    for class in 0..classes {
        let truth: u64 = confusion[class].iter().sum();
        let predicted: u64 = confusion.iter().map(|row| row[class]).sum();
        let right = confusion[class][class];
        let apart = (predicted as f64 - truth as f64) / n;
        let moved = (truth + predicted - 2 * right) as f64 / n;
        let error = ((moved - apart * apart).max(0.0) / n).sqrt();
        let distance = apart.abs();
        let bounds = [distance, (distance - z * error).max(0.0), distance + z * error];
        largest = Some(largest.map_or(bounds, |l| [0, 1, 2].map(|i| l[i].max(bounds[i]))));
    }
    Verdict::new(
        "no class bias",
        "largest distance between a class's share of the predictions and of the images",
        (largest.map(|l| l[0]), largest.map(|l| [l[1], l[2]])),
        images as usize,
        (Side::Below, 0.2 / k),
    )
}

/// The class `name` is recognised worst: its recall minus the lowest of all others is below 0.
/// `None` if there is no such class.
pub fn hard_class(confusion: &[Vec<u64>], names: &[String], name: &str) -> Option<Verdict> {
    let at = names.iter().position(|known| known == name)?;
    let recall = |class: usize| {
        let images: u64 = confusion[class].iter().sum();
        (confusion[class][class] as f64 / images.max(1) as f64, images as usize)
    };
    let others = (0..names.len()).filter(|&class| class != at);
    let next = others.min_by(|&a, &b| recall(a).0.total_cmp(&recall(b).0))?;
    let measure =
        format!("recall of {name} minus that of {}, the worst of the others", names[next]);
    let images = recall(at).1 + recall(next).1;
    let claim = format!("{name} is the hard class");
    Some(Verdict::new(claim, measure, apart(recall(at), recall(next)), images, (Side::Below, 0.0)))
}

/// "Small gap": training accuracy minus validation accuracy is below `bound`.
pub fn gap(train: Share, validation: Share, bound: f64) -> Verdict {
    Verdict::new(
        "small gap between training and validation",
        "training accuracy minus validation accuracy, without dropout and flips",
        apart(train, validation),
        train.1 + validation.1,
        (Side::Below, bound),
    )
}

/// Our accuracy is above that of `name`. The two are treated as independent, although both are
/// measured on the same images, so the interval is wider than necessary.
pub fn better_than(name: &str, ours: Share, theirs: Share) -> Verdict {
    Verdict::new(
        format!("more accurate than {name}"),
        format!("validation accuracy minus that of {name}"),
        apart(ours, theirs),
        ours.1,
        (Side::Above, 0.0),
    )
}

/// The difference of two independent shares, and its 95 % interval by the normal approximation.
fn apart(one: Share, other: Share) -> (Option<f64>, Option<[f64; 2]>) {
    if one.1 == 0 || other.1 == 0 {
        return (None, None);
    }
    let variance = |(p, n): Share| p * (1.0 - p) / n as f64;
    let (value, half) = (one.0 - other.0, Z * (variance(one) + variance(other)).sqrt());
    (Some(value), Some([value - half, value + half]))
}

fn normal_quantile(part: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    Normal::standard().inverse_cdf(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    /// `n` images per class, of which `wrong` of class 0 are predicted as class 1.
    fn confusion(n: u64, wrong: u64) -> Vec<Vec<u64>> {
        vec![vec![n - wrong, wrong, 0], vec![0, n, 0], vec![0, 0, n]]
    }

    #[test]
    fn bias_is_what_is_predicted_too_often() {
        let even = class_bias(&[vec![900, 100, 0], vec![100, 900, 0], vec![0, 0, 1000]]);
        assert_eq!(even.value, Some(0.0));
        assert_eq!(even.outcome, Outcome::Holds);
        // 300 of 3,000 predictions too many; the bound is 0.2 / 3.
        let biased = class_bias(&confusion(1000, 300));
        assert!((biased.value.unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(biased.outcome, Outcome::DoesNotHold);
        // z = 2.394 for three classes; sqrt((0.1 - 0.01) / 3000) = 0.005477.
        let [low, high] = biased.interval.unwrap();
        assert!((low - 0.086_888).abs() < 1e-4 && (high - 0.113_112).abs() < 1e-4, "{low} {high}");
        assert_eq!(class_bias(&confusion(10, 2)).outcome, Outcome::NotDecided);
    }

    #[test]
    fn the_hard_class_is_clearly_below_the_next() {
        let names = ["Shirt", "Coat", "Bag"].map(str::to_owned);
        let judge =
            |confusion: Vec<Vec<u64>>| hard_class(&confusion, &names, "Shirt").unwrap().outcome;
        assert_eq!(judge(confusion(1000, 300)), Outcome::Holds);
        assert_eq!(judge(confusion(10, 1)), Outcome::NotDecided);
        let coat = vec![vec![1000, 0, 0], vec![300, 700, 0], vec![0, 0, 1000]];
        assert_eq!(judge(coat), Outcome::DoesNotHold);
        assert!(hard_class(&confusion(9, 1), &names, "Hat").is_none());
    }

    #[test]
    fn gaps_and_rivals() {
        assert_eq!(gap((0.95, 5000), (0.94, 10_000), 0.052).outcome, Outcome::Holds);
        assert_eq!(gap((1.0, 5000), (0.90, 1_000), 0.052).outcome, Outcome::DoesNotHold);
        assert_eq!(better_than("a", (0.94, 10_000), (0.90, 10_000)).outcome, Outcome::Holds);
        assert_eq!(better_than("a", (0.94, 0), (0.90, 0)).outcome, Outcome::NotDecided);
        // sqrt(0.94 * 0.06 / 10000 + 0.9 * 0.1 / 10000) = 0.0038262.
        let [low, high] = better_than("a", (0.94, 10_000), (0.90, 10_000)).interval.unwrap();
        assert!((low - 0.032_501).abs() < 1e-5 && (high - 0.047_499).abs() < 1e-5, "{low} {high}");
    }
}
