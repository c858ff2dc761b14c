//! Settings that suit a user's own pictures: network, batch, epochs and augmentation depend on the
//! number and size of the pictures and on whether mirroring and turning keep their classes.
//!
//! docs/training.md explains how the numbers were chosen; Fashion-MNIST has its own presets.

use modiste_check::{Mirroring, Turning};
use modiste_data::{Dataset, FASHION_CLASSES};

use crate::{Config, DataConfig, TrainError};

/// Multiply-adds of all forward passes of a run: less than a minute on two cores.
const BUDGET: f64 = 1e12;
/// Smallest and largest number of epochs.
const EPOCHS: [f64; 2] = [8.0, 200.0];
/// Smallest number of steps per epoch, if there are enough pictures.
const STEPS: usize = 8;
/// The smallest and the largest batch.
const BATCH: [usize; 2] = [16, 64];
/// The learning rate for a batch of 64; it is proportional to the square root of the batch.
const LEARNING_RATE: f64 = 8e-3;
/// Pictures with at least this side are treated as photographs.
const PHOTOGRAPH: usize = 40;
/// Smallest side of the last stage's map.
const LAST: usize = 7;

/// Settings for some data, and descriptions of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenSettings {
    /// The settings.
    pub config: Config,
    /// One line about them.
    pub line: String,
    /// One line about mirroring.
    pub mirroring: String,
}

/// Whether `data` is a user's own, for which there is no preset.
pub fn own_pictures(data: &Dataset) -> bool {
    data.classes != FASHION_CLASSES
}

/// The settings for `data`, loaded from `source`.
///
/// # Errors
/// If the pictures are too small for any network.
pub fn choose_settings(data: &Dataset, source: &DataConfig) -> Result<ChosenSettings, TrainError> {
    let mut config = Config::preset("cnn")?;
    config.data = source.clone();
    let shape = data.shape();
    let side = shape.height.min(shape.width);
    let images = data.train.len();
    let (mirrored, mirroring) = mirroring(data);
    let (turn, turning) = turning(data, side);
    let batch = (images / STEPS).max(1).next_power_of_two().clamp(BATCH[0], BATCH[1]);
    let learning_rate = LEARNING_RATE * (batch as f64 / BATCH[1] as f64).sqrt();
    let stages = stages(side);
    let mut settings = vec![
        ("network.channels", "16".to_owned()),
        ("network.stages", stages.to_string()),
        ("network.dropout", if images < 5_000 { "0.2" } else { "0" }.to_owned()),
        ("training.batch", batch.to_string()),
        ("training.label_smoothing", "0.1".to_owned()),
        ("training.optimiser.weight_decay", "0.05".to_owned()),
        ("training.schedule.learning_rate", format!("{learning_rate:.5}")),
        ("training.augmentation.flip", mirrored.to_string()),
        ("training.augmentation.turn", turn.to_string()),
        ("training.augmentation.shift", (side / 14).max(1).to_string()),
        ("training.augmentation.shift_edge", "true".to_owned()),
    ];
    let moved = if side >= PHOTOGRAPH {
        settings.extend(photographs(shape.channels == 3));
        "moved, zoomed and recoloured"
    } else {
        settings.push(("training.augmentation.zoom", "0.1".to_owned()));
        "moved and zoomed a little"
    };
    for (field, value) in settings {
        config.set(field, &value)?;
    }
    let cost = config.network(data)?.multiply_adds() as f64;
    let epochs = (BUDGET / (cost * images as f64)).clamp(EPOCHS[0], EPOCHS[1]).round();
    config.set("training.epochs", &epochs.to_string())?;
    let line = format!(
        "settings for {images} training pictures of {shape} in {} classes: cnn of {stages} stages, batch \
         {batch}, {epochs} epochs, learning rate {learning_rate:.4}, pictures {moved}, {turning}; any option \
         or --preset changes them",
        data.classes.len()
    );
    Ok(ChosenSettings { config, line, mirroring })
}

/// Number of stages that leave at least [`LAST`] pixels per side: each further one halves the side.
fn stages(side: usize) -> usize {
    1 + (1..5).take_while(|&halved| side >> halved >= LAST).count()
}

/// By how many degrees pictures are turned, and a description: by any angle if nothing distinguishes up
/// from down.
fn turning(data: &Dataset, side: usize) -> (u32, &'static str) {
    let shape = data.shape();
    let labels = data.train.labels.as_deref().unwrap_or_default();
    let images: Vec<&[u8]> = (0..data.train.len()).map(|i| data.train.images.get(i)).collect();
    let named = sided(&data.classes).is_some();
    match Turning::of(&images, labels, [shape.height, shape.width, shape.channels]) {
        Some(found) if !named && !found.harms() => {
            (180, "turned by any angle (up and down look alike; if they differ, use --turn 12)")
        }
        _ if side >= PHOTOGRAPH => (12, "turned by up to 12 degrees"),
        _ => (8, "turned by up to 8 degrees"),
    }
}

/// Augmentation that suits photographs.
fn photographs(coloured: bool) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("training.augmentation.zoom", "0.2".to_owned()),
        ("training.augmentation.brightness", "0.2".to_owned()),
        ("training.augmentation.contrast", "0.2".to_owned()),
    ];
    if coloured {
        settings.push(("training.augmentation.colour", "0.2".to_owned()));
    }
    settings
}

/// Whether pictures are mirrored, and why.
fn mirroring(data: &Dataset) -> (bool, String) {
    let shape = data.shape();
    let labels = data.train.labels.as_deref().unwrap_or_default();
    let images = &data.train.images;
    let images: Vec<&[u8]> = (0..images.len()).map(|i| images.get(i)).collect();
    let sides = [shape.height, shape.width, shape.channels];
    if let Some(name) = sided(&data.classes) {
        let line = format!(
            "not mirrored: the class name {name:?} suggests that left and right matter; --flip mirrors"
        );
        return (false, line);
    }
    match Mirroring::of(&images, labels, sides) {
        Some(found) if found.harms() => {
            let Mirroring { plain, mirrored, .. } = found;
            let line = format!(
                "not mirrored: {:.0} % of the pictures are nearest to one of their class, mirrored \
                 {:.0} %; --flip mirrors",
                100.0 * plain,
                100.0 * mirrored
            );
            (false, line)
        }
        Some(_) | None => {
            (true, "mirrored left and right; if that changes a class, use --flip=false".to_owned())
        }
    }
}

/// The name of a class that refers to a side or is a letter.
fn sided(classes: &[String]) -> Option<&str> {
    let side = |class: &&String| {
        let class = class.to_lowercase();
        let mut words = class.split(|c: char| !c.is_alphanumeric());
        words.any(|word| ["left", "right", "clockwise", "counterclockwise"].contains(&word))
    };
    let letter = |class: &&String| {
        let mut letters = class.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    };
    let letters = classes.iter().filter(letter).count();
    let found =
        classes.iter().find(side).or_else(|| classes.first().filter(|_| letters == classes.len()));
    found.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_end_before_pictures_do() {
        assert_eq!([4, 8, 16, 28, 32, 64, 96, 224].map(stages), [1, 1, 2, 3, 3, 4, 4, 5]);
    }

    #[test]
    fn sides_and_letters_are_known_by_their_names() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            sided(&names).is_some()
        };
        assert!(of(&["turn_left", "turn_right"]) && of(&["Left", "none"]) && of(&["a", "b"]));
        assert!(!of(&["ants", "bees"]) && !of(&["bright", "leftover"]) && !of(&["a", "bee"]));
    }
}
