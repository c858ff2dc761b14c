//! Batches: the chosen images, augmented and copied into one buffer.
//!
//! Every draw is a function of (seed, epoch, image index), so it depends neither on the position in the
//! batch nor on the number of threads or on interruptions.

use std::ops::Bound::Included;

use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Range, Shape};
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::augment::Photographs;
use crate::dataset::Images;
use crate::mix::Mixture;

/// Changes to an image before it is trained on; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror left and right with probability 1/2, as in the paper.
    pub flip: bool,
    /// Mirror a random half of the images in the first epoch, the other half in the next, and so on
    /// (airbench, Jordan 2024); excludes `flip`.
    pub alternating_flip: bool,
    /// Move by up to this many pixels in each direction.
    pub shift: usize,
    /// Fill uncovered pixels with the nearest pixel of the edge instead of black.
    pub shift_edge: bool,
    /// Blacken a square of this side, with its centre anywhere in the image (cutout, DeVries and Taylor
    /// 2017); 0 for none.
    pub cutout: usize,
    /// The probability that a rectangle is filled with random bytes (random erasing, Zhong et al.
    /// 2017: 2 to 40 % of the image, sides 0.3 to 3.3).
    pub erase: f64,
    /// Turn by up to this many degrees either way, 0 to 180.
    pub turn: f64,
    /// Enlarge or shrink by up to this share: multiplies lengths by (1 + zoom)^-1 to 1 + zoom; 0 to 1.
    pub zoom: f64,
    /// Slant vertical lines by up to this many degrees either way, 0 to 60.
    pub shear: f64,
    /// Change the brightness by up to this share either way, 0 to 1.
    pub brightness: f64,
    /// Change the contrast by up to this share either way, 0 to 1.
    pub contrast: f64,
    /// Change the saturation by up to this share either way, 0 to 1; has no effect on grey images.
    pub colour: f64,
    /// The probability that a rectangle of another image is pasted into an image, whose target then
    /// shares both classes in proportion (CutMix, Yun et al. 2019).
    pub cutmix: f64,
    /// Blends each image without a pasted rectangle with another one, and their classes alike, in
    /// shares from Beta(this, this) (MixUp, Zhang et al. 2018); 0 for none.
    pub mixup: f64,
}

impl Augmentation {
    /// The range of `turn`, in degrees.
    pub const TURN: Range = Range::Number(Included(0.0), Included(180.0));
    /// The range of `shear`, in degrees.
    pub const SHEAR: Range = Range::Number(Included(0.0), Included(60.0));

    /// The paper's augmentation: random horizontal flips only.
    pub fn paper() -> Self {
        Self { flip: true, ..Self::default() }
    }

    /// Whether images are mixed, so that targets come from [`crate::fill_shares`].
    pub fn mixes(&self) -> bool {
        self.cutmix > 0.0 || self.mixup > 0.0
    }

    /// Checks the values: probabilities in 0 to 1, and no option that would have no effect.
    pub fn check(&self) -> Result<(), DataError> {
        let refuse = |value: String, expected| Err(DataError::Value { value, expected });
        if !(0.0..=1.0).contains(&self.erase) {
            return refuse(format!("erase = {}", self.erase), "a probability");
        }
        if !(0.0..=1.0).contains(&self.cutmix) {
            return refuse(format!("cutmix = {}", self.cutmix), "a probability");
        }
        if !(0.0..=4.0).contains(&self.mixup) {
            return refuse(format!("mixup = {}", self.mixup), "from 0 to 4");
        }
        if self.cutmix == 1.0 && self.mixup > 0.0 {
            let value = format!("cutmix = 1, mixup = {}", self.mixup);
            return refuse(value, "possible: with cutmix = 1, mixup never applies");
        }
        if self.flip && self.alternating_flip {
            let value = "flip = true, alternating_flip = true".to_owned();
            return refuse(value, "possible: choose one kind of flip");
        }
        if self.shift_edge && self.shift == 0 && !self.warps() {
            let expected = "effective without shift, turn, zoom or shear";
            return refuse("shift_edge = true".to_owned(), expected);
        }
        Ok(())
    }

    /// Whether images are turned, zoomed or sheared.
    pub(crate) fn warps(&self) -> bool {
        self.turn > 0.0 || self.zoom > 0.0 || self.shear > 0.0
    }

    /// Whether brightness, contrast or colour are changed.
    pub(crate) fn colours(&self) -> bool {
        self.brightness > 0.0 || self.contrast > 0.0 || self.colour > 0.0
    }
}

/// The random numbers of one epoch.
struct Draws {
    flip: Stream,
    shift: Stream,
    cutout: Stream,
    erase: [Stream; 2],
    noise: Stream,
}

impl Draws {
    fn new(augmentation: &Augmentation, seed: u64, epoch: u64) -> Self {
        let augment = |item| Stream::new(seed, Purpose::Augment, item, epoch);
        let flip_time = if augmentation.alternating_flip { 0 } else { epoch };
        Self {
            flip: Stream::new(seed, Purpose::Flip, 0, flip_time),
            shift: augment(0),
            cutout: augment(1),
            erase: [augment(2), augment(3)],
            noise: augment(4),
        }
    }
}

/// Fills `batch` (n, h, w, c) with the images at `indices`, augmented for (seed, epoch).
///
/// The contents of `batch` are replaced; it allocates only if it was never that large. Panics on an
/// index without an image.
pub fn fill_batch(
    images: &Images,
    indices: &[u32],
    augmentation: &Augmentation,
    seed: u64,
    epoch: u64,
    batch: &mut Vec<u8>,
) {
    let shape = images.shape;
    let draws = Draws::new(augmentation, seed, epoch);
    let mut photographs = Photographs::new(augmentation, seed, epoch);
    let mut partner = vec![0; if augmentation.mixes() { shape.len() } else { 0 }];
    batch.resize(indices.len() * shape.len(), 0);
    for (&index, out) in indices.iter().zip(batch.chunks_exact_mut(shape.len())) {
        augment(images, index, augmentation, &draws, &mut photographs, epoch, out);
        let count = images.pixels.len() / shape.len();
        if let Some(mixture) = Mixture::of(augmentation, (seed, epoch), index, count, shape) {
            let (from, to) = (mixture.partner, &mut partner[..]);
            augment(images, from, augmentation, &draws, &mut photographs, epoch, to);
            mixture.apply(out, &partner, shape);
        }
    }
}

/// Copies image `index` to `out` with all augmentation except mixing.
fn augment(
    images: &Images,
    index: u32,
    augmentation: &Augmentation,
    draws: &Draws,
    photographs: &mut Option<Photographs>,
    epoch: u64,
    out: &mut [u8],
) {
    let shape = images.shape;
    let place = u64::from(index);
    let flip = if augmentation.alternating_flip {
        u64::from(draws.flip.bits(place) >> 31) ^ (epoch & 1) == 1
    } else {
        augmentation.flip && draws.flip.bits(place) >> 31 == 1
    };
    let image = images.get(index as usize);
    if augmentation.shift > 0 {
        let by = offsets(&draws.shift, index, augmentation.shift, shape);
        copy_shifted(image, out, shape, by, augmentation.shift_edge);
    } else {
        out.copy_from_slice(image);
    }
    if flip {
        mirror(out, shape);
    }
    if let Some(photographs) = photographs {
        photographs.apply(out, shape, index);
    }
    if augmentation.cutout > 0 {
        cut_out(out, shape, augmentation.cutout, draws.cutout.block(index));
    }
    if augmentation.erase > 0.0 {
        erase(out, shape, augmentation.erase, draws, index);
    }
}

/// A whole number in 0 .. `bound` from 32 random bits.
pub(crate) fn below(bits: u32, bound: usize) -> usize {
    ((u64::from(bits) * bound as u64) >> 32) as usize
}

/// A number in [0, 1) from 32 random bits.
pub(crate) fn unit(bits: u32) -> f64 {
    f64::from(bits) / 4_294_967_296.0
}

/// How far the image moves down and to the right: each in -k ..= k, k at most the image's side.
fn offsets(stream: &Stream, index: u32, k: usize, shape: Shape) -> [isize; 2] {
    let [y, x, ..] = stream.block(index);
    let draw = |bits, side: usize| {
        let k = k.min(side);
        below(bits, 2 * k + 1) as isize - k as isize
    };
    [draw(y, shape.height), draw(x, shape.width)]
}

/// Copies `image` moved by `by` = [down, right], each at most the image's side.
fn copy_shifted(image: &[u8], out: &mut [u8], shape: Shape, by: [isize; 2], edge: bool) {
    let Shape { height, width, channels } = shape;
    let [down, right] = by;
    // Columns of the output that come from the image, and where they begin.
    let start = right.max(0) as usize;
    let end = (width as isize + right.min(0)) as usize;
    let origin = (-right).max(0) as usize;
    let row_bytes = width * channels;
    for (y, row) in out.chunks_exact_mut(row_bytes).enumerate() {
        let from = y as isize - down;
        let near = from.clamp(0, height as isize - 1);
        if from != near && !edge {
            row.fill(0);
            continue;
        }
        let source = &image[near as usize * row_bytes..][..row_bytes];
        let (left, rest) = row.split_at_mut(start * channels);
        let (middle, rest) = rest.split_at_mut((end - start) * channels);
        middle.copy_from_slice(&source[origin * channels..][..middle.len()]);
        let fill = |side: &mut [u8], pixel: &[u8]| {
            for uncovered in side.chunks_exact_mut(channels) {
                if edge { uncovered.copy_from_slice(pixel) } else { uncovered.fill(0) }
            }
        };
        fill(left, &source[..channels]);
        fill(rest, &source[row_bytes - channels..]);
    }
}

/// Mirrors left and right of images (n, h, w, c), in place.
pub fn mirror(images: &mut [u8], shape: Shape) {
    let Shape { width, channels, .. } = shape;
    for row in images.chunks_exact_mut(width * channels) {
        if channels == 1 {
            row.reverse();
            continue;
        }
        for x in 0..width / 2 {
            for c in 0..channels {
                row.swap(x * channels + c, (width - 1 - x) * channels + c);
            }
        }
    }
}

/// Blackens the square of `side` pixels around a random pixel, as far as it lies in the image.
fn cut_out(image: &mut [u8], shape: Shape, side: usize, bits: [u32; 4]) {
    let [y, x] = [below(bits[0], shape.height), below(bits[1], shape.width)];
    let side = side.min(2 * (shape.height + shape.width));
    let ends = |centre: usize, limit: usize| {
        let start = centre as isize - (side / 2) as isize;
        [start.max(0) as usize, ((start + side as isize) as usize).min(limit)]
    };
    let ([top, bottom], [left, right]) = (ends(y, shape.height), ends(x, shape.width));
    for y in top..bottom {
        let row = y * shape.width;
        image[(row + left) * shape.channels..(row + right) * shape.channels].fill(0);
    }
}

/// Fills a random rectangle with random bytes, with the given probability.
fn erase(image: &mut [u8], shape: Shape, probability: f64, draws: &Draws, index: u32) {
    let [chance, area, aspect, _] = draws.erase[0].block(index);
    if unit(chance) >= probability {
        return;
    }
    let area = (0.02 + 0.38 * unit(area)) * (shape.height * shape.width) as f64;
    // The aspect ratio is drawn evenly on a logarithmic scale, so that tall and wide are equally likely.
    let aspect = (0.3_f64.ln() + (3.3_f64.ln() - 0.3_f64.ln()) * unit(aspect)).exp();
    let side = |length: f64, limit: usize| (length.round() as usize).clamp(1, limit);
    let height = side((area * aspect).sqrt(), shape.height);
    let width = side((area / aspect).sqrt(), shape.width);
    let place = draws.erase[1].block(index);
    let top = below(place[0], shape.height - height + 1);
    let left = below(place[1], shape.width - width + 1);
    // Every 16 pixels of an image get their own block of 16 random bytes; two images share noise only
    // where their counters wrap around.
    let mut counter = index.wrapping_mul(0x9E37_79B9);
    for y in top..top + height {
        let row = &mut image[(y * shape.width + left) * shape.channels..][..width * shape.channels];
        for bytes in row.chunks_mut(16) {
            let noise = draws.noise.block(counter).map(u32::to_le_bytes);
            bytes.copy_from_slice(&noise.as_flattened()[..bytes.len()]);
            counter = counter.wrapping_add(1);
        }
    }
}
