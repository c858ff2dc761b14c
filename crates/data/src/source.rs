//! Where data comes from, and the one way to load it.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::Dataset;
use crate::recognise::name_fashion;
use crate::split::{Split, divide};
use crate::{competition, embedded, idx_folder, picture_folder};

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The 7,000 images of the paper's split that are part of the program.
    Embedded,
    /// A folder; what it holds says how it is read.
    Folder(PathBuf),
}

/// As it is written on the command line.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

/// `embedded`, or a path (`./embedded` for a folder of that name).
impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "embedded" => Self::Embedded,
            path => Self::Folder(path.into()),
        })
    }
}

/// Loads the data of `source`, divided by `split`; `seed` is for splits that are drawn with one.
pub fn load(source: &Source, split: &Split, seed: u64) -> Result<Dataset, DataError> {
    let collection = match source {
        Source::Embedded if *split.base() == Split::Full => {
            return Err(DataError::Split {
                split: split.to_string(),
                name: embedded::FASHION.to_owned(),
                problem: "7,000 images are embedded, the full split is of 70,000: \
                          `modiste data fetch FOLDER`, then --data FOLDER"
                    .to_owned(),
            });
        }
        Source::Embedded => embedded::collection()?,
        Source::Folder(path) => open(path)?,
    };
    divide(collection, split, seed)
}

/// Reads the folder as what it is.
fn open(folder: &Path) -> Result<Collection, DataError> {
    std::fs::read_dir(folder).map_err(|error| DataError::io(folder, error))?;
    let name = std::fs::canonicalize(folder)
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "data".to_owned());
    if idx_folder::is_here(folder) || competition::is_here(folder) {
        let mut collection = if idx_folder::is_here(folder) {
            idx_folder::collection(folder, name)?
        } else {
            competition::collection(folder, name)?
        };
        name_fashion(&mut collection)?;
        return Ok(collection);
    }
    if picture_folder::is_here(folder)? {
        return picture_folder::collection(folder, name);
    }
    Err(DataError::file(
        folder.display().to_string(),
        "holds neither IDX files, nor train.npy and train.csv, nor one sub-folder of images a class",
    ))
}
