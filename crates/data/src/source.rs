//! Sources of data, and loading them.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::{Dataset, Images};
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::photo::Preparation;
use crate::split::{Split, divide};
use crate::tree::Tree;
use crate::{embedded, formats, memory};

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Fashion-MNIST as published, 70,000 images, embedded in the program.
    Embedded,
    /// A folder, an archive or a file, whose contents decide how it is read. `fashion-mnist` means
    /// the embedded data if there is no folder of that name.
    Folder(PathBuf),
}

/// Formatted as on the command line.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

/// Parses `embedded`, or a path (`./embedded` for a folder of that name).
impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "embedded" => Self::Embedded,
            path => Self::Folder(path.into()),
        })
    }
}

/// Loads the data of `source`, divided by `split`; `seed` draws splits that need one.
///
/// # Errors
/// As [`load_with`].
pub fn load(source: &Source, split: &Split, seed: u64) -> Result<Dataset, DataError> {
    load_with(source, split, seed, &Options::default())
}

/// Like [`load`], with options.
///
/// # Errors
/// If the source does not exist, is damaged, has no supported format or too few images for the split, or
/// does not fit into memory.
pub fn load_with(
    source: &Source,
    split: &Split,
    seed: u64,
    options: &Options,
) -> Result<Dataset, DataError> {
    let mut skipped = Skipped::default();
    let mut collection = match source {
        Source::Embedded => embedded::collection()?,
        Source::Folder(path) if path.as_os_str() == embedded::FASHION && !path.exists() => {
            embedded::collection()?
        }
        Source::Folder(path) => open(path, options, &mut skipped)?,
    };
    fit_images(&mut collection, options)?;
    if options.strict {
        skipped.refuse(&source.to_string())?;
    }
    let mut data = divide(collection, split, seed)?;
    data.skipped = skipped;
    Ok(data)
}

/// Reads the files at `path` in their format.
pub(crate) fn open(
    path: &Path,
    options: &Options,
    skipped: &mut Skipped,
) -> Result<Collection, DataError> {
    let tree = Tree::open(path, skipped)?;
    formats::read(&tree, options, skipped)
}

/// Fits the images of arrays, which have one shape, to the options or to a model.
pub(crate) fn fit_images(collection: &mut Collection, options: &Options) -> Result<(), DataError> {
    let shape = collection.train.images.shape;
    let wanted = match (options.preparation, options.size) {
        (Some(preparation), _) => preparation,
        (None, Some((height, width))) => Preparation {
            shape: Shape { height, width, ..shape },
            fit: options.fit,
            ..collection.preparation
        },
        (None, None) => return Ok(()),
    };
    let name = collection.name.clone();
    let parts =
        [Some(&mut collection.train), collection.validation.as_mut(), collection.test.as_mut()];
    for part in parts.into_iter().flatten().filter(|_| shape != wanted.shape) {
        let bytes = part.len() as u64 * wanted.shape.len() as u64;
        memory::check(&name, bytes)?;
        let mut pixels = Vec::with_capacity(part.len() * wanted.shape.len());
        for i in 0..part.len() {
            pixels.extend(wanted.image(part.images.get(i), shape, &name)?);
        }
        part.images = Images { shape: wanted.shape, pixels };
    }
    collection.preparation = wanted;
    Ok(())
}
