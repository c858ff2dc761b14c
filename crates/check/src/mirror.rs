//! Checks whether mirrored or turned pictures still look like their class. Mirrored bees do, but
//! arrows, digits or letters do not; pictures can be turned by any angle if nothing distinguishes
//! up from down, as with cells, coins or shapes on a table.

use crate::thumbnail::Thumbnail;

/// Largest number of pictures used, chosen evenly from all, because each is compared with every other.
const MOST: usize = 1_500;
/// How much less often the nearest picture may have the right class once a picture is mirrored.
const LOSS: f64 = 0.1;

/// How often the nearest other picture, by thumbnail, has the same class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirroring {
    /// Share for the original pictures.
    pub plain: f64,
    /// Share for the mirrored pictures.
    pub mirrored: f64,
    /// Pictures looked at.
    pub pictures: usize,
}

impl Mirroring {
    /// Measures `images`, each (h, w, c), with one label each; `None` if fewer than two can be compared.
    pub fn of(images: &[&[u8]], labels: &[u16], shape: [usize; 3]) -> Option<Self> {
        let chosen = chosen(images, labels, shape);
        if chosen.len() < 2 {
            return None;
        }
        Some(Self {
            plain: share(&chosen, |picture| *picture),
            mirrored: share(&chosen, Thumbnail::mirrored),
            pictures: chosen.len(),
        })
    }

    /// Whether mirrored pictures look like another class more often than chance explains.
    pub fn harms(&self) -> bool {
        harms(self.plain - self.mirrored, self.pictures)
    }
}

/// Whether pictures can be turned by any angle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turning {
    /// How often the nearest other picture has the same class.
    pub plain: f64,
    /// The same for pictures turned by a quarter, a half and three quarters, on average.
    pub turned: f64,
    /// Whether the pictures, or those of a class, have a recognisable upper side.
    pub upright: bool,
    /// Pictures looked at.
    pub pictures: usize,
}

/// Number of pictures needed to conclude that nothing distinguishes up from down.
const ENOUGH: usize = 30;
/// Number of pictures of a class needed to conclude that the class has an upper side.
const ENOUGH_OF_CLASS: usize = 10;
/// Number of standard errors from which a mean counts as different from zero; about a dozen means
/// are tested.
const ERRORS: f64 = 3.5;

impl Turning {
    /// Measures `images`, each (h, w, c), with one label each; `None` if there are too few or they
    /// are not square.
    pub fn of(images: &[&[u8]], labels: &[u16], shape: [usize; 3]) -> Option<Self> {
        let chosen = chosen(images, labels, shape);
        if chosen.len() < ENOUGH || shape[0] != shape[1] {
            return None;
        }
        let quarter = Thumbnail::turned;
        let half = |picture: &Thumbnail| picture.turned().turned();
        let rest = |picture: &Thumbnail| picture.turned().turned().turned();
        let turned = [share(&chosen, quarter), share(&chosen, half), share(&chosen, rest)];
        let classes = labels.iter().copied().max().unwrap_or(0);
        let class = |class| chosen.iter().filter(move |(_, label)| *label == class);
        let of_a_class = (0..=classes).any(|c| is_upright(class(c), ENOUGH_OF_CLASS));
        Some(Self {
            plain: share(&chosen, |picture| *picture),
            turned: turned.iter().sum::<f64>() / 3.0,
            upright: is_upright(chosen.iter(), ENOUGH) || of_a_class,
            pictures: chosen.len(),
        })
    }

    /// Whether turned pictures look unlike the data, or like another class.
    pub fn harms(&self) -> bool {
        self.upright || harms(self.plain - self.turned, self.pictures)
    }
}

/// Whether at least one mean of the properties of upright pictures is not zero, if there are
/// `enough` pictures.
fn is_upright<'a>(pictures: impl Iterator<Item = &'a (Thumbnail, u16)>, enough: usize) -> bool {
    let all: Vec<[f32; 3]> = pictures.map(|(picture, _)| picture.uprightness()).collect();
    let n = all.len() as f64;
    let far = |which: usize| {
        let mean = all.iter().map(|values| f64::from(values[which])).sum::<f64>() / n;
        let square = |values: &[f32; 3]| (f64::from(values[which]) - mean).powi(2);
        let variance = all.iter().map(square).sum::<f64>() / (n - 1.0);
        mean.abs() > ERRORS * (variance / n).sqrt()
    };
    all.len() >= enough && (0..3).any(far)
}

/// Whether this loss of right neighbours is more than chance explains.
fn harms(loss: f64, pictures: usize) -> bool {
    let spread = (0.5 / pictures as f64).sqrt();
    loss > LOSS && loss > 2.0 * spread
}

/// Thumbnails and labels of at most [`MOST`] of the images.
fn chosen(images: &[&[u8]], labels: &[u16], shape: [usize; 3]) -> Vec<(Thumbnail, u16)> {
    let every = images.len().div_ceil(MOST).max(1);
    images
        .iter()
        .zip(labels)
        .step_by(every)
        .filter_map(|(image, &label)| Some((Thumbnail::of(image, shape)?, label)))
        .collect()
}

/// How often the nearest other picture to `of` each picture has the same class.
fn share(chosen: &[(Thumbnail, u16)], of: impl Fn(&Thumbnail) -> Thumbnail) -> f64 {
    let right = |&(i, (picture, label)): &(usize, &(Thumbnail, u16))| {
        nearest(chosen, &of(picture), i) == Some(*label)
    };
    chosen.iter().enumerate().filter(right).count() as f64 / chosen.len() as f64
}

/// The class of the picture nearest to `picture`, excluding picture `but`.
fn nearest(all: &[(Thumbnail, u16)], picture: &Thumbnail, but: usize) -> Option<u16> {
    let others = all.iter().enumerate().filter(|&(i, _)| i != but);
    let distances = others.map(|(_, (other, label))| (picture.distance(other), *label));
    distances.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, label)| label)
}
