//! Recognises Fashion-MNIST by its images, so that its classes get their names.

use std::collections::HashMap;

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::Collection;
use crate::embedded::{self, FASHION, FASHION_CLASSES};

/// The shape of its images.
const SHAPE: Shape = Shape { height: 28, width: 28, channels: 1 };
/// Number of training images examined.
const SAMPLE: usize = 10_000;
/// One in this many must be an official training image of the same class; not all, because labels may
/// have been corrected and images added.
const ONE_IN: usize = 2;

/// Replaces the numbers of the classes of `collection` by Fashion-MNIST's names if its images are from
/// there.
pub(crate) fn name_fashion(collection: &mut Collection) -> Result<(), DataError> {
    let Some(labels) = &collection.train.labels else { return Ok(()) };
    let images = &collection.train.images;
    if collection.classes.len() != FASHION_CLASSES.len() || images.shape != SHAPE {
        return Ok(());
    }
    let known = embedded::train()?;
    let known_labels = known.labels.iter().flatten().copied();
    let known: HashMap<&[u8], u16> =
        (0..known.len()).map(|i| known.images.get(i)).zip(known_labels).collect();
    let looked_at = images.len().min(SAMPLE);
    let same = (0..looked_at).filter(|&i| known.get(images.get(i)) == Some(&labels[i])).count();
    if same * ONE_IN >= looked_at {
        collection.name = FASHION.to_owned();
        collection.classes = FASHION_CLASSES.map(str::to_owned).to_vec();
        collection.preparation.garments = true;
    }
    Ok(())
}
