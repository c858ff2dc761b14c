//! What a loaded data set is: images as bytes, labels as class indices, three parts.

use std::fmt;
use std::str::FromStr;

use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Images of one shape, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The shape that all of them have; never empty.
    pub shape: Shape,
    /// (n, h, w, c), channels last.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.shape.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The pixels (h, w, c) of image `i`; panics where there is none.
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
}

/// One part of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The images.
    pub images: Images,
    /// The class of each image; none where the source keeps them to itself (a competition's test part).
    pub labels: Option<Vec<u16>>,
}

impl Part {
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
        }
    }

    /// The number of images of each of `classes` classes; none without labels.
    pub fn class_counts(&self, classes: usize) -> Option<Vec<usize>> {
        let labels = self.labels.as_ref()?;
        let mut counts = vec![0; classes];
        for &label in labels {
            counts[usize::from(label)] += 1;
        }
        Some(counts)
    }
}

/// The three parts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartName {
    /// What parameters are fitted to.
    Train,
    /// What epoch, schedule and hyperparameters are chosen by.
    Validation,
    /// The test set: no choice depends on it.
    Test,
}

impl PartName {
    /// All parts in their usual order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

impl FromStr for PartName {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let expected = "a part of the data: train, validation or test";
        Self::ALL
            .into_iter()
            .find(|part| part.to_string() == text)
            .ok_or_else(|| DataError::Value { value: text.to_owned(), expected })
    }
}

/// A data set, split and ready to train on.
///
/// Every training image and validation image has a label under `classes.len()`, and every class
/// has a training image. The validation and test parts may be empty (`T/0/0`, a folder without
/// a test part), and the test part may have no labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `fashion-mnist`, or the name of the folder.
    pub name: String,
    /// The name of each class.
    pub classes: Vec<String>,
    /// The split as it is written on the command line.
    pub split: String,
    /// The part to train on.
    pub train: Part,
    /// The part to choose by.
    pub validation: Part,
    /// The part to report on.
    pub test: Part,
}

impl Dataset {
    /// The part of that name.
    pub fn part(&self, name: PartName) -> &Part {
        match name {
            PartName::Train => &self.train,
            PartName::Validation => &self.validation,
            PartName::Test => &self.test,
        }
    }

    /// The same bytes as images of one pixel that has all values as its channels: for what knows no
    /// neighbourhood.
    #[must_use]
    pub fn flat(mut self) -> Self {
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            let channels = part.images.shape.len();
            part.images.shape = Shape { height: 1, width: 1, channels };
        }
        self
    }

    /// The shape of every image in every part.
    pub fn shape(&self) -> Shape {
        self.train.images.shape
    }
}
