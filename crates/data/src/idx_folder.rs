//! A folder of the four IDX files under their official names.

use std::path::{Path, PathBuf};

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::{Collection, check_labels, check_shape, count_classes};
use crate::dataset::{Images, Part};
use crate::files::read;
use crate::idx::{MAX_BYTES, parse_idx};

/// Beginning and kind of each file name: images and labels to train on and to test on.
const FILES: [(&str, &str); 4] = [
    ("train-images", "idx3-ubyte"),
    ("train-labels", "idx1-ubyte"),
    ("t10k-images", "idx3-ubyte"),
    ("t10k-labels", "idx1-ubyte"),
];

/// The file of that sort in `folder`: unpacked or not, with a dash or a dot as some copies have it.
fn find(folder: &Path, (stem, kind): (&str, &str)) -> Option<PathBuf> {
    let names = ["-", "."].into_iter().flat_map(|mark| {
        ["", ".gz"].map(|packed| folder.join(format!("{stem}{mark}{kind}{packed}")))
    });
    names.into_iter().find(|path| path.exists())
}

/// Whether `folder` holds one of the files.
pub(crate) fn is_here(folder: &Path) -> bool {
    FILES.iter().any(|&file| find(folder, file).is_some())
}

/// Reads the four files.
pub(crate) fn collection(folder: &Path, name: String) -> Result<Collection, DataError> {
    let mut found = Vec::new();
    for (stem, kind) in FILES {
        let path = find(folder, (stem, kind)).ok_or_else(|| {
            let file = folder.join(format!("{stem}-{kind}.gz"));
            DataError::file(file.display().to_string(), "is missing, gzipped or not")
        })?;
        found.push((read(&path, MAX_BYTES)?, path.display().to_string()));
    }
    let part = |i: usize| {
        let [images, labels] = [&found[i], &found[i + 1]];
        parse_part((&images.0, &images.1), (&labels.0, &labels.1))
    };
    let (train, test) = (part(0)?, part(2)?);
    let classes = count_classes(train.labels.as_deref().unwrap_or_default(), &found[1].1)?;
    check_labels(&test, classes, &found[3].1)?;
    check_shape(&test, train.images.shape, &found[2].1)?;
    let classes = (0..classes).map(|class| class.to_string()).collect();
    Ok(Collection { name, classes, train, validation: None, test: Some(test), embedded: false })
}

/// One part from the bytes and names of its two files.
pub(crate) fn parse_part(images: (&[u8], &str), labels: (&[u8], &str)) -> Result<Part, DataError> {
    let part = Part {
        images: parse_images(images.0, images.1)?,
        labels: Some(parse_labels(labels.0, labels.1)?),
    };
    check_labels(&part, usize::from(u16::MAX) + 1, labels.1)?;
    Ok(part)
}

/// The images of an IDX file: (n, h, w) grey or (n, h, w, c) with one or three channels.
pub fn parse_images(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let idx = parse_idx(bytes, name)?;
    let (_, shape) = image_dims(&idx.dims).map_err(|problem| DataError::file(name, problem))?;
    Ok(Images { shape, pixels: idx.data })
}

/// How many images of which shape dimensions stand for.
pub(crate) fn image_dims(dims: &[usize]) -> Result<(usize, Shape), String> {
    let (n, height, width, channels) = match *dims {
        [n, height, width] => (n, height, width, 1),
        [n, height, width, channels @ (1 | 3)] => (n, height, width, channels),
        _ => return Err(format!("has dimensions {dims:?}, which are not those of images")),
    };
    if n == 0 || height == 0 || width == 0 {
        return Err(format!("holds no image: {n} of {height} x {width} pixels"));
    }
    Ok((n, Shape { height, width, channels }))
}

/// The labels of an IDX file.
pub fn parse_labels(bytes: &[u8], name: &str) -> Result<Vec<u16>, DataError> {
    let idx = parse_idx(bytes, name)?;
    if idx.dims.len() != 1 {
        let problem = format!("has dimensions {:?}, which are not those of labels", idx.dims);
        return Err(DataError::file(name, problem));
    }
    Ok(idx.data.into_iter().map(u16::from).collect())
}
