//! Images and labels from IDX files.

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::check_labels;
use crate::dataset::{Images, Part};
use crate::idx::parse_idx;
use crate::names::Names;

/// One part from the bytes and names of its two files.
pub(crate) fn parse_part(images: (&[u8], &str), labels: (&[u8], &str)) -> Result<Part, DataError> {
    let (name, images) = (images.1, parse_images(images.0, images.1)?);
    let names = Names::within(name, images.len());
    let part = Part { images, labels: Some(parse_labels(labels.0, labels.1)?), names };
    check_labels(&part, usize::from(u16::MAX) + 1, labels.1)?;
    Ok(part)
}

/// The images of an IDX file: (n, h, w) grey or (n, h, w, c) with one or three channels.
pub fn parse_images(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let idx = parse_idx(bytes, name)?;
    let (_, shape) = image_dims(&idx.dims).map_err(|problem| DataError::file(name, problem))?;
    Ok(Images { shape, pixels: idx.data })
}

/// The number and shape of the images that dimensions describe.
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
