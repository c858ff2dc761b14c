//! Fashion-MNIST, part of the program: the four official files as published, 70,000 images.
//!
//! They are unpacked when data is loaded, not when the program starts. Their licence is beside them;
//! `tests/embedded.rs` has their MD5 sums.

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::Part;
use crate::idx_folder;

/// The classes of Fashion-MNIST in the order of their labels.
pub const FASHION_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The name of the data.
pub(crate) const FASHION: &str = "fashion-mnist";

/// Name and bytes of one embedded file.
type File = (&'static str, &'static [u8]);

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../embedded/", $name)))
    };
}

/// Images and labels for training and for test, gzipped.
pub const EMBEDDED_FILES: [[File; 2]; 2] = [
    [file!("train-images-idx3-ubyte.gz"), file!("train-labels-idx1-ubyte.gz")],
    [file!("t10k-images-idx3-ubyte.gz"), file!("t10k-labels-idx1-ubyte.gz")],
];

/// The embedded images.
pub(crate) fn collection() -> Result<Collection, DataError> {
    let train = train()?;
    let classes = FASHION_CLASSES.map(str::to_owned).to_vec();
    let mut collection = Collection::new(FASHION, classes, train.images.shape);
    collection.train = train;
    collection.test = Some(part(EMBEDDED_FILES[1])?);
    collection.preparation.garments = true;
    Ok(collection)
}

/// The official training images.
pub(crate) fn train() -> Result<Part, DataError> {
    part(EMBEDDED_FILES[0])
}

/// Images and labels of two embedded files.
fn part(files: [File; 2]) -> Result<Part, DataError> {
    let [(images, image_bytes), (labels, label_bytes)] = files;
    idx_folder::parse_part((image_bytes, images), (label_bytes, labels))
}
