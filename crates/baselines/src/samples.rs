//! Images as rows of bytes, with their labels.

use modiste_data::{Dataset, PartName};
use modiste_spec::random::{Purpose, Stream};

use crate::BaselineError;

/// Labelled images.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    /// (n, values)
    pub pixels: &'a [u8],
    /// The class of each image (n).
    pub labels: &'a [u16],
    /// Values of an image: height x width x channels.
    pub values: usize,
    /// Number of classes.
    pub classes: usize,
}

impl<'a> Samples<'a> {
    /// One part of the data.
    pub fn of(data: &'a Dataset, part: PartName) -> Result<Self, BaselineError> {
        let fail = |problem| BaselineError::Part { part, data: data.name.clone(), problem };
        let source = data.part(part);
        let labels = source.labels.as_deref().ok_or_else(|| fail("has no labels"))?;
        if source.is_empty() {
            return Err(fail("has no images"));
        }
        let values = data.shape().len();
        Ok(Self { pixels: &source.images.pixels, labels, values, classes: data.classes.len() })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The values of image `i`.
    pub fn image(&self, i: usize) -> &'a [u8] {
        &self.pixels[i * self.values..][..self.values]
    }

    /// Mean and variance of all values of all images, as used by scikit-learn's gamma "scale".
    pub fn moments(&self) -> [f64; 2] {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for &pixel in self.pixels {
            sum += u64::from(pixel);
            squares += u64::from(pixel) * u64::from(pixel);
        }
        let n = self.pixels.len() as f64;
        let mean = sum as f64 / n;
        [mean, squares as f64 / n - mean * mean]
    }
}

/// Keeps `images` of the training images, as evenly from all classes as possible, drawn with
/// `seed`; keeps their order.
///
/// # Errors
/// If there are not that many, or too few for one per class.
pub fn draw(data: &mut Dataset, images: usize, seed: u64) -> Result<(), BaselineError> {
    let train = Samples::of(data, PartName::Train)?;
    let (least, most) = (train.classes, train.len());
    if !(least..=most).contains(&images) {
        let reason = format!("from {least}, one per class, to {most}, all training images");
        return Err(BaselineError::Setting {
            setting: "images",
            value: images.to_string(),
            reason,
        });
    }
    // The first of each class, then the second of each class, and so on.
    let mut seen = vec![0_usize; train.classes];
    let order = Stream::new(seed, Purpose::Split, 1, 0).permutation(train.len());
    let mut ranked: Vec<(usize, u32)> = Vec::with_capacity(order.len());
    for i in order {
        let rank = &mut seen[usize::from(train.labels[i as usize])];
        ranked.push((*rank, i));
        *rank += 1;
    }
    ranked.sort_by_key(|&(rank, _)| rank);
    let mut chosen: Vec<u32> = ranked[..images].iter().map(|&(_, i)| i).collect();
    chosen.sort_unstable();
    data.train = data.train.select(&chosen);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_data::{Source, Split};

    #[test]
    fn a_draw_is_balanced_and_repeatable() {
        let data = modiste_data::load(&Source::Embedded, &Split::Paper, 0).unwrap();
        let drawn = |images, seed| {
            let mut data = data.clone();
            draw(&mut data, images, seed).unwrap();
            data.train
        };
        assert_eq!(drawn(5_000, 3), data.train);
        let some = drawn(103, 0);
        let counts = some.class_counts(10).unwrap();
        assert!(counts.iter().all(|&n| n == 10 || n == 11), "{counts:?}");
        assert_eq!(some, drawn(103, 0));
        assert_ne!(some, drawn(103, 1));
        for images in [9, 5_001] {
            let error = draw(&mut data.clone(), images, 0).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("images = {images}: from 10, one per cl")),
                "{error}"
            );
        }
    }
}
