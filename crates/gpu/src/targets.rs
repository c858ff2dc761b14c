//! Targets of a step as the loss shader takes them.

use modiste_spec::engine::{Loss, Targets};

/// The weight of each class's -log p in each image (n, classes), divided by that of the batch: smoothed
/// shares times class weights, as [`Loss`] defines them.
pub(crate) fn masses(targets: Targets<'_>, loss: &Loss, images: usize, classes: usize) -> Vec<f32> {
    let total = match targets {
        Targets::Classes(labels) => labels.iter().map(|&label| loss.weight(label.into())).sum(),
        Targets::Shares(_) => images as f64,
    };
    // A batch whose classes all have weight 0 contributes nothing.
    let factor = if total > 0.0 { 1.0 / total } else { 0.0 };
    let smoothing = loss.label_smoothing;
    let mass = |share: f64, class: usize| {
        let smooth = (1.0 - smoothing) * share + smoothing / classes as f64;
        (loss.weight(class) * smooth * factor) as f32
    };
    let each = (0..images).flat_map(|i| (0..classes).map(move |class| (i, class)));
    match targets {
        Targets::Classes(labels) => each
            .map(|(i, class)| mass(f64::from(u8::from(usize::from(labels[i]) == class)), class))
            .collect(),
        Targets::Shares(shares) => {
            each.map(|(i, class)| mass(f64::from(shares[i * classes + class]), class)).collect()
        }
    }
}

/// The class of each image: that of the first largest share.
pub(crate) fn answers(targets: Targets<'_>, classes: usize) -> Vec<u32> {
    match targets {
        Targets::Classes(labels) => labels.iter().map(|&label| u32::from(label)).collect(),
        Targets::Shares(shares) => shares.chunks_exact(classes).map(first_largest).collect(),
    }
}

fn first_largest(row: &[f32]) -> u32 {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_are_smoothed_weighted_and_shared_out() {
        let loss = Loss { label_smoothing: 0.2, class_weights: Some(vec![1.0, 3.0]) };
        let found = masses(Targets::Classes(&[1, 0]), &loss, 2, 2);
        let expected = [0.1 / 4.0, 3.0 * 0.9 / 4.0, 0.9 / 4.0, 3.0 * 0.1 / 4.0];
        assert_eq!(found, expected.map(|mass: f64| mass as f32));
        let found = masses(Targets::Shares(&[0.25, 0.75]), &Loss::default(), 1, 2);
        assert_eq!(found, [0.25, 0.75]);
    }

    #[test]
    fn the_first_largest_share_is_the_answer() {
        assert_eq!(answers(Targets::Shares(&[0.4, 0.4, 0.2, 0.1, 0.2, 0.7]), 3), [0, 2]);
    }

    #[test]
    fn classes_without_weight_contribute_nothing() {
        let loss = Loss { label_smoothing: 0.0, class_weights: Some(vec![0.0, 1.0]) };
        assert_eq!(masses(Targets::Classes(&[0]), &loss, 1, 2), [0.0, 0.0]);
    }
}
