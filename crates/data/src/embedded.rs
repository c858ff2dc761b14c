//! The paper's split of Fashion-MNIST, part of the program: 5,000 / 1,000 / 1,000 images.
//!
//! The files are made by `cargo run -p modiste-data --example embed -- FOLDER`; their licence lies
//! beside them.

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

/// The name under which the data is known.
pub(crate) const FASHION: &str = "fashion-mnist";

/// Name and bytes of one embedded file.
type File = (&'static str, &'static [u8]);

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../embedded/", $name)))
    };
}

/// Images and labels of each part; the images of test come from the official test file, all
/// others from the official training file.
pub const EMBEDDED_FILES: [[File; 2]; 3] = [
    [file!("train-images-idx3-ubyte.gz"), file!("train-labels-idx1-ubyte.gz")],
    [file!("validation-images-idx3-ubyte.gz"), file!("validation-labels-idx1-ubyte.gz")],
    [file!("test-images-idx3-ubyte.gz"), file!("test-labels-idx1-ubyte.gz")],
];

/// The embedded images.
pub(crate) fn collection() -> Result<Collection, DataError> {
    let [train, validation, test] = EMBEDDED_FILES;
    Ok(Collection {
        name: FASHION.to_owned(),
        classes: FASHION_CLASSES.map(str::to_owned).to_vec(),
        train: part(train)?,
        validation: Some(part(validation)?),
        test: Some(part(test)?),
        embedded: true,
    })
}

/// One embedded part.
fn part(files: [File; 2]) -> Result<Part, DataError> {
    let [(images, image_bytes), (labels, label_bytes)] = files;
    idx_folder::parse_part((image_bytes, images), (label_bytes, labels))
}
