//! The contents of a source before it is split, and the checks that every source must pass.

use modiste_spec::Shape;

use crate::DataError;
use crate::dataset::Part;
use crate::photo::Preparation;

/// The contents of a source.
pub(crate) struct Collection {
    /// The name of the data.
    pub name: String,
    /// The name of each class.
    pub classes: Vec<String>,
    /// Labelled images to train on and to draw missing parts from.
    pub train: Part,
    /// The source's own validation part, labelled.
    pub validation: Option<Part>,
    /// The source's own test part, with or without labels.
    pub test: Option<Part>,
    /// How pictures were prepared, and how pictures to predict are prepared.
    pub preparation: Preparation,
    /// Notes for the user about decisions made.
    pub notes: Vec<String>,
}

impl Collection {
    /// A source without images, whose images will have `shape`.
    pub fn new(name: &str, classes: Vec<String>, shape: Shape) -> Self {
        Self {
            name: name.to_owned(),
            classes,
            train: Part::empty(shape),
            validation: None,
            test: None,
            preparation: Preparation::of(shape),
            notes: Vec::new(),
        }
    }

    /// Sets the part in a slot: 0 for training, 1 for validation, 2 for test.
    pub fn put(&mut self, slot: usize, part: Part) {
        match slot {
            0 => self.train = part,
            1 => self.validation = Some(part),
            _ => self.test = Some(part),
        }
    }
}

/// Checks that `part`, read from `file`, has one label per image, each below `classes`.
pub(crate) fn check_labels(part: &Part, classes: usize, file: &str) -> Result<(), DataError> {
    let Some(labels) = &part.labels else { return Ok(()) };
    if labels.len() != part.len() {
        let problem = format!("holds {} labels for {} images", labels.len(), part.len());
        return Err(DataError::file(file, problem));
    }
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        Some(row) => {
            let label = labels[row];
            let problem = format!("label {label} of image {row} is not among {classes} classes");
            Err(DataError::file(file, problem))
        }
        None => Ok(()),
    }
}

/// Checks that the images of `part`, read from `file`, have the shape of the training images.
pub(crate) fn check_shape(part: &Part, train: Shape, file: &str) -> Result<(), DataError> {
    let shape = part.images.shape;
    if shape != train {
        let problem = format!("holds images of {shape}, the training images are {train}");
        return Err(DataError::file(file, problem));
    }
    Ok(())
}
