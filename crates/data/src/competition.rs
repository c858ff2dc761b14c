//! The competition's folder: `train.npy` and `train.csv`, the same for `validation`, and `test.npy`.
//!
//! `test.csv` is read where it lies there; without it the test part has no labels. The sample
//! submission, where there is one, must have a row for every test image.

use std::path::Path;

use crate::DataError;
use crate::collection::{Collection, check_labels, check_shape, count_classes};
use crate::dataset::Part;
use crate::files::read;
use crate::npy::parse_npy;
use crate::table::{count_rows, parse_labels_csv};

/// The most bytes of an npy file: 8-byte floats of the most pixels.
const MAX_FILE: u64 = 16 << 30;
/// The most bytes of a csv file.
const MAX_TABLE: u64 = 1 << 30;

/// Whether `folder` is one of these.
pub(crate) fn is_here(folder: &Path) -> bool {
    ["train.npy", "validation.npy", "test.npy"].iter().any(|file| folder.join(file).exists())
}

/// Reads the files.
pub(crate) fn collection(folder: &Path, name: String) -> Result<Collection, DataError> {
    let shown = |file: &str| folder.join(file).display().to_string();
    let train = part(folder, "train", true)?;
    let labels = train.labels.as_deref().unwrap_or_default();
    let classes = count_classes(labels, &shown("train.csv"))?;
    let optional = |part_name: &str, labelled| {
        let file = format!("{part_name}.npy");
        if !folder.join(&file).exists() {
            return Ok(None);
        }
        let part = part(folder, part_name, labelled)?;
        check_labels(&part, classes, &shown(&format!("{part_name}.csv")))?;
        check_shape(&part, train.images.shape, &shown(&file))?;
        Ok::<_, DataError>(Some(part))
    };
    let validation = optional("validation", true)?;
    let test = optional("test", folder.join("test.csv").exists())?;
    let sample = folder.join("sample_submission.csv");
    if let Some(test) = test.as_ref().filter(|_| sample.exists()) {
        let file = sample.display().to_string();
        let rows = count_rows(&read(&sample, MAX_TABLE)?, &file)?;
        if rows != test.len() {
            let problem = format!("holds {rows} rows for {} test images", test.len());
            return Err(DataError::file(file, problem));
        }
    }
    let classes = (0..classes).map(|class| class.to_string()).collect();
    Ok(Collection { name, classes, train, validation, test, embedded: false })
}

/// One part: images, and labels where there are any.
fn part(folder: &Path, name: &str, labelled: bool) -> Result<Part, DataError> {
    let path = folder.join(format!("{name}.npy"));
    let images = parse_npy(&read(&path, MAX_FILE)?, &path.display().to_string())?;
    let mut part = Part { images, labels: None };
    if labelled {
        let path = folder.join(format!("{name}.csv"));
        let file = path.display().to_string();
        part.labels = Some(parse_labels_csv(&read(&path, MAX_TABLE)?, &file)?);
        check_labels(&part, usize::from(u16::MAX) + 1, &file)?;
    }
    Ok(part)
}
