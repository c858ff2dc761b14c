//! Whether mirrored pictures still look like their class: they do where a bee flies to the left or to
//! the right, and not where the classes are arrows, digits or letters.

use crate::thumbnail::Thumbnail;

/// Pictures that are looked at, evenly from all: every one is compared with every other.
const MOST: usize = 1_500;
/// How much rarer the nearest picture may be of the right class once a picture is mirrored.
const LOSS: f64 = 0.1;

/// How often the nearest other picture, by its thumbnail, is of the same class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirroring {
    /// Of the pictures as they are.
    pub plain: f64,
    /// Of the pictures mirrored.
    pub mirrored: f64,
    /// Pictures looked at.
    pub pictures: usize,
}

impl Mirroring {
    /// Of `images`, each (h, w, c), with a label each; nothing where fewer than two can be compared.
    pub fn of(images: &[&[u8]], labels: &[u16], shape: [usize; 3]) -> Option<Self> {
        let every = images.len().div_ceil(MOST).max(1);
        let chosen: Vec<(Thumbnail, u16)> = images
            .iter()
            .zip(labels)
            .step_by(every)
            .filter_map(|(image, &label)| Some((Thumbnail::of(image, shape)?, label)))
            .collect();
        if chosen.len() < 2 {
            return None;
        }
        let share = |of: fn(&Thumbnail) -> Thumbnail| {
            let right = |&(i, (picture, label)): &(usize, &(Thumbnail, u16))| {
                nearest(&chosen, &of(picture), i) == Some(*label)
            };
            chosen.iter().enumerate().filter(right).count() as f64 / chosen.len() as f64
        };
        Some(Self {
            plain: share(|picture| *picture),
            mirrored: share(Thumbnail::mirrored),
            pictures: chosen.len(),
        })
    }

    /// Whether mirrored pictures look like another class, beyond what chance explains.
    pub fn harms(&self) -> bool {
        let loss = self.plain - self.mirrored;
        let spread = (0.5 / self.pictures as f64).sqrt();
        loss > LOSS && loss > 2.0 * spread
    }
}

/// The class of the picture nearest to `picture`, picture `but` left out.
fn nearest(all: &[(Thumbnail, u16)], picture: &Thumbnail, but: usize) -> Option<u16> {
    let others = all.iter().enumerate().filter(|&(i, _)| i != but);
    let distances = others.map(|(_, (other, label))| (picture.distance(other), *label));
    distances.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, label)| label)
}
