//! Augmentations that mix an image and its class with another image and its class: CutMix and MixUp.
//!
//! The other image is any image of the part. As with every augmentation, all draws are functions of
//! (seed, epoch, image index).

use modiste_spec::Shape;
use modiste_spec::random::{Purpose, Stream};

use crate::batch::{Augmentation, below, unit};

/// First item of [`Purpose::Augment`] that this module draws from; the attempts of MixUp use all
/// items above.
const PARTNER: u32 = 8;
const RECTANGLE: u32 = 9;
const ATTEMPTS: u32 = 1 << 16;

/// How one image is mixed with another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mixture {
    /// Index of the other image.
    pub partner: u32,
    method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// The rectangle of these rows and columns is replaced by that of the other image.
    Paste { rows: (usize, usize), columns: (usize, usize), share: f64 },
    /// Pixels are a weighted mean, with this share of the image and the rest of the other.
    Blend(f64),
}

impl Mixture {
    /// The mixture of image `index` of `count` images of `shape`, if it is mixed.
    pub fn of(
        augmentation: &Augmentation,
        (seed, epoch): (u64, u64),
        index: u32,
        count: usize,
        shape: Shape,
    ) -> Option<Self> {
        if !augmentation.mixes() {
            return None;
        }
        let block = |item| Stream::new(seed, Purpose::Augment, item, epoch).block(index);
        let [partner, chance, size, _] = block(PARTNER);
        let partner = below(partner, count) as u32;
        let method = if unit(chance) < augmentation.cutmix {
            paste(unit(size), block(RECTANGLE), shape)
        } else if augmentation.mixup > 0.0 {
            Method::Blend(symmetric_beta(augmentation.mixup, |attempt| block(ATTEMPTS + attempt)))
        } else {
            return None;
        };
        Some(Self { partner, method })
    }

    /// The share of the image itself in the result.
    pub fn share(&self) -> f64 {
        match self.method {
            Method::Paste { share, .. } => share,
            Method::Blend(share) => share,
        }
    }

    /// Mixes `other` into `image`, both of `shape`.
    pub fn apply(&self, image: &mut [u8], other: &[u8], shape: Shape) {
        match self.method {
            Method::Paste { rows, columns, .. } => {
                for row in rows.0..rows.1 {
                    let start = row * shape.width * shape.channels;
                    let pasted =
                        start + columns.0 * shape.channels..start + columns.1 * shape.channels;
                    image[pasted.clone()].copy_from_slice(&other[pasted]);
                }
            }
            Method::Blend(share) => {
                for (pixel, &other) in image.iter_mut().zip(other) {
                    let mixed = share * f64::from(*pixel) + (1.0 - share) * f64::from(other);
                    *pixel = mixed.round() as u8;
                }
            }
        }
    }
}

/// The rectangle of CutMix (Yun et al. 2019) for a share `lambda` of the image: its sides are
/// sqrt(1 - lambda) of the image's, rounded down, around a random pixel, clipped to the image. The
/// share is then that of the remaining pixels.
fn paste(lambda: f64, centre: [u32; 4], shape: Shape) -> Method {
    let ratio = (1.0 - lambda).sqrt();
    let ends = |bits, side: usize| {
        let (centre, half) = (below(bits, side), (side as f64 * ratio) as usize / 2);
        (centre.saturating_sub(half), (centre + half).min(side))
    };
    let (rows, columns) = (ends(centre[0], shape.height), ends(centre[1], shape.width));
    let area = (rows.1 - rows.0) * (columns.1 - columns.0);
    let share = 1.0 - area as f64 / (shape.height * shape.width) as f64;
    Method::Paste { rows, columns, share }
}

/// A draw from Beta(alpha, alpha) by Jöhnk's method (1964), in logarithms so that small alphas do not
/// underflow; `block` gives the random bits of an attempt.
fn symmetric_beta(alpha: f64, block: impl Fn(u32) -> [u32; 4]) -> f64 {
    for attempt in 0.. {
        let bits = block(attempt);
        for pair in bits.chunks_exact(2) {
            // In (0, 1], so that there is a logarithm.
            let [x, y] = [pair[0], pair[1]].map(|bits| (1.0 - unit(bits)).ln() / alpha);
            if x.exp() + y.exp() <= 1.0 {
                return 1.0 / (1.0 + (y - x).exp());
            }
        }
    }
    unreachable!("some attempt succeeds")
}

/// Fills `shares` (n, classes) with the share of each class in the images at `indices` after mixing.
///
/// # Panics
/// On an index without a label, or a label that is not one of `classes`.
pub fn fill_shares(
    labels: &[u16],
    classes: usize,
    shape: Shape,
    indices: &[u32],
    augmentation: &Augmentation,
    (seed, epoch): (u64, u64),
    shares: &mut Vec<f32>,
) {
    shares.clear();
    shares.resize(indices.len() * classes, 0.0);
    for (&index, row) in indices.iter().zip(shares.chunks_exact_mut(classes)) {
        let own = usize::from(labels[index as usize]);
        let mixture = Mixture::of(augmentation, (seed, epoch), index, labels.len(), shape);
        let share = mixture.map_or(1.0, |mixture| mixture.share());
        row[own] += share as f32;
        if let Some(Mixture { partner, .. }) = mixture {
            row[usize::from(labels[partner as usize])] += (1.0 - share) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 9, width: 12, channels: 2 };

    fn mixtures(augmentation: &Augmentation) -> Vec<Mixture> {
        let of = |index| Mixture::of(augmentation, (3, 4), index, 1000, SHAPE);
        (0..4000).filter_map(of).collect()
    }

    #[test]
    fn pasted_rectangles_leave_the_share_that_they_say() {
        let all = mixtures(&Augmentation { cutmix: 1.0, ..Augmentation::default() });
        assert_eq!(all.len(), 4000);
        for mixture in &all {
            let (mut image, other) = ([0; 216], [1; 216]);
            mixture.apply(&mut image, &other, SHAPE);
            let pasted = image.iter().map(|&v| u32::from(v)).sum::<u32>();
            assert!((mixture.share() - (1.0 - f64::from(pasted) / 216.0)).abs() < 1e-12);
        }
        // Shares are spread evenly, except where rectangles are clipped or rounded down.
        let mean = all.iter().map(Mixture::share).sum::<f64>() / 4000.0;
        assert!((0.55..0.75).contains(&mean), "{mean}");
        let partners: std::collections::BTreeSet<u32> = all.iter().map(|m| m.partner).collect();
        assert!(partners.len() > 900, "{}", partners.len());
        let half = mixtures(&Augmentation { cutmix: 0.5, ..Augmentation::default() }).len();
        assert!((1850..2150).contains(&half), "{half}");
    }

    #[test]
    fn blended_shares_have_the_moments_of_the_beta_distribution() {
        for alpha in [0.05, 0.2, 1.0, 4.0] {
            let all = mixtures(&Augmentation { mixup: alpha, ..Augmentation::default() });
            let mean = all.iter().map(Mixture::share).sum::<f64>() / 4000.0;
            let squares = all.iter().map(|m| (m.share() - 0.5).powi(2));
            let variance = squares.sum::<f64>() / 4000.0;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.03, "{alpha}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.1, "{alpha}: {variance} {expected}");
        }
    }

    #[test]
    fn shares_sum_to_one_and_pixels_blend() {
        let mixture = Mixture { partner: 1, method: Method::Blend(0.75) };
        let mut image = [200, 0, 10];
        mixture.apply(&mut image, &[0, 255, 10], Shape::new(1, 1, 3));
        assert_eq!(image, [150, 64, 10]);
        let augmentation = Augmentation { mixup: 1.0, cutmix: 0.5, ..Augmentation::default() };
        let (labels, mut shares) = ([0, 1, 2, 1], Vec::new());
        let indices = [3, 0, 2];
        fill_shares(&labels, 3, SHAPE, &indices, &augmentation, (1, 2), &mut shares);
        for (row, index) in shares.chunks(3).zip(indices) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
            let mixture = Mixture::of(&augmentation, (1, 2), index, 4, SHAPE).unwrap();
            assert!(row[usize::from(labels[index as usize])] >= mixture.share() as f32 - 1e-6);
        }
        fill_shares(&labels, 3, SHAPE, &[2], &Augmentation::default(), (1, 2), &mut shares);
        assert_eq!(shares, [0.0, 0.0, 1.0]);
    }
}
