//! Statistics of data: balance of classes, mean and deviation of pixels, duplicates.

use std::collections::HashMap;

use modiste_spec::Shape;
use serde::Serialize;

use crate::dataset::{Dataset, Images, Part, PartName};
use crate::passed_over::PassedOver;

/// Number of duplicates listed one by one.
const EXAMPLES: usize = 20;

/// The result of [`info`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataInfo {
    /// The name of the data set.
    pub name: String,
    /// The split.
    pub split: String,
    /// The shape of every image.
    pub shape: Shape,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Training, validation and test part.
    pub parts: Vec<PartInfo>,
    /// Pixels of training and validation part together (of Fashion-MNIST's full split: of the
    /// official training file, whose published mean and deviation are 0.2860406 and 0.3530242).
    pub train_and_validation: PixelStatistics,
    /// For each part, and each pair of parts: how many images of the second are also in the first.
    pub duplicates: Vec<DuplicateCount>,
    /// The first of these duplicates, one by one.
    pub duplicate_examples: Vec<Duplicate>,
    /// The files of the source that were not used.
    pub passed_over: Vec<PassedOver>,
    /// Number of images whose pixels all have the same value, such as black ones.
    pub constant: usize,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartInfo {
    /// Which part.
    pub part: PartName,
    /// Number of images.
    pub images: usize,
    /// Whether the labels are known.
    pub labelled: bool,
    /// Images of each class; empty without labels.
    pub classes: Vec<ClassCount>,
    /// Whether all classes have the same number of images; false without labels.
    pub balanced: bool,
    /// Mean and deviation.
    pub pixels: PixelStatistics,
}

/// One class within a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassCount {
    /// The name of the class.
    pub name: String,
    /// Number of images.
    pub images: usize,
    /// Share of the part's images.
    pub share: f64,
}

/// Pixels as numbers in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PixelStatistics {
    /// Mean of pixel / 255; 0 without pixels.
    pub mean: f64,
    /// Standard deviation of pixel / 255 over all pixels; 0 without pixels.
    pub deviation: f64,
}

/// Duplicates within one part or between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DuplicateCount {
    /// The part that comes first.
    pub first: PartName,
    /// The part whose images are counted.
    pub second: PartName,
    /// Number of images of `second` that equal one of `first`; within one part, an earlier one.
    pub images: usize,
    /// Number of these with different labels.
    pub other_label: usize,
}

/// An image that equals an earlier one, pixel by pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Part and position of the earlier image.
    pub first: (PartName, usize),
    /// Part and position of the later one.
    pub second: (PartName, usize),
}

/// Computes the statistics of `data`.
pub fn info(data: &Dataset) -> DataInfo {
    let parts = PartName::ALL.map(|name| part_info(name, data.part(name), &data.classes));
    let (duplicates, duplicate_examples) = find_duplicates(data);
    DataInfo {
        name: data.name.clone(),
        split: data.split.clone(),
        shape: data.shape(),
        classes: data.classes.clone(),
        parts: parts.to_vec(),
        train_and_validation: statistics(&[&data.train.images, &data.validation.images]),
        duplicates,
        duplicate_examples,
        passed_over: data.skipped.all().to_vec(),
        constant: PartName::ALL.iter().map(|&name| constant(&data.part(name).images)).sum(),
    }
}

/// Number of images whose pixels all have the same value.
fn constant(images: &Images) -> usize {
    let even = |i: &usize| {
        let mut pixels = images.get(*i).chunks_exact(images.shape.channels);
        let first = pixels.next();
        pixels.all(|pixel| Some(pixel) == first)
    };
    (0..images.len()).filter(even).count()
}

fn part_info(name: PartName, part: &Part, classes: &[String]) -> PartInfo {
    let counts = part.class_counts(classes.len()).unwrap_or_default();
    let all = part.len().max(1) as f64;
    let of_class = |(name, &images): (&String, &usize)| ClassCount {
        name: name.clone(),
        images,
        share: images as f64 / all,
    };
    PartInfo {
        part: name,
        images: part.len(),
        labelled: part.labels.is_some(),
        classes: classes.iter().zip(&counts).map(of_class).collect(),
        balanced: part.labels.is_some() && counts.windows(2).all(|pair| pair[0] == pair[1]),
        pixels: statistics(&[&part.images]),
    }
}

/// Mean and deviation from a histogram of the bytes, computed exactly with whole numbers.
fn statistics(parts: &[&Images]) -> PixelStatistics {
    let mut histogram = [0_u64; 256];
    for images in parts {
        for &pixel in &images.pixels {
            histogram[usize::from(pixel)] += 1;
        }
    }
    let moment = |power: u32| {
        (0_u64..).zip(&histogram).map(|(v, &n)| u128::from(n) * u128::from(v.pow(power))).sum()
    };
    let [count, sum, squares]: [u128; 3] = [0, 1, 2].map(moment);
    if count == 0 {
        return PixelStatistics { mean: 0.0, deviation: 0.0 };
    }
    // n^2 times the variance, exactly.
    let spread = (count * squares - sum * sum) as f64;
    let count = count as f64;
    PixelStatistics { mean: sum as f64 / count / 255.0, deviation: spread.sqrt() / count / 255.0 }
}

/// An image and its position.
struct ImageRef {
    part: PartName,
    index: usize,
    label: Option<u16>,
}

/// Exact duplicates. An image is compared with the first occurrence of its pixels in each part.
fn find_duplicates(data: &Dataset) -> (Vec<DuplicateCount>, Vec<Duplicate>) {
    let mut counts = every_pair();
    let mut examples = Vec::new();
    let mut seen: HashMap<&[u8], Vec<ImageRef>> = HashMap::new();
    for part in PartName::ALL {
        let Part { images, labels, .. } = data.part(part);
        for index in 0..images.len() {
            let this = ImageRef { part, index, label: labels.as_ref().map(|labels| labels[index]) };
            let earlier = seen.entry(images.get(index)).or_default();
            earlier.iter().for_each(|that| count(&mut counts, that, &this));
            if let Some(that) = earlier.first().filter(|_| examples.len() < EXAMPLES) {
                examples.push(Duplicate { first: (that.part, that.index), second: (part, index) });
            }
            if earlier.iter().all(|that| that.part != part) {
                earlier.push(this);
            }
        }
    }
    (counts, examples)
}

/// Counts of 0 for each part by itself and with each part before it.
fn every_pair() -> Vec<DuplicateCount> {
    let up_to = |second| PartName::ALL.iter().position(|&part| part == second).unwrap_or(0);
    let pairs = PartName::ALL.into_iter().flat_map(|second| {
        PartName::ALL.into_iter().take(up_to(second) + 1).map(move |first| (first, second))
    });
    pairs
        .map(|(first, second)| DuplicateCount { first, second, images: 0, other_label: 0 })
        .collect()
}

/// Counts `this` as a duplicate of `that`.
fn count(counts: &mut [DuplicateCount], that: &ImageRef, this: &ImageRef) {
    for count in counts {
        if (count.first, count.second) == (that.part, this.part) {
            count.images += 1;
            count.other_label +=
                usize::from(that.label.zip(this.label).is_some_and(|(a, b)| a != b));
        }
    }
}
