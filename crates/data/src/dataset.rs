//! Loaded data sets: images as bytes, labels as class indices, three parts.

use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::passed_over::Skipped;
use crate::photo::Preparation;
use crate::variants::named;

/// Images of one shape, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The shape of every image; never empty.
    pub shape: Shape,
    /// (n, h, w, c), channels last.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.shape.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The pixels (h, w, c) of image `i`; panics if there is no such image.
    pub fn get(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.shape.len()..][..self.shape.len()]
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.shape.len());
        for &i in indices {
            pixels.extend_from_slice(self.get(i as usize));
        }
        Self { shape: self.shape, pixels }
    }

    /// Keeps only the images at `indices`, which must increase, moving them in place.
    fn keep(&mut self, indices: &[u32]) {
        let size = self.shape.len();
        for (to, &from) in indices.iter().enumerate() {
            let from = from as usize * size;
            self.pixels.copy_within(from..from + size, to * size);
        }
        self.pixels.truncate(indices.len() * size);
        self.pixels.shrink_to_fit();
    }
}

/// One part of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The images.
    pub images: Images,
    /// The class of each image; `None` if the source does not reveal them (a competition's test part).
    pub labels: Option<Vec<u16>>,
    /// Where each image came from; empty if unknown.
    pub names: Names,
}

impl Part {
    /// A part whose images have no names.
    pub fn new(images: Images, labels: Option<Vec<u16>>) -> Self {
        Self { images, labels, names: Names::default() }
    }

    /// A part without images, with image shape `shape`.
    pub(crate) fn empty(shape: Shape) -> Self {
        Self::new(Images { shape, pixels: Vec::new() }, Some(Vec::new()))
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The images and labels at `indices`, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let labels = self.labels.as_ref();
        Self {
            images: self.images.select(indices),
            labels: labels.map(|all| indices.iter().map(|&i| all[i as usize]).collect()),
            names: self.names.select(indices),
        }
    }

    /// Keeps only the images at `indices`, which must increase, without further memory.
    pub(crate) fn keep(&mut self, indices: &[u32]) {
        if indices.len() == self.len() {
            return;
        }
        self.images.keep(indices);
        if let Some(labels) = &mut self.labels {
            *labels = indices.iter().map(|&i| labels[i as usize]).collect();
        }
        self.names.keep(indices);
    }

    /// Appends the images of `other`, which have the same shape.
    pub fn append(&mut self, mut other: Self) {
        if self.names.len() == self.len() && other.names.len() == other.len() {
            self.names.append(other.names);
        } else {
            self.names = Names::default();
        }
        self.images.pixels.append(&mut other.images.pixels);
        self.labels = match (self.labels.take(), other.labels) {
            (Some(mut a), Some(b)) => {
                a.extend(b);
                Some(a)
            }
            _ => None,
        };
    }

    /// The number of images of each of `classes` classes; `None` without labels.
    pub fn class_counts(&self, classes: usize) -> Option<Vec<usize>> {
        let labels = self.labels.as_ref()?;
        let mut counts = vec![0; classes];
        for &label in labels {
            counts[usize::from(label)] += 1;
        }
        Some(counts)
    }
}

/// The names of the three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartName {
    /// The training set, to which parameters are fitted.
    Train,
    /// The validation set, which chooses epoch and hyperparameters and guides the schedule.
    Validation,
    /// The test set: no choice depends on it.
    Test,
}

impl PartName {
    /// All parts in their usual order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];
}

named!(PartName, "a part of the data: train, validation or test":
    Train "train", Validation "validation", Test "test");

/// A data set, split and ready to train on.
///
/// Every training and validation image has a label below `classes.len()`, and every class has a
/// training image. The validation and test parts may be empty (`T/0/0`, a folder without a test
/// part), and the test part may have no labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `fashion-mnist`, or the name of the folder.
    pub name: String,
    /// The name of each class.
    pub classes: Vec<String>,
    /// The split as written on the command line.
    pub split: String,
    /// The part to train on.
    pub train: Part,
    /// The part used to choose epoch and settings.
    pub validation: Part,
    /// The part to report on.
    pub test: Part,
    /// How pictures were prepared, and how pictures to predict are prepared.
    pub preparation: Preparation,
    /// The files of the source that were not used.
    pub skipped: Skipped,
    /// Notes for the user about decisions made while loading.
    pub notes: Vec<String>,
}

impl Dataset {
    /// A data set of training, validation and test part, whose pictures needed no preparation.
    pub fn new(name: &str, classes: Vec<String>, split: &str, parts: [Part; 3]) -> Self {
        let [train, validation, test] = parts;
        Self {
            name: name.to_owned(),
            classes,
            split: split.to_owned(),
            preparation: Preparation::of(train.images.shape),
            train,
            validation,
            test,
            skipped: Skipped::default(),
            notes: Vec::new(),
        }
    }

    /// The part of that name.
    pub fn part(&self, name: PartName) -> &Part {
        match name {
            PartName::Train => &self.train,
            PartName::Validation => &self.validation,
            PartName::Test => &self.test,
        }
    }

    /// The shape of every image in every part.
    pub fn shape(&self) -> Shape {
        self.train.images.shape
    }
}
