//! What a source holds before it is split, and the checks that every source must pass.

use modiste_spec::Shape;

use crate::DataError;
use crate::dataset::Part;

/// Everything a source holds.
pub(crate) struct Collection {
    /// What to call it.
    pub name: String,
    /// The name of each class.
    pub classes: Vec<String>,
    /// Labelled images to train on, and to draw missing parts from.
    pub train: Part,
    /// The source's own validation part, labelled.
    pub validation: Option<Part>,
    /// The source's own test part, perhaps unlabelled.
    pub test: Option<Part>,
    /// Whether it is the embedded data.
    pub embedded: bool,
}

/// Checks that the labels of `part`, read from `file`, are as many as its images, and under `classes`.
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

/// The number of classes of training labels read from `file`: each from 0 to the largest must occur.
pub(crate) fn count_classes(labels: &[u16], file: &str) -> Result<usize, DataError> {
    let Some(&largest) = labels.iter().max() else {
        return Err(DataError::file(file, "holds no label"));
    };
    let mut seen = vec![false; usize::from(largest) + 1];
    for &label in labels {
        seen[usize::from(label)] = true;
    }
    match seen.iter().position(|&seen| !seen) {
        Some(class) => {
            let problem =
                format!("class {class} has no image, though the labels go up to {largest}");
            Err(DataError::file(file, problem))
        }
        None if seen.len() == 1 => Err(DataError::file(file, "holds one class only")),
        None => Ok(seen.len()),
    }
}
